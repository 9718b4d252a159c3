// A move into a breakout room: from `join()` to the first decoded frame of somebody there, and what is
// heard meanwhile, beside `livekit-client` leaving one room and joining the other on the same engine in
// the same run; and both on LiveKit's own server.
//
// `cargo xtask bench breakout [--times 8] [--people 2,10,30] [--roundTrips 0,50,150] [--check]`; with
// `--check` a figure worse than what is expected fails.
//
// The main meeting sends a blue picture and a low tone, the room a red one and a high tone. Whoever moves
// goes through a relay with the delay of half a round trip each way; the others do not.

import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startChromium } from '../e2e/harness/browser.mjs';
import { findLivekit, KEY, MISSING, SECRET, startLivekit } from '../e2e/harness/livekit-server.mjs';
import { Service } from '../e2e/harness/service.mjs';
import { startRelay } from '../e2e/lib/relay.mjs';

const { values } = parseArgs({
  options: {
    times: { type: 'string', default: '8' },
    people: { type: 'string', default: '2,10,30' },
    roundTrips: { type: 'string', default: '0,50,150' },
    check: { type: 'boolean', default: false },
  },
});
const numbers = (text) => text.split(',').map(Number);
const TIMES = Number(values.times);
/** Issue 5: parts of livekit-client's time, and ms of silence. */
const EXPECTED = { ours: { ratio: 0.2, silence: 60 }, cluster: { ratio: 0.8, silence: 60 } };
/** Windows of 10 ms at the seam hold both tones: as many as with a client that leaves before it joins. */
const SEAM = 30;
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const LIVEKIT = here('../e2e/node_modules/livekit-client');

async function openPage(browser, { origin, route }, { livekit = false } = {}) {
  const context = await browser.newContext({ bypassCSP: true });
  await context.grantPermissions(['camera', 'microphone']);
  const page = await context.newPage();
  for (const path of ['join/page.js', 'breakout/senses.js']) await page.addInitScript({ path: here(path) });
  await page.goto(`${origin}/healthz`);
  if (!livekit) await page.addScriptTag({ url: '/sdk/plenary.iife.js' });
  const scripts = [...(livekit ? [`${LIVEKIT}/dist/livekit-client.umd.js`, here('../e2e/lib/agent-socket.js')] : []), here('breakout/actors.js')];
  for (const path of scripts) await page.addScriptTag({ content: await readFile(path, 'utf8') });
  await page.evaluate((ports) => window.__bench.through(ports), route);
  return page;
}

const act = (page, name, argument) => page.evaluate(([what, given]) => window.actors[what](given), [name, argument]);

/** A meeting with so many people in its room; gives who moves, and how. */
async function scene(service, browser, people, roundTrip, cleanUps) {
  const near = { origin: service.origin, route: null };
  let far = near;
  if (roundTrip > 0) {
    const relay = await startRelay({ listen: '127.0.0.1', target: '127.0.0.1', delay: roundTrip / 2, tcp: [[0, service.port]], udp: [[0, service.udpPort]] });
    cleanUps.push(() => relay.close());
    far = {
      origin: `http://127.0.0.1:${relay.tcp[0]}`,
      route: { tcp: [service.port, relay.tcp[0]], udp: [service.udpPort, relay.udp[0]] },
    };
  }
  const page = async (...args) => {
    const opened = await openPage(browser, ...args);
    cleanUps.push(() => opened.context().close().catch(() => {}));
    return opened;
  };
  const organiser = await page(near);
  const link = await act(organiser, 'organiser');
  const [low, high] = [await page(near), await page(near)];
  await act(low, 'speaker', { link, name: 'Blue', colour: 'rgb(0,0,255)', frequency: 400 });
  const red = await act(high, 'speaker', { link, name: 'Red', colour: 'rgb(255,0,0)', frequency: 1000 });
  // The speaker and the one who moves are two.
  const crowd = people > 2 ? await act(await page(near), 'crowd', { link, size: people - 2 }) : [];
  await act(organiser, 'assign', { ids: [red, ...crowd], stay: false });
  const movers = {};
  const ours = await page(far);
  const id = await act(ours, 'mover', link);
  movers.ours = { move: () => act(ours, 'move'), back: () => act(ours, 'back') };
  const theirs = await page(far, { livekit: true });
  const { room } = await act(theirs, 'livekit', link);
  await act(organiser, 'assign', { ids: [room], stay: false });
  await act(theirs, 'livekitComes');
  movers.livekit = { move: () => act(theirs, 'livekitMove'), back: () => act(theirs, 'livekitBack') };
  await act(organiser, 'assign', { ids: [id], stay: true });
  return movers;
}

