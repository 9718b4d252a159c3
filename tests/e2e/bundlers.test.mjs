// The package as it is shipped, in a fresh project of each kind of web app: packed, installed, built without
// any configuration for it, opened from an origin of its own. What takes longer is in `bundlers/servers.test.mjs`.

import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Meeting } from './bundlers/meeting.mjs';
import { build, pack, serve } from './bundlers/project.mjs';
import { startFirefox } from './harness/browser.mjs';
import { nothingRemains } from './lib/nothing-remains.mjs';

const WATCH = fileURLToPath(new URL('lib/watch.js', import.meta.url));
const BUILT = ['vite', 'webpack', 'rollup', 'module-page', 'script-page'];

/** As strict as a page with wasm and a service of another origin can be, and cross-origin isolated. */
const strict = (service) => ({
  'content-security-policy': `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self'; connect-src 'self' ${service} ${service.replace('http', 'ws')}`,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
});

test('the_packed_package_holds_a_meeting_in_every_kind_of_web_app', async (t) => {
  const tarball = await pack(t);
  const building = new Map(BUILT.map((kind) => [kind, build(t, kind, tarball)]));
  // A meeting beside builds is a slow one. Whoever awaits a failed build is told.
  await Promise.allSettled(building.values());
  const meeting = await Meeting.start(t, 'Fresh projects');

  for (const kind of BUILT) {
    await t.test(`${kind}, under a strict content security policy, cross-origin isolated`, async (t) => {
      const project = await building.get(kind);
      const origin = await serve(t, kind, project, strict(meeting.service.origin));
      const guest = await meeting.join(kind, origin);
      assert.ok(await guest.page.evaluate(() => window.crossOriginIsolated), 'the page is isolated');
      if (kind === 'vite') await atLength(meeting, guest, origin, project);
      else await meeting.leave(guest);
    });
  }

  await t.test('script-page in Firefox', async (t) => {
    const firefox = await startFirefox(t);
    if (!firefox) return;
    const page = await firefox.newPage();
    await page.evaluateOnNewDocument(await readFile(WATCH, 'utf8'));
    const origin = await serve(t, 'script-page', await building.get('script-page'), strict(meeting.service.origin));
    await meeting.joinInFirefox('Fritz', page, origin);
  });
  await meeting.ada.nothingToComplain();
});

const allGood = (results) => {
  assert.ok(results.length > 5, 'there are checks');
  assert.deepEqual(results.filter(({ ok }) => !ok).map(({ name, error }) => `${name}: ${error}`), []);
};

/** What one kind of project stands for all in: the invariants of `acs-api` 2.1, three guests, nothing left behind. */
async function atLength(meeting, guest, origin, project) {
  const built = await readdir(join(project, 'dist'), { recursive: true });
  const wasm = built.filter((name) => name.endsWith('.wasm'));
  assert.equal(wasm.length, 1, `the wasm is an asset of the build: ${built}`);
  assert.ok((await stat(join(project, 'dist', wasm[0]))).size > 10_000);

  allGood(await guest.page.evaluate(() => window.app.whileConnected()));
  const others = await Promise.all(['Anna', 'Berta'].map((name) => meeting.open(name, origin)));
  for (const other of others) await meeting.letIn(other);
  const three = [guest, ...others];
  await meeting.ada.rosterIs(...three.map(({ name }) => name));
  await Promise.all(three.flatMap((one) => [one.hears(), ...three.filter((other) => other !== one).map(({ name }) => one.sees(name))]));
  while (others.length > 0) await meeting.leave(others.pop(), [guest, ...others]);

  await nothingRemains(guest, async (round) => {
    if (round > 0) {
      await guest.page.evaluate(() => window.join());
      await meeting.letIn(guest);
    }
    await meeting.hangUp(guest);
    if (round === 0) allGood(await guest.page.evaluate(() => window.app.afterEnd()));
    await guest.page.evaluate(() => window.app.stop());
  }, () => window.counters(), { rounds: 2, atMost: 10 });
  await guest.nothingToComplain();
}
