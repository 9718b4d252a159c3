/** The package as it is published: which files, and what the two linters of packages say of it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { packageFolder, root, scratch } from './harness/facade.mjs';

const skip = existsSync(join(packageFolder, 'index.js')) ? false : 'not built; run `cargo xtask package`';
const folder = scratch('package');
let packed;

before(() => {
  if (skip) return;
  const npm = spawnSync('npm', ['pack', packageFolder, '--json', '--loglevel=error', '--pack-destination', folder], { encoding: 'utf8', shell: process.platform === 'win32' });
  assert.equal(npm.status, 0, npm.stderr);
  const report = JSON.parse(npm.stdout);
  [packed] = Array.isArray(report) ? report : Object.values(report);
});

/** The parts that entries share are named by their contents. */
const SHARED = /^shared-[A-Z0-9]{8}\.js(\.map)?$/;

test('the tarball holds these files and no others', { skip }, () => {
  const entries = [...readFileSync(join(root, 'wasm-pack.toml'), 'utf8').matchAll(/^output = "(.+)"$/gm)].map(([, output]) => output);
  assert.ok(entries.includes('index.js') && entries.includes('plenary.iife.js'));
  const scripts = entries.flatMap((name) => [name, `${name}.map`]);
  const sources = readdirSync(join(root, 'pkg-template/src'), { recursive: true }).map((path) => path.replaceAll('\\', '/'));
  const declarations = sources.filter((path) => path.endsWith('.ts') && !path.startsWith('generated/')).map((path) => `types/${path.replace(/\.ts$/, '.d.ts')}`);
  const wanted = ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'package.json', 'plenary_bg.wasm', ...scripts, ...declarations];
  const files = packed.files.map(({ path }) => path);
  assert.deepEqual(files.filter((path) => !SHARED.test(path)).sort(), wanted.sort());
  const shared = files.filter((path) => SHARED.test(path));
  assert.deepEqual(shared.filter((path) => path.endsWith('.js')).map((path) => `${path}.map`).sort(), shared.filter((path) => path.endsWith('.map')).sort());
});

test('installed under the names of the originals, it is what they were imported for, without a bundler', { skip }, () => {
  const project = join(folder, 'renamed');
  mkdirSync(project);
  const names = ['@azure/communication-calling', '@azure/communication-calling-effects'];
  const dependencies = Object.fromEntries(names.map((name) => [name, `file:${join(folder, packed.filename)}`]));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }));
  const installed = spawnSync('npm', ['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'], {
    cwd: project, encoding: 'utf8', shell: process.platform === 'win32',
  });
  assert.equal(installed.status, 0, installed.stderr);
  writeFileSync(join(project, 'application.js'), `
    import { CallClient, Features, LocalAudioStream, LocalVideoStream } from '@azure/communication-calling';
    import { BackgroundBlurEffect, BackgroundReplacementEffect, DeepNoiseSuppressionEffect } from '@azure/communication-calling-effects';
    const video = new LocalVideoStream({ id: '', name: '', deviceType: 'UsbCamera' }).feature(Features.VideoEffects);
    const audio = new LocalAudioStream({ id: '', name: '' }).feature(Features.AudioEffects);
    const effects = [new BackgroundBlurEffect(), new BackgroundReplacementEffect({ backgroundImageUrl: '' })];
    console.log(JSON.stringify([
      typeof CallClient, ...effects.map(({ name }) => name), new DeepNoiseSuppressionEffect().name,
      ...await Promise.all(effects.map((effect) => video.isSupported(effect))), await audio.isSupported(new DeepNoiseSuppressionEffect()),
      await effects[0].configure({}).catch(({ code, subCode }) => code + '/' + subCode),
    ]));`);
  const ran = spawnSync(process.execPath, ['application.js'], { cwd: project, encoding: 'utf8' });
  assert.equal(ran.status, 0, ran.stderr);
  assert.deepEqual(JSON.parse(ran.stdout), [
    'function', 'BackgroundBlur', 'BackgroundReplacement', 'DeepNoiseSuppression', false, false, false, '501/59200',
  ]);
});

test('publint finds nothing', { skip }, async () => {
  const { messages } = await publint({ pkgDir: packageFolder, strict: true, pack: 'npm' });
  assert.deepEqual(messages, []);
});

test('are the types wrong? No', { skip }, () => {
  // The package is ES modules alone, as said in its README: `require` finds them (Node 20.19 loads them, too).
  // The script tag's file and the wasm are no modules for TypeScript.
  const attw = spawnSync(process.execPath, [
    fileURLToPath(new URL('node_modules/@arethetypeswrong/cli/dist/index.js', import.meta.url)), join(folder, packed.filename),
    '--format', 'json', '--ignore-rules', 'cjs-resolves-to-esm', '--exclude-entrypoints', 'plenary.iife.js', 'plenary_bg.wasm',
  ], { encoding: 'utf8' });
  assert.equal(attw.status, 0, attw.stdout + attw.stderr);
  const { analysis } = JSON.parse(attw.stdout);
  const { exports } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'));
  const modules = Object.keys(exports).filter((entry) => !/plenary(\.iife\.js|_bg\.wasm)$/.test(entry));
  assert.deepEqual(Object.keys(analysis.entrypoints).sort(), modules.sort());
  assert.deepEqual(analysis.problems.filter(({ kind }) => kind !== 'CJSResolvesToESM'), []);
});
