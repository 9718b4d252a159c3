// Agents made and disposed, and calls from `join()` to `hangUp()`, as many as one likes: what the SDK holds, the wasm's
// memory and the page's heap stay as they are. `cargo xtask soak leaks [--agents 10000] [--calls 200]`; fails when
// something grew.

import { parseArgs } from 'node:util';
import { startChromium } from '../e2e/harness/browser.mjs';
import { Service } from '../e2e/harness/service.mjs';
import { act, here, openPage } from './lib/pages.mjs';

const { values } = parseArgs({ options: { agents: { type: 'string', default: '10000' }, calls: { type: 'string', default: '200' } } });
/** Of all rounds: caches and pools have the size that they keep. */
const WARM_UP = 0.2;
/** Looks in between. */
const LOOKS = 10;
/** What a heap of some MB varies by after a collection: compiled code comes and goes. */
const SLACK = 0.25;
const cleanUps = [];
/** What the harness needs of a test. */
const run = { after: (end) => cleanUps.push(end), skip() {} };

/** What is there now that garbage is gone. */
async function look(page, cdp) {
  await cdp.send('HeapProfiler.collectGarbage');
  const { metrics } = await cdp.send('Performance.getMetrics');
  const heap = metrics.find(({ name }) => name === 'JSHeapUsedSize').value / 1e6;
  return { heap, wasm: (await act(page, 'wasmBytes')) / 1e6, held: await act(page, 'held') };
}

async function rounds(page, cdp, name, count) {
  const [warm, step] = [Math.max(1, Math.floor(count * WARM_UP)), Math.max(1, Math.floor(count / LOOKS))];
  let base;
  let last;
  for (let done = 0; done < count; ) {
    const next = base ? Math.min(step, count - done) : warm;
    await act(page, name, next);
    done += next;
    last = await look(page, cdp);
    base ??= last;
    console.log(`${name} ${String(done).padStart(6)}: heap ${last.heap.toFixed(2)} MB, wasm ${last.wasm.toFixed(2)} MB, held ${last.held}`);
  }
  const grown = [last.heap > base.heap + SLACK && 'heap', last.wasm > base.wasm && 'wasm', last.held > base.held && 'what is held'].filter(Boolean);
  if (grown.length > 0) {
    console.log(`${name}: grew: ${grown.join(', ')}`);
    process.exitCode = 1;
  }
}

try {
  const service = await Service.start(run);
  const browser = await startChromium(run);
  const near = { origin: service.origin, route: null };
  const scripts = [here('page/actors.js')];
  const early = [here('page/early.js')];
  const organiser = await openPage(browser, near, { sdk: true, early, scripts });
  const link = await act(organiser, 'organiser');
  const page = await openPage(browser, near, { sdk: true, early, scripts });
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable');
  await act(page, 'comesAndGoes', link);
  await rounds(page, cdp, 'agents', Number(values.agents));
  await rounds(page, cdp, 'calls', Number(values.calls));
} finally {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
}
