/**
 * Microsoft's UI library compiles against our declarations: its own (MIT) with every library checked, where
 * its imports of the two proprietary packages find ours. Its runtime packages are left out by
 * `ui-library/package.json` (126 MB instead of 590), the proprietary ones most of all.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { declarations, scratch, tool } from './harness/facade.mjs';

const library = fileURLToPath(new URL('ui-library', import.meta.url));
const folder = scratch('ui-library');
const installed = join(library, 'node_modules');
const skip = existsSync(installed) ? false : 'not installed; run `npm ci` in tests/package/ui-library';

before(() => {
  if (skip) return;
  declarations(folder, []);
  cpSync(fileURLToPath(new URL('harness/ui-library-app.tsx', import.meta.url)), join(folder, 'app.tsx'));
  symlinkSync(installed, join(folder, 'node_modules'), 'dir');
});

/** What the compiler says with these resolutions on top of ours for calling. */
function compile(paths = {}) {
  const calling = ['./types/index.d.ts'];
  writeFileSync(join(folder, 'tsconfig.app.json'), JSON.stringify({
    compilerOptions: {
      noEmit: true, strict: true, skipLibCheck: false, target: 'es2022', module: 'es2022', moduleResolution: 'bundler',
      lib: ['es2023', 'dom', 'dom.iterable'], types: ['react', 'node'], jsx: 'react-jsx',
      paths: { '@azure/communication-calling': calling, '@azure/communication-calling-effects': ['./types/effects.d.ts'], ...paths },
    },
    files: ['app.tsx'],
  }));
  return tool('tsc', ['--project', 'tsconfig.app.json'], { cwd: folder });
}

test('the library and an application of it compile against our calling', { skip }, () => {
  const { status, stdout } = compile();
  assert.equal(status, 0, stdout);
});

test('and against our chat', { skip }, () => {
  const { status, stdout } = compile({ '@azure/communication-chat': ['./types/chat.d.ts'] });
  assert.equal(status, 0, stdout);
});

test('the check finds a name that is missing', { skip }, () => {
  const whole = readFileSync(join(folder, 'types/public.d.ts'), 'utf8');
  writeFileSync(join(folder, 'types/public.d.ts'), whole.replace(/.*spotlight\.js.*/, ''));
  const { status, stdout } = compile();
  writeFileSync(join(folder, 'types/public.d.ts'), whole);
  assert.notEqual(status, 0);
  assert.match(stdout, /communication-react\.d\.ts.*Spotlight/);
});

test('the proprietary packages are not there', { skip }, () => {
  const lock = JSON.parse(readFileSync(join(library, 'package-lock.json'), 'utf8'));
  for (const [path, { name, resolved }] of Object.entries(lock.packages)) {
    assert.doesNotMatch(`${path} ${name} ${resolved}`, /communication-calling/);
  }
  for (const name of ['communication-calling', 'communication-calling-effects']) {
    assert.equal(existsSync(join(installed, '@azure', name)), false, name);
  }
});