async function measure(service, browser, people, roundTrip) {
  const cleanUps = [];
  try {
    const movers = await scene(service, browser, people, roundTrip, cleanUps);
    const results = {};
    // The first round warms caches and is not counted.
    for (let round = 0; round <= TIMES; round += 1) {
      for (const [name, { move, back }] of Object.entries(movers)) {
        results[name] ??= { times: [], silences: [], both: 0, failed: 0 };
        try {
          const { frame, silence, both } = await move();
          if (round > 0) {
            results[name].times.push(frame);
            results[name].silences.push(silence);
            results[name].both = Math.max(results[name].both, both);
          }
          await back();
        } catch (error) {
          console.log(`failed: ${name}, round ${round}: ${error.message.split('\n')[0]}`);
          results[name].failed += 1;
          await back().catch(() => {});
        }
      }
    }
    return results;
  } finally {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  }
}

function quantile(list, part) {
  const sorted = [...list].sort((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  return sorted[Math.floor(at)] + (sorted[Math.ceil(at)] - sorted[Math.floor(at)]) * (at % 1);
}

const LABELS = { ours: 'ours, join() → first frame', livekit: 'livekit-client, leaves and joins', cluster: "ours, on LiveKit's own server" };

function print(name, { times, silences, both, failed }, base) {
  if (times.length === 0) {
    console.log(`${LABELS[name].padEnd(36)} nothing was measured (${failed} failed)`);
    return;
  }
  const [middle, low, high] = [0.5, 0.25, 0.75].map((part) => quantile(times, part));
  const [silence, longest] = [quantile(silences, 0.5), Math.max(...silences)];
  const expected = EXPECTED[name];
  const ratio = base && middle / base;
  const good = !expected || (ratio <= expected.ratio && silence <= expected.silence && both <= SEAM);
  if (!good && values.check) process.exitCode = 1;
  const columns = [...[middle, low, high].map((ms) => `${ms.toFixed(0)} ms`), ratio?.toFixed(2) ?? '', `${silence} ms`, `${longest} ms`, `${both} ms`];
  const verdict = expected ? `at most ${expected.ratio}, ${expected.silence} ms, ${SEAM} ms: ${good ? 'yes' : 'NO'}` : '';
  console.log(`${LABELS[name].padEnd(36)} ${columns.map((text) => text.padStart(8)).join(' ')}  ${verdict}${failed > 0 ? `  (${failed} failed)` : ''}`);
}

const head = () => console.log(`${''.padEnd(36)} ${['median', 'p25', 'p75', 'ratio', 'silence', 'longest', 'both'].map((text) => text.padStart(8)).join(' ')}  expected`);
const cleanUps = [];
/** What the harness needs of a test. */
const run = { after: (clean) => cleanUps.push(clean), skip() {} };

try {
  const browser = await startChromium(run);
  const { version } = JSON.parse(await readFile(`${LIVEKIT}/package.json`, 'utf8'));
  console.log(`a move: ${TIMES} times each, livekit-client ${version}, Chromium ${browser.version()}, ${cpus().length} × ${cpus()[0].model}`);
  const service = await Service.start(run);
  for (const people of numbers(values.people)) {
    for (const roundTrip of numbers(values.roundTrips)) {
      console.log(`\n${people} in the room, round trip ${roundTrip} ms`);
      const { ours, livekit } = await measure(service, browser, people, roundTrip);
      const theirs = livekit.times.length > 0 ? quantile(livekit.times, 0.5) : undefined;
      head();
      print('ours', ours, theirs);
      print('livekit', livekit);
    }
  }
  const binary = findLivekit();
  if (!binary) {
    console.log(`\n${MISSING}`);
  } else {
    const server = await startLivekit(binary);
    cleanUps.push(() => server.stop());
    const env = { PLENARY_LIVEKIT__URL: server.url, PLENARY_LIVEKIT__KEY: KEY, PLENARY_LIVEKIT__SECRET: SECRET };
    const second = await Service.start(run, { env });
    console.log("\n2 in the room, round trip 0 ms, on LiveKit's own server");
    const { ours, livekit } = await measure(second, browser, 2, 0);
    head();
    print('cluster', ours, quantile(livekit.times, 0.5));
    print('livekit', livekit);
  }
} finally {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
}
