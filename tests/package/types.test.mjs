/** The declarations: strict, whole, and documented on every public member. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { declarations, scratch, tool } from './harness/facade.mjs';

const folder = scratch('types');
const types = join(folder, 'types');
/** What applications never see. */
const internal = /^(calling\/(local-media|call-record|membership|live-call-info)|streams\/(camera|rendered|screen)|chat\/(courier|live|notifications|rest|shapes)|address|ids|later|diagnosing|metering|loading|core|runtime|wasm|generated\/.*|features\/base)\.d\.ts$/;

before(() => {
  declarations(folder, ['--noUncheckedIndexedAccess', '--exactOptionalPropertyTypes']);
});

function compile(file, options) {
  const strict = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2023,dom', '--skipLibCheck', 'false', '--types', ''];
  return tool('tsc', ['--ignoreConfig', ...strict, ...options, file], { cwd: folder });
}

const resolutions = [
  ['--module', 'nodenext'],
  ['--module', 'es2022', '--moduleResolution', 'bundler'],
  ['--module', 'nodenext', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'],
];
for (const options of resolutions) {
  test(`an application compiles against them (${options.join(' ')})`, () => {
    cpSync(fileURLToPath(new URL('harness/application.ts', import.meta.url)), join(folder, 'application.ts'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const { status, stdout } = compile('application.ts', options);
    assert.equal(status, 0, stdout);
  });
}

test('the names that the UI library imports are all there', () => {
  const names = readFileSync(new URL('harness/ui-library-names.txt', import.meta.url), 'utf8').split(/\s+/).filter(Boolean);
  assert.ok(names.length > 100);
  writeFileSync(join(folder, 'names.ts'), `export type { ${names.join(', ')} } from './types/index.js';`);
  const { status, stdout } = compile('names.ts', ['--module', 'nodenext']);
  assert.equal(status, 0, stdout);
});

test('every public member has a comment', () => {
  const bare = [];
  for (const name of readdirSync(types, { recursive: true }).map((path) => path.replaceAll('\\', '/'))) {
    if (!name.endsWith('.d.ts') || internal.test(name)) continue;
    const lines = readFileSync(join(types, name), 'utf8').split('\n');
    lines.forEach((line, at) => {
      // Of a class or an interface, or of a shape within one.
      const member = /^ {4,}[\w[].*[;{]$/.test(line) && !line.includes('/**');
      const declared = /^export (declare |interface |type [A-Z]|default )/.test(line);
      if ((member || declared) && !lines[at - 1]?.trimEnd().endsWith('*/')) bare.push(`${name}:${at + 1} ${line.trim()}`);
    });
  }
  assert.deepEqual(bare.filter((line) => !allowed.test(line)), []);
});

/** Members of unions and constraints, which the compiler prints without their comments. */
const allowed = /^enums\.d\.ts:\d+ readonly \w+: '(Une|E)xpected';|\[\w+ in |\[key: string\]|^calling\/call-agent\.d\.ts:\d+ (callsUpdated|connectionStateChanged): |^events\.d\.ts:\d+ (added|removed): |^features\/transfer\.d\.ts:\d+ target|^features\/media-access\.d\.ts:\d+ (mediaAccesses|meetingMediaAccess): /;

test('nothing internal is declared', () => {
  for (const name of readdirSync(types, { recursive: true }).map((path) => path.replaceAll('\\', '/'))) {
    if (!name.endsWith('.d.ts') || internal.test(name)) continue;
    const members = readFileSync(join(types, name), 'utf8').match(/^ {4}(readonly |private |static )*_\w+.*$/gm);
    assert.deepEqual(members ?? [], [], name);
    const functions = [...readFileSync(join(types, name), 'utf8').matchAll(/^export (?:declare |default )+function (\w+)/gm)].map(([, own]) => own);
    assert.deepEqual(functions.filter((own) => !['configure', 'init'].includes(own)), [], name);
  }
});
