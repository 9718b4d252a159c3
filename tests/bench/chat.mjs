// What a lively thread costs: 250 people, 1,000 messages, everybody is to have all of them in one order.
// The service on SQLite and on PostgreSQL beside ejabberd with its archive on PostgreSQL, in one run, under
// the same load from the same tool (tests/load/src/chat), paced and in bursts.
//
// `cargo xtask bench chat [--people 250] [--messages 1000] [--only NAME] [--check]`; with `--check` a ratio
// above what is expected fails.

import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { EJABBERD_MISSING, ejabberdVersion, findEjabberd, startEjabberd } from './chat/ejabberd.mjs';
import { load } from './chat/load.mjs';
import { startPlenary } from './chat/plenary.mjs';
import { findPostgres, POSTGRES_MISSING, startPostgres } from './chat/postgres.mjs';

const { values } = parseArgs({
  options: {
    people: { type: 'string', default: '250' },
    messages: { type: 'string', default: '1000' },
    only: { type: 'string' },
    check: { type: 'boolean', default: false },
  },
});

/** Forty messages a second to 250 people are 10,000 deliveries; a burst is a question that all answer at once. */
const SCENARIOS = [
  { name: 'paced', rate: 40, burst: 1 },
  { name: 'in bursts of 100', rate: 40, burst: 100 },
];
/** At most these parts of ejabberd's figures. */
const EXPECTED = { p99: 0.5, cpu: 0.5 };

async function onPostgres(act) {
  const postgres = await startPostgres(findPostgres());
  try {
    return await act(postgres);
  } finally {
    await postgres.stop();
  }
}

async function plenary(options, postgres) {
  const service = await startPlenary(postgres);
  try {
    const { thread, tokens } = await service.thread(Number(options.people));
    const where = ['plenary', '--url', service.url, '--thread', thread];
    return await load({ pid: service.pid, database: postgres?.pid, where, tokens }, options);
  } finally {
    await service.stop();
  }
}

async function ejabberd(options, postgres) {
  const server = await startEjabberd(findEjabberd(), postgres);
  try {
    const where = ['xmpp', '--url', server.url, '--room', 'bench@conference.localhost'];
    const result = await load({ pid: server.pid, database: postgres.pid, where }, options);
    const archived = server.archived();
    if (archived !== Number(options.messages)) throw new Error(`ejabberd has ${archived} messages in its archive, not ${options.messages}`);
    return result;
  } finally {
    await server.stop();
  }
}

const servers = [{ name: 'plenary, SQLite', run: (options) => plenary(options) }];
if (!findPostgres()) console.log(`${POSTGRES_MISSING}. Only figures on SQLite follow.`);
else {
  servers.push({ name: 'plenary, PostgreSQL', run: (options) => onPostgres((postgres) => plenary(options, postgres)) });
  if (!findEjabberd()) console.log(`${EJABBERD_MISSING}. Only our own figures follow.`);
  else servers.push({ name: 'ejabberd, PostgreSQL', run: (options) => onPostgres((postgres) => ejabberd(options, postgres)) });
}
const peer = findPostgres() && findEjabberd() ? ejabberdVersion(findEjabberd()) : 'no peer';
console.log(`${values.messages} messages to ${values.people} people: ${peer}, ${cpus().length} × ${cpus()[0].model}`);

const TITLES = [['p50 ms', 9], ['p99 ms', 9], ['most ms', 9], ['CPU µs/delivery', 16], ['database', 9], ['MiB', 7], ['missing', 8], ['one order', 10]];
const cell = (value, width, digits) => (typeof value === 'number' ? value.toFixed(digits) : String(value)).padStart(width);
const missed = [];

for (const { name, ...options } of SCENARIOS) {
  if (values.only && name !== values.only) continue;
  console.log(`\n${name}`);
  console.log(`  ${''.padEnd(21)}${TITLES.map(([title, width]) => cell(title, width)).join('')}`);
  const figures = {};
  for (const server of servers) {
    const end = await server.run({ people: values.people, messages: values.messages, ...options });
    const micros = (seconds) => (seconds * 1e6) / end.delivered;
    const missing = end.expected - end.delivered;
    figures[server.name] = { p99: end.p99, cpu: micros(end.cpu) };
    const row = [[end.p50, 1], [end.p99, 1], [end.most, 1], [micros(end.cpu), 1], [micros(end.databaseCpu), 1], [end.memory, 0], [missing, 0], [end.inOneOrder ? 'yes' : 'NO']];
    console.log(`  ${server.name.padEnd(21)}${row.map(([value, digits], at) => cell(value, TITLES[at][1], digits)).join('')}`);
    if (missing !== 0 || !end.inOneOrder) missed.push(`${name}, ${server.name}: ${missing} missing, one order: ${end.inOneOrder}`);
  }
  const theirs = figures['ejabberd, PostgreSQL'];
  for (const ours of ['plenary, PostgreSQL', 'plenary, SQLite']) {
    if (!theirs || !figures[ours]) continue;
    const ratios = Object.entries(EXPECTED).map(([figure, most]) => {
      const ratio = figures[ours][figure] / theirs[figure];
      if (ratio > most) missed.push(`${name}, ${ours}: ${figure} ${ratio.toFixed(2)}, expected at most ${most}`);
      return `${figure} ${ratio.toFixed(2)}${ratio > most ? ' (MISSED)' : ''}`;
    });
    console.log(`  ${ours} : ejabberd  ${ratios.join(', ')}`);
  }
}

if (missed.length > 0) console.log(`\n${missed.join('\n')}`);
if (values.check && missed.length > 0) process.exitCode = 1;
