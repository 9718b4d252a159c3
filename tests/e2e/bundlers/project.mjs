// A project of this folder, made as its developer would: copied, installed from the packed tarball,
// built, served.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freeTcpPort } from '../harness/ports.mjs';
import { packInto, run, serveFiles } from '../lib/packed.mjs';
import { until } from '../lib/until.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const INVARIANTS = fileURLToPath(new URL('../../package/invariants.page.mjs', import.meta.url));

/**
 * Each kind of web app: where its sources are, how it is built, what is served then. `next` and `vite dev`
 * serve themselves.
 */
export const KINDS = {
  'module-page': { sources: '.', served: '.' },
  'script-page': { sources: '.', served: '.' },
  rollup: { sources: 'src', build: ['run', 'build'], served: '.' },
  webpack: { sources: 'src', build: ['run', 'build'], served: '.' },
  vite: { sources: 'src', build: ['run', 'build'], served: 'dist' },
  parcel: { sources: 'src', build: ['run', 'build'], served: 'dist' },
  'vite-dev': { folder: 'vite', sources: 'src', start: (port) => ['vite', '--host', '127.0.0.1', '--port', port, '--strictPort'] },
  next: { sources: 'app', build: ['run', 'build'], start: (port) => ['next', 'start', '--hostname', '127.0.0.1', '--port', port] },
  'next-webpack': { folder: 'next', sources: 'app', build: ['run', 'build', '--', '--webpack'], start: (port) => ['next', 'start', '--hostname', '127.0.0.1', '--port', port] },
  'next-dev': { folder: 'next', sources: 'app', start: (port) => ['next', 'dev', '--hostname', '127.0.0.1', '--port', port] },
};

/** What `npm publish` would send, in a folder that goes away with the test `t`. */
export async function pack(t) {
  const folder = await mkdtemp(join(tmpdir(), 'plenary-packed-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return packInto(folder);
}

/** The installed and built project's folder. */
export async function build(t, kind, tarball) {
  const { folder = kind, sources, build: script } = KINDS[kind];
  const project = await mkdtemp(join(tmpdir(), `plenary-${kind}-`));
  t.after(() => rm(project, { recursive: true, force: true, maxRetries: 5 }));
  await cp(join(HERE, folder), project, { recursive: true, filter: (path) => !path.includes('node_modules') });
  await cp(join(HERE, 'app/meeting.js'), join(project, sources, 'meeting.js'));
  await cp(tarball, join(project, 'plenary-sdk.tgz'));
  if (folder === 'vite') await cp(INVARIANTS, join(project, sources, 'invariants.page.mjs'));
  const npm = (...args) => run('npm', args, { cwd: project, env: environment(), maxBuffer: 2 ** 26 });
  await npm('ci', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error');
  if (script) await npm(...script);
  return project;
}

/** Nothing is reported home, and no tool takes the test runner's own settings for its own. */
function environment() {
  const { NODE_TEST_CONTEXT, NODE_OPTIONS, ...rest } = process.env;
  return { ...rest, NEXT_TELEMETRY_DISABLED: '1', PARCEL_DISABLE_TELEMETRY: '1', CI: '1' };
}

/**
 * Where the project's page is, served by its own server or, with these headers, by one that only hands
 * out files.
 */
export async function serve(t, kind, project, headers = {}) {
  const { served, start } = KINDS[kind];
  if (start) return startServer(t, project, start);
  const server = await serveFiles(join(project, served), headers);
  t.after(() => server.close());
  return server.origin;
}

async function startServer(t, project, start) {
  const port = await freeTcpPort();
  const [program, ...args] = start(String(port));
  const child = spawn(join(project, 'node_modules/.bin', program), args, {
    cwd: project, env: environment(), stdio: ['ignore', 'pipe', 'pipe'], detached: true,
  });
  let log = '';
  for (const out of [child.stdout, child.stderr]) out.on('data', (bytes) => { log += bytes; });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    // Such servers have children of their own.
    process.kill(-child.pid, 'SIGTERM');
    await gone;
  });
  const origin = `http://127.0.0.1:${port}`;
  await until(`${program} answers`, async () => {
    if (child.exitCode !== null) throw new Error(log);
    return (await fetch(origin)).ok;
  }, { patience: 60_000 });
  return origin;
}
