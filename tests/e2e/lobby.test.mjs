// From a link to seeing and hearing each other, and back to nothing (issue 3's first story).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Guest } from './lib/guest.mjs';
import { nothingRemains } from './lib/nothing-remains.mjs';
import { Organiser } from './lib/organiser.mjs';

test('guest_waits_in_lobby_until_a_member_admits_and_both_see_and_hear_each_other (B1, B5, C1)', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('Weekly round');
  await ada.start('Weekly round');

  const grete = await Guest.join(browser, link, 'Grete Gast');
  await grete.waits();
  await ada.seesWaiting('Grete Gast (External)');
  assert.deepEqual(await ada.roster(), [], 'who waits is not in the roster');

  // Citizen Lab 2020: in the lobby not one packet, while the meeting's media flow.
  await ada.sendsVideo();
  const waiting = await grete.stats();
  assert.deepEqual([waiting.videoIn, waiting.audioIn], [0, 0], 'nothing is sent to who waits');
  assert.deepEqual([(await ada.stats()).videoIn, (await ada.stats()).audioIn], [0, 0], 'nothing of who waits reaches the meeting');

  await ada.admit('Grete Gast');
  await grete.inMeeting();
  await ada.nobodyWaits();
  await Promise.all([ada.sees('Grete Gast'), grete.sees(ada.name), ada.hears(), grete.hears()]);
  await ada.rosterIs('Grete Gast');
  await grete.rosterIs(ada.name);

  await t.test('mute is seen by the other', async () => {
    await grete.setMuted(true);
    await ada.seesMuted('Grete Gast', true);
    await grete.setMuted(false);
    await ada.seesMuted('Grete Gast', false);
    await ada.hears();
  });

  await t.test('the camera goes off and on again', async () => {
    await grete.setCamera(false);
    await ada.seesInitialsOf('Grete Gast');
    await grete.setCamera(true);
    await ada.sees('Grete Gast');
  });

  await t.test('leaving empties the roster', async () => {
    await grete.leave();
    assert.deepEqual(await grete.ended(), { title: 'You left the meeting', numbers: '0/0' });
    await ada.rosterIs();
    await ada.leave();
  });

  await grete.nothingToComplain();
  await ada.nothingToComplain();
});

test('nothing_remains_after_leaving', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('Come and go', { bypass: true });
  await ada.start('Come and go');
  const grete = await Guest.open(browser, link, 'Grete Gast');
  // A client of the test's own keeps the core alive, so that its counters can be read after the page's.
  await grete.page.evaluate(async () => {
    window.__watching = new window.Plenary.CallClient();
    await window.__watching.getDeviceManager();
  });

  await nothingRemains(grete, async (round) => {
    await (round === 0 ? grete.join() : grete.joinAgain());
    await grete.inMeeting();
    await grete.sees(ada.name);
    await grete.leave();
  }, () => window.__watching.feature(window.Plenary.Features.DebugInfo).getCounters(), { rounds: 4, atMost: 14 });
  await grete.nothingToComplain();
});
