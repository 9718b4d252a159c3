// Where no UDP gets through: livekit-client in Chromium connects by TCP (RFC 6544).
//
// The test runs itself again in a network namespace of its own, where a routing rule drops UDP to the
// engine's port. Where a machine allows no namespaces it is skipped, and says so.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { servePage, startBrowser, startEngine, token, until } from './engine.mjs';

const UDP = 17882;

// An interface besides loopback, since browsers gather no candidates on that one alone; and the rule
// before the one for local addresses, which is the first otherwise.
const NETWORK = [
  'ip link set lo up',
  'ip link add v0 type veth peer name v1',
  'ip address add 10.77.0.1/24 dev v0',
  'ip link set v0 up',
  'ip link set v1 up',
  'ip rule add pref 100 lookup local',
  'ip rule del pref 0',
  `ip rule add pref 10 ipproto udp dport ${UDP} blackhole`,
].join(' && ');

/** The protocol of the pair that media takes. */
const selected = (tab) =>
  tab.evaluate(async () => {
    const stats = await room.engine.pcManager.publisher._pc.getStats();
    const transport = [...stats.values()].find((s) => s.type === 'transport');
    const pair = stats.get(transport?.selectedCandidatePairId);
    return pair && stats.get(pair.localCandidateId).protocol;
  });

if (process.env.WITHOUT_UDP) {
  test('inside', async () => {
    const engine = await startEngine({ udp: UDP });
    const page = await servePage();
    const browser = await startBrowser();
    const join = async (identity, options) => {
      const tab = await (await browser.newContext()).newPage();
      await tab.goto(page.origin);
      const pass = token(identity, 'room');
      await tab.evaluate(([u, t, o]) => join(u, t, o), [engine.url, pass, options]);
      return tab;
    };
    try {
      const ada = await join('ada', {});
      const bob = await join('bob', { singlePeerConnection: false });
      const frames = (tab, of) => tab.evaluate((i) => frames[i] ?? 0, of);
      await until('pictures of bob', async () => (await frames(ada, 'bob')) > 5);
      await until('pictures of ada', async () => (await frames(bob, 'ada')) > 5);
      assert.equal(await selected(ada), 'tcp');
      assert.equal(await selected(bob), 'tcp');
    } finally {
      await browser.close();
      await page.stop();
      await engine.stop();
    }
  });
} else {
  test('UDP dropped: the call connects, the selected pair is TCP', (t) => {
    const possible = spawnSync('unshare', ['-n', 'sh', '-c', NETWORK]);
    if (possible.status !== 0) return t.skip('no network namespaces here');
    const self = fileURLToPath(import.meta.url);
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const inside = spawnSync(
      'unshare',
      ['-n', 'sh', '-c', `${NETWORK} && exec "$0" --test "$1"`, process.execPath, self],
      { env: { ...env, WITHOUT_UDP: '1' }, encoding: 'utf8', timeout: 120_000 },
    );
    assert.equal(inside.status, 0, inside.stdout + inside.stderr);
  });
}
