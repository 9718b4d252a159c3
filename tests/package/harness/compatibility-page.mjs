/** `docs/compatibility.md` from its table. */

const words = { yes: 'yes', partly: 'partly', no: '**no**', inactive: 'inactive', accepted: 'accepted', ours: 'ours' };

const head = `# What of the ACS calling and chat API is there

Written from \`docs/compatibility.json\`, which \`tests/package/compatibility.test.mjs\` holds against the package:
change the table, then \`UPDATE_COMPATIBILITY=1 node --test tests/package/compatibility.test.mjs\`.

The names and shapes are those of \`@azure/communication-calling\` 1.46 and \`@azure/communication-chat\` 1.6. Microsoft's
UI library (\`@azure/communication-react\` 1.34.0) compiles against the declarations with every library checked, and the
declarations of chat and those of \`@azure/communication-chat\` can stand for each other. No member that we know of is missing:

| | |
|---|---|
| yes | does what it does there |
| partly | does some of it; the reason says what |
| inactive | is there and safe to read or to listen to: nothing is going on, and no event comes |
| accepted | is taken and not used |
| **no** | refuses at once with 501/59200 and a sentence that says what to do |
| ours | is not in ACS |

Who may do what in a meeting is another table: [support-matrix.md](support-matrix.md). *Later* means that the rules
allow it and this version does not have it.
`;

function part(title, objects) {
  const lines = [`\n## ${title}\n`];
  for (const [object, entries] of Object.entries(objects)) {
    lines.push(`### ${object}\n`, '| | | |', '|---|---|---|');
    for (const [names, said] of Object.entries(entries)) {
      const [, kind, note = ''] = /^(\w+)(?:: (.+))?$/.exec(said);
      const isEvent = names.startsWith('event ');
      const list = names.includes(',') ? names : names.replace(/^event /, '').split(' ').map((name) => `\`${name}\``).join(', ');
      lines.push(`| ${isEvent ? (list.includes(',') ? 'events ' : 'event ') : ''}${list} | ${words[kind]} | ${note} |`);
    }
    lines.push('');
  }
  return lines.join('\n');
}

export function page({ exports, calling, features, chat, options }) {
  return [
    head,
    part('Values that are exported', exports),
    part('Calling', calling),
    part('Features of a call, a client or a stream', features),
    part('Chat', chat),
    part('Options', options),
  ].join('').trimEnd() + '\n';
}
