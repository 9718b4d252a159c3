// What many videos cost a page: beside `livekit-client` on the same engine and with the same senders, and above the
// floor of bare peer connections without any SDK, in one run.
//
// `cargo xtask bench page [--videos 9,25] [--sound] [--times 5] [--seconds 10] [--check]`; with `--check` a ratio above
// what is expected fails; with `--sound` everybody who is seen is heard, too.
//
// Every figure is of a fresh page. Time on the main thread is processor time (ThreadTime of the DevTools protocol's
// Performance.getMetrics: how long its tasks last includes waiting for a core that other processes have); the heap is
// measured after a collection, and most of the floor's is an empty page's. Nothing is sent by who watches.

import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { startChromium } from '../e2e/harness/browser.mjs';
import { Service } from '../e2e/harness/service.mjs';
import { quantile } from './lib/figures.mjs';
import { act, addScript, evaluate, here, LIVEKIT_SCRIPTS, livekitVersion, openPage, scriptAddress } from './lib/pages.mjs';

const { values } = parseArgs({
  options: {
    videos: { type: 'string', default: '9,25' },
    times: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '10' },
    check: { type: 'boolean', default: false },
    sound: { type: 'boolean', default: false },
  },
});
const TIMES = Number(values.times);
const MEASURED = Number(values.seconds) * 1000;
/**
 * Caches, first collections and the browser's own start-up are over, and so is the time in which the decoders of the new
 * pictures find their pace: until then everything on the main thread takes a third longer, whoever made it.
 */
const SETTLED = 6000;
/** Issue 7: at most these parts of livekit-client's. */
const EXPECTED = { moving: 0.7, thread: 0.5, heap: 0.5, ready: 1 };
const cleanUps = [];
/** What the harness needs of a test. */
const run = { after: (act) => cleanUps.push(act), skip() {} };
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

const metric = async (cdp, name) => (await cdp.send('Performance.getMetrics')).metrics.find((each) => each.name === name).value;

/** Main-thread milliseconds per second, and megabytes once garbage is gone. */
async function cost(page, videos) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable');
  await pause(SETTLED);
  const [begun, before] = [performance.now(), await metric(cdp, 'ThreadTime')];
  await pause(MEASURED);
  const thread = (1e6 * ((await metric(cdp, 'ThreadTime')) - before)) / (performance.now() - begun);
  await cdp.send('HeapProfiler.collectGarbage');
  const heap = (await metric(cdp, 'JSHeapUsedSize')) / 1e6;
  const moving = await act(page, 'moving');
  if (moving < videos) throw new Error(`${moving} of ${videos} videos moved`);
  return { thread, heap, wasm: (await act(page, 'wasmBytes')) / 1e6 };
}

async function measure(service, browser, link, videos) {
  const near = { origin: service.origin, route: null };
  const early = [here('page/early.js')];
  const actors = here('page/actors.js');
  const scripts = { ours: [actors], livekit: [...LIVEKIT_SCRIPTS, actors], floor: [actors] };
  const open = (who) => openPage(browser, near, { sdk: who === 'ours', early, scripts: scripts[who] });
  const senders = await open('livekit');
  await act(senders, 'senders', [link, videos, values.sound]);

  const watch = async (who) => {
    const page = await open(who);
    await act(page, 'prepare', [who, link, videos]);
    const moving = await act(page, 'watch');
    const figures = { moving, ...(await cost(page, videos)) };
    await page.context().close();
    return figures;
  };
  const floor = async () => {
    const [sender, page] = [await open('floor'), await open('floor')];
    const answer = await act(page, 'bareAnswer', [await act(sender, 'bareOffer', [videos, values.sound]), videos]);
    await act(sender, 'bareConnect', answer);
    await act(page, 'bareShown');
    const figures = await cost(page, videos);
    await Promise.all([page, sender].map((each) => each.context().close()));
    return figures;
  };
  const attempts = { ours: () => watch('ours'), livekit: () => watch('livekit'), floor };
  const figures = { ours: [], livekit: [], floor: [] };
  const names = Object.keys(attempts);
  // The first round warms the service and is not counted; the order turns.
  for (let round = 0; round <= TIMES; round += 1) {
    for (let at = 0; at < names.length; at += 1) {
      const name = names[(at + round) % names.length];
      const figure = await attempts[name]();
      if (round > 0) figures[name].push(figure);
    }
  }
  await senders.context().close();
  return figures;
}

