// People come and go for as long as one likes, and nothing grows: the service's memory, the page's
// wasm memory, what the SDK holds. `cargo xtask soak pages [--minutes 10]`; fails when something grew.

import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { startChromium } from '../e2e/harness/browser.mjs';
import { Service } from '../e2e/harness/service.mjs';
import { Guest } from '../e2e/lib/guest.mjs';
import { Organiser } from '../e2e/lib/organiser.mjs';
import { until } from '../e2e/lib/until.mjs';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } });
/** Rounds until caches and pools have the size that they keep. */
const WARM_UP = 5;
/** What the service's memory may vary by: allocators give back late. */
const SLACK_KB = 24 * 1024;

const cleanUps = [];
const run = { after: (act) => cleanUps.push(act), skip() {} };

/** Resident memory of a process in KB; nothing where /proc is not. */
async function resident(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN);
}

try {
  const service = await Service.start(run);
  const browser = await startChromium(run);
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('Soak');
  await ada.start('Soak');
  const grete = await Guest.open(browser, link, 'Grete Gast');

  const end = Date.now() + Number(values.minutes) * 60_000;
  let base;
  let rounds = 0;
  let told = 0;
  let latest;
  while (Date.now() < end || rounds <= WARM_UP) {
    await (rounds === 0 ? grete.join() : grete.joinAgain());
    await ada.admit('Grete Gast');
    await grete.inMeeting();
    await Promise.all([ada.sees('Grete Gast'), grete.sees(ada.name), ada.hears()]);
    await grete.setMuted(true);
    await ada.seesMuted('Grete Gast', true);
    await grete.setMuted(false);
    await grete.setCamera(false);
    await ada.seesInitialsOf('Grete Gast');
    await grete.leave();
    await ada.rosterIs();
    await until('the guest holds nothing open', async () => {
      const { peers, sockets, tracks, timers } = await grete.open();
      return peers + sockets + tracks + timers === 0;
    });
    const { memory, listeners } = await grete.open();
    const member = await ada.open();
    latest = { service: await resident(service.process.pid), memory, listeners, memberMemory: member.memory, memberListeners: member.listeners };
    rounds += 1;
    if (rounds === WARM_UP) base = latest;
    if (Date.now() - told > 30_000) {
      told = Date.now();
      console.log(`${String(rounds).padStart(5)} rounds: service ${latest.service} KB, wasm ${memory} and ${member.memory} bytes, listeners ${listeners} and ${member.listeners}`);
    }
  }
  const grown = ['memory', 'listeners', 'memberMemory', 'memberListeners'].filter((name) => latest[name] > base[name]);
  if (latest.service > base.service + SLACK_KB) grown.push('service');
  console.log(`${rounds} rounds; before ${JSON.stringify(base)}, after ${JSON.stringify(latest)}`);
  if (grown.length > 0) {
    console.log(`grew: ${grown.join(', ')}`);
    process.exitCode = 1;
  }
  await grete.nothingToComplain();
  await ada.nothingToComplain();
} finally {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
}
