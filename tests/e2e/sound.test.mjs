// What is played: the sound of a tab, as somebody with headphones has it, is everybody's who speaks.

import { test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Attendee, EAR, RoomsOverRest } from './lib/attendee.mjs';
import { until } from './lib/until.mjs';

const TITLE = 'Who listens';
const BROWSER = {
  flags: [`--auto-select-tab-capture-source-by-title=${TITLE}`],
  // It would pick a screen of its own invention, which is silent.
  without: ['--use-fake-ui-for-media-stream'],
  audible: true,
};

/** Another tab that hears what this one's plays; says which of these people's tones it does. */
async function tapTab({ page }, origin) {
  await page.evaluate((title) => { document.title = title; }, TITLE);
  const ear = await page.context().newPage();
  await ear.goto(`${origin}/healthz`);
  await ear.addScriptTag({ path: EAR });
  await ear.evaluate(async () => {
    const context = new AudioContext();
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const tab = await navigator.mediaDevices.getDisplayMedia({ video: true, audio });
    window.played = window.ear(context, tab.getAudioTracks());
  });
  return (...people) => ear.evaluate((tones) => window.played(tones), people.map(({ tone }) => tone));
}

test('everybody_who_speaks_is_played', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t, BROWSER);
  const rooms = await RoomsOverRest.schedule(service);
  const olivia = await Attendee.join(browser, rooms, 'Olivia');
  const bob = await Attendee.join(browser, rooms, 'Bob');
  const played = await tapTab(bob, service.origin);
  const plays = (...expected) => until(`played: ${expected.map(({ name }) => name)}`, async () => {
    const tones = await played(olivia, ada, cleo, bob);
    return tones.join() === expected.map(({ tone }) => tone).join();
  });
  const ada = await Attendee.join(browser, rooms, 'Ada');
  const cleo = await Attendee.join(browser, rooms, 'Cleo');
  await plays(olivia, ada, cleo);

  await t.test('and silenced', async () => {
    await bob.page.evaluate(() => window.me.call.muteIncomingAudio());
    await plays();
    await bob.page.evaluate(() => window.me.call.unmuteIncomingAudio());
    await plays(olivia, ada, cleo);
  });

  await t.test('in a room, too, and back (E9)', async () => {
    await rooms.make(1);
    await rooms.assign({ Ada: 1, Bob: 1 });
    await rooms.open();
    await plays(ada);
    await rooms.close();
    await plays(olivia, ada, cleo);
  });
});
