// Sound and picture in step, as they are played: whoever sends flashes and beeps at once, and its pictures leave
// late, as from a slow encoder, so that a browser has to hold the sound back by what sender reports tell it.
// Alone: what is played late because others keep the machine busy says nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Attendee, RoomsOverRest } from './lib/attendee.mjs';
import { until } from './lib/until.mjs';

const scripts = [fileURLToPath(new URL('lib/lip-sync-page.js', import.meta.url))];
/** What is not noticed. */
const BOUND_MS = 60;
/** What no receiver can know: Chromium reports sound by when it is sent, 20 to 45 ms after it was made. In all 32 to 58 are seen. */
const SENDER_MS = 30;
/** More than both: where nothing is synchronised, the test is red. */
const LATE_MS = 120;
/** Flashes and beeps, one a second, of which the median counts. */
const SOME = 5;
/** A browser moves sound by at most 80 ms a second. */
const PATIENCE_MS = 120_000;
/** So much may a page's sound run ahead or behind while it is listened to; more does a machine that is too busy for it. */
const UNSTEADY_MS = 40;

const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1];
const range = (all) => Math.max(...all) - Math.min(...all);

/**
 * In step as it is played here, and as the browser has it from sender reports: of what is played wrong nobody is to
 * say that it is right. Where sound stutters at either end nothing can be said.
 */
async function inStep(t, receiver, sender, tones) {
  await until(`${receiver.name} shows ${sender.name}`, () => receiver.page.evaluate(async ([name, all]) => {
    await window.me.show(name, all);
    return true;
  }, [sender.name, tones]));
  const [start, beliefs, clocks] = [Date.now(), [], []];
  const steady = [];
  let seen;
  const look = async () => {
    const [[apart, belief, clock], other] = await Promise.all([
      receiver.page.evaluate(async (tone) => [window.me.witness.apart(tone), await window.me.believes(), window.me.clock()], sender.tone),
      sender.page.evaluate(() => window.me.clock()),
    ]);
    clocks.push([clock, other]);
    if (belief === undefined || apart.length < SOME) return false;
    beliefs.push(belief);
    const last = clocks.slice(-SOME * 2);
    steady.push([0, 1].every((end) => range(last.map((both) => both[end])) <= UNSTEADY_MS));
    const [played, believed] = [median(apart.slice(-SOME)), median(beliefs.slice(-SOME * 2))];
    seen = { played: Math.round(played), believed: Math.round(believed), apart: apart.map(Math.round) };
    return steady.at(-1) && Math.abs(believed) <= BOUND_MS
      && [played, played - believed].every((ms) => Math.abs(ms) <= BOUND_MS + SENDER_MS);
  };
  try {
    await until('sound and picture are in step', look, { patience: PATIENCE_MS, pause: 500 });
  } catch (error) {
    if (steady.filter(Boolean).length < steady.length * 0.8 || !seen) return t.skip('the machine is too busy to play sound in time');
    assert.fail(`${error.message}: ${JSON.stringify(seen)}`);
  }
  t.diagnostic(`after ${((Date.now() - start) / 1000).toFixed(1)} s: ${JSON.stringify(seen)}`);
}

test('sound_and_picture_are_in_step', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const rooms = await RoomsOverRest.schedule(service);
  await rooms.make(1);
  const join = async (name) => {
    const attendee = await Attendee.join(browser, rooms, name, { scripts });
    // Each page is painted by the processor.
    await attendee.page.setViewportSize({ width: 400, height: 240 });
    return attendee;
  };
  const [olivia, bob] = [await join('Olivia'), await join('Bob')];
  const tones = [olivia.tone, bob.tone];
  await t.test('where they are made', async () => {
    for (const one of [olivia, bob]) {
      await one.page.evaluate((late) => window.me.witnessOwn().then(() => window.me.sendPicturesLate(late)), LATE_MS);
      await until('they are in step', async () => {
        const apart = await one.page.evaluate(() => window.me.witness.apart(window.me.tone));
        return apart.length >= SOME && Math.abs(median(apart.slice(-SOME))) <= BOUND_MS / 2;
      }, { patience: PATIENCE_MS });
      await one.page.evaluate(() => window.me.witness.close());
    }
  });
  // Whoever comes now gets reports of a microphone that has run for a while: while a page starts on a busy
  // machine, Chromium's first ones are late by what waits to be encoded, and twenty of them count.
  const cleo = await join('Cleo');
  await cleo.page.evaluate(() => window.me.call.stopVideo(window.me.camera));
  await t.test('in a slot', (t) => inStep(t, cleo, olivia, tones));
  await t.test('of somebody else, who is shown instead', (t) => inStep(t, cleo, bob, tones));
  await t.test('in a room, where somebody else is in the slot', async (t) => {
    await rooms.assign({ Bob: 1, Cleo: 1 });
    await rooms.open();
    await Promise.all([cleo.isIn('Room 1'), bob.isIn('Room 1')]);
    await inStep(t, cleo, bob, tones);
  });
  await t.test('back in the meeting', async (t) => {
    assert.equal(await cleo.back(), 'done');
    await cleo.isIn(undefined);
    await inStep(t, cleo, olivia, tones);
  });
});
