/**
 * The guides in docs/ and the package's README: every snippet of TypeScript, JavaScript and HTML compiles
 * against our declarations, every number of an end reason is in the table and no other, every link leads to
 * something. (TOML is read by `service/tests/docs.rs`; the backend of `tokens.md` runs in tests/conformance.)
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { declarations, root, scratch, tool } from './harness/facade.mjs';

const guides = ['quick-start', 'moving-from-acs', 'tokens', 'hosting', 'troubleshooting'].map((name) => `docs/${name}.md`);
const pages = [...guides, 'pkg-template/README.md', 'README.md'];
const read = (path) => readFileSync(join(root, path), 'utf8');
/** With React and the UI library. */
const installed = fileURLToPath(new URL('ui-library/node_modules', import.meta.url));
const skip = existsSync(installed) ? false : 'not installed; run `npm ci` in tests/package/ui-library';
const folder = scratch('docs');

/** Fenced pieces: the language, what stands behind it, the text. */
const fences = (page) => [...read(page).matchAll(/^```(\w+)([^\n]*)\n([\s\S]*?)^```$/gm)].map(([, language, mark, text]) => ({ language, mark: mark.trim(), text }));

/** What a page says in prose and a snippet takes for granted. */
const given = `
  import type { CommunicationTokenCredential } from 'plenary-sdk';
  import type * as script from './types/script.js';
  declare global {
    const Plenary: typeof script;
    const meetingLink: string, endpoint: string, userToken: string, threadId: string, credential: CommunicationTokenCredential & { dispose(): void };
  }`;

before(() => {
  if (skip) return;
  declarations(folder, []);
  symlinkSync(installed, join(folder, 'node_modules'), 'dir');
});

test('every snippet compiles', { skip }, () => {
  const files = [];
  const add = (page, number, extension, text) => {
    const name = `${page.replaceAll(/[/.]/g, '-')}-${number}.${extension}`;
    writeFileSync(join(folder, name), text);
    files.push(name);
  };
  for (const page of pages) {
    let before = '';
    fences(page).forEach(({ language, mark, text: own }, number) => {
      // What goes on from the snippet before it is compiled with it.
      const text = mark === 'continues' ? before + own : own;
      before = text;
      if (mark === 'runs') return; // A program of a server, which another test runs.
      if (language === 'ts' || language === 'tsx') add(page, number, language, `${text}\nexport {};\n`);
      if (language === 'js') add(page, number, 'js', `${text}\nexport {};\n`);
      if (language === 'html') {
        for (const [, script] of text.matchAll(/<script(?: type="module")?>([\s\S]*?)<\/script>/g)) add(page, number, 'js', `${script}\nexport {};\n`);
      }
    });
  }
  assert.ok(files.length >= 10, `${files.length} snippets`);
  writeFileSync(join(folder, 'given.d.ts'), given);
  const paths = {
    'plenary-sdk': ['./types/index.d.ts'], 'plenary-sdk/*': ['./types/*.d.ts'],
    '@azure/communication-calling': ['./types/index.d.ts'],
  };
  const options = {
    noEmit: true, skipLibCheck: true, target: 'es2022', module: 'es2022', moduleResolution: 'bundler', lib: ['es2023', 'dom', 'dom.iterable'],
    types: ['react', 'node'], jsx: 'react-jsx', allowJs: true, checkJs: true, paths,
  };
  // Scripts without types are taken as their reader would, the others strictly.
  for (const [strict, pattern] of [[true, /tsx?$/], [false, /js$/]]) {
    const compilerOptions = { ...options, strict, noImplicitAny: strict };
    writeFileSync(join(folder, 'tsconfig.docs.json'), JSON.stringify({ compilerOptions, files: ['given.d.ts', ...files.filter((name) => pattern.test(name))] }));
    const { status, stdout } = tool('tsc', ['--project', 'tsconfig.docs.json'], { cwd: folder });
    assert.equal(status, 0, stdout);
  }
});

test('troubleshooting.md has every end reason, and no other', () => {
  const given = new Set();
  for (const [, code, sub] of read('protocol/src/end.rs').matchAll(/ = (\d+) \/ (\d+), "/g)) given.add(`${code}/${sub}`);
  for (const [, code, sub] of read('src/meeting/reasons.rs').matchAll(/= reason\(\s*(\d+),\s*(\d+),/g)) given.add(`${code}/${sub}`);
  for (const [, code, sub] of read('pkg-template/src/errors.ts').matchAll(/new CommunicationServicesError\([^\n]*?, (\d+), (\d+)[,)]/g)) given.add(`${code}/${sub}`);
  assert.ok(given.size > 45, `${given.size} reasons`);
  const listed = new Set();
  for (const line of read('docs/troubleshooting.md').split('\n').filter((text) => text.startsWith('|'))) {
    for (const [pair] of line.split('|')[1].matchAll(/\d+\/\d+/g)) listed.add(pair);
  }
  assert.deepEqual([...given].filter((pair) => !listed.has(pair)), [], 'not in the page');
  assert.deepEqual([...listed].filter((pair) => !given.has(pair)), [], 'given by nobody');
});

test('links between the pages lead to something', () => {
  for (const page of pages) {
    for (const [, path, anchor] of read(page).matchAll(/\]\(([^)#:\s]+\.md)(#[\w-]+)?\)/g)) {
      const target = join(dirname(page), path);
      assert.ok(existsSync(join(root, target)), `${page}: ${path}`);
      const headings = [...read(target).matchAll(/^#+ (.*)$/gm)].map(([, text]) => `#${text.toLowerCase().replaceAll(/[^\w -]/g, '').replaceAll(' ', '-')}`);
      if (anchor) assert.ok(headings.includes(anchor), `${page}: ${path}${anchor}`);
    }
  }
});
