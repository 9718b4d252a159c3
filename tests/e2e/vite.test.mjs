// The package as it is shipped: packed, installed into a fresh Vite project, built, opened from an
// origin of its own.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startChromium } from './harness/browser.mjs';
import { PACKAGE, Service } from './harness/service.mjs';
import { newGuest } from './lib/blank.mjs';
import { Organiser } from './lib/organiser.mjs';
import { openWatched, Person } from './lib/person.mjs';
import { until } from './lib/until.mjs';

const APP = fileURLToPath(new URL('vite-app', import.meta.url));
/** The checks of `acs-api` 2.1 that the package's own tests use, too. */
const INVARIANTS = fileURLToPath(new URL('../package/invariants.page.mjs', import.meta.url));
const PACKAGES = ['vite@8.3.8', '@azure/communication-common@2.4.2'];
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm', '.css': 'text/css' };
const run = promisify(execFile);

/** The built project's folder. */
async function build(t) {
  const folder = await mkdtemp(join(tmpdir(), 'plenary-vite-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const { stdout } = await run('npm', ['pack', PACKAGE, '--pack-destination', folder, '--json'], { cwd: folder });
  const [{ filename }] = JSON.parse(stdout);
  const project = join(folder, 'project');
  await cp(APP, project, { recursive: true });
  await cp(INVARIANTS, join(project, 'src/invariants.page.mjs'));
  await run('npm', ['install', '--no-audit', '--no-fund', `../${filename}`, ...PACKAGES], { cwd: project });
  await run('npm', ['run', 'build'], { cwd: project });
  return join(project, 'dist');
}

async function serve(t, folder) {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname;
    try {
      const bytes = await readFile(join(folder, path === '/' ? 'index.html' : path));
      response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? (path === '/' ? 'text/html' : 'application/octet-stream') });
      response.end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}

test('the_packed_package_in_a_fresh_vite_project_holds_a_meeting', async (t) => {
  const folder = await build(t);
  const built = await readdir(folder, { recursive: true });
  const wasm = built.filter((name) => name.endsWith('.wasm'));
  assert.equal(wasm.length, 1, `the wasm is an asset of the build: ${built}`);
  assert.ok((await stat(join(folder, wasm[0]))).size > 10_000);

  const service = await Service.start(t);
  const browser = await startChromium(t);
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('Fresh project');
  await ada.start('Fresh project');
  const origin = await serve(t, folder);
  const guest = await newGuest(service, 'Vera');
  const hash = encodeURIComponent(JSON.stringify({ endpoint: service.origin, ...guest, displayName: 'Vera', meetingLink: link }));
  const vera = new Person('Vera', await openWatched(browser, `${origin}/#${hash}`));
  await vera.page.locator('main.waiting').waitFor({ state: 'attached' });
  await ada.admit('Vera');
  await vera.page.locator('main.meeting-app').waitFor({ state: 'attached' });
  await Promise.all([vera.sees(ada.name), ada.sees('Vera'), vera.hears(), ada.hears()]);

  const allGood = (results) => {
    assert.ok(results.length > 5, 'there are checks');
    assert.deepEqual(results.filter(({ ok }) => !ok).map(({ name, error }) => `${name}: ${error}`), []);
  };
  await t.test('the invariants hold while connected (acs-api 2.1)', async () => {
    allGood(await vera.page.evaluate(() => window.app.whileConnected()));
  });

  await t.test('and after the end, and nothing is left behind', async () => {
    await vera.page.evaluate(() => window.app.call.hangUp());
    await vera.page.locator('main.ended').waitFor({ state: 'attached' });
    allGood(await vera.page.evaluate(() => window.app.afterEnd()));
    await vera.page.evaluate(async () => {
      await window.app.agent.dispose();
      await window.app.client.dispose();
    });
    await ada.rosterIs();
    await until('everything is closed', async () => {
      const { peers, sockets, tracks, timers } = await vera.open();
      return peers + sockets + tracks + timers === 0;
    });
  });
  await vera.nothingToComplain();
  await ada.nothingToComplain();
});
