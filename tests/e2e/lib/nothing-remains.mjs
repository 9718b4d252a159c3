// Coming and going leaves nothing behind: what a page has open, what the core counts, the wasm's memory.

import assert from 'node:assert/strict';
import { until } from './until.mjs';

/**
 * `comeAndGo(round)` sees somebody into a meeting and out of it, as often as it takes: so many `rounds`, one after
 * the other, must leave the memory as it was, by `atMost`. `counters` gives the core's, in the page, where a client
 * of the test's own keeps the core alive.
 */
export async function nothingRemains(person, comeAndGo, counters, { rounds, atMost }) {
  // Buffers get the size that they keep, and what is free may lie badly for a message that is longer by chance:
  // the memory takes a page now and then. With a leak it takes one after the other, and never comes to rest.
  let before = {};
  for (let [round, same] = [0, 0]; same < rounds; round += 1) {
    await comeAndGo(round);
    const { memory, ...open } = await until('everything is closed', async () => {
      const now = await person.open();
      return now.peers + now.sockets + now.tracks + now.timers + now.mediaElements === 0 && now;
    });
    // What listens for new devices belongs to the client that is still there.
    const { listeners: coreListeners, ...held } = await person.page.evaluate(counters);
    assert.deepEqual(Object.entries(held).filter(([, count]) => count !== 0), [], 'the core holds nothing of a call that is over');
    const counts = { ...open, coreListeners };
    if (round > 1) assert.deepEqual(counts, before.counts, `round ${round}`);
    same = memory === before.memory ? same + 1 : 0;
    before = { memory, counts };
    assert.ok(round < atMost, `the memory grows with the calls: ${memory} bytes after ${round}`);
  }
}