/** From an empty page to an SDK that answers, in ms: nothing is cached. */
async function ready(service, browser, who) {
  const context = await browser.newContext({ bypassCSP: true });
  const page = await context.newPage();
  await page.addInitScript({ path: here('page/early.js') });
  await page.goto(`${service.origin}/healthz`);
  // Theirs is in the browser already; ours comes over HTTP, and so does its wasm.
  const address = who === 'ours' ? '/sdk/plenary.iife.js' : await scriptAddress(page, LIVEKIT_SCRIPTS[0]);
  const begun = await evaluate(page, 'performance.now()');
  await addScript(page, address);
  await addScript(page, await scriptAddress(page, here('page/actors.js')));
  const time = (await act(page, 'ready', who)) - begun;
  await context.close();
  return time;
}

const median = (figures, name) => quantile(figures.map((each) => each[name]), 0.5);
const cell = (number, unit) => `${number.toFixed(unit === 'MB' ? 2 : number < 20 ? 1 : 0)} ${unit}`.padStart(10);

function report(title, unit, [ours, livekit, floor], expected) {
  const above = floor ?? 0;
  const ratio = (ours - above) / (livekit - above);
  const good = expected === undefined || ratio <= expected;
  const verdict = expected === undefined ? '' : `at most ${expected}: ${good ? 'yes' : 'NO'}`;
  console.log(`${title.padEnd(38)} ${cell(ours, unit)} ${cell(livekit, unit)} ${floor === undefined ? ''.padStart(10) : cell(floor, unit)} ${ratio.toFixed(2).padStart(6)}  ${verdict}`);
  if (!good && values.check) process.exitCode = 1;
}

try {
  const service = await Service.start(run);
  const browser = await startChromium(run);
  console.log(`medians of ${TIMES}; livekit-client ${await livekitVersion()}, Chromium ${browser.version()}, ${cpus().length} × ${cpus()[0].model}`);
  console.log(`${''.padEnd(38)} ${['ours', 'livekit', 'floor'].map((name) => name.padStart(10)).join(' ')}  ratio`);
  const times = { ours: [], livekit: [] };
  for (let round = 0; round <= 2 * TIMES; round += 1) {
    for (const who of round % 2 ? ['ours', 'livekit'] : ['livekit', 'ours']) {
      const time = await ready(service, browser, who);
      if (round > 0) times[who].push(time);
    }
  }
  report('load to ready', 'ms', [quantile(times.ours, 0.5), quantile(times.livekit, 0.5)], EXPECTED.ready);
  const organiser = await openPage(browser, { origin: service.origin, route: null }, { sdk: true, early: [here('page/early.js')], scripts: [here('page/actors.js')] });
  const link = await act(organiser, 'organiser');
  for (const videos of values.videos.split(',').map(Number)) {
    const { ours, livekit, floor } = await measure(service, browser, link, videos);
    console.log(`\n${videos} videos${values.sound ? ' with sound' : ''}`);
    const all = (name) => [ours, livekit, floor].map((figures) => median(figures, name));
    report('join() to all of them moving', 'ms', all('moving').slice(0, 2), EXPECTED.moving);
    report('main thread per second, above floor', 'ms', all('thread'), EXPECTED.thread);
    report('JavaScript heap', 'MB', all('heap').slice(0, 2), EXPECTED.heap);
    report('JavaScript heap, above floor', 'MB', all('heap'));
    console.log(`${'wasm memory'.padEnd(38)} ${cell(median(ours, 'wasm'), 'MB')}`);
  }
} finally {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
}
