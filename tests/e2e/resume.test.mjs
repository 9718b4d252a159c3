// Networks and services that go away and come back: nobody has to do anything.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pass } from 'node:timers/promises';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Guest } from './lib/guest.mjs';
import { Namespace } from './lib/namespace.mjs';
import { Organiser } from './lib/organiser.mjs';

/** How long the network is gone (issue 3). */
const GONE_MS = 10_000;
/** What a page may log while the service cannot be reached. */
const UNREACHABLE = /WebSocket|ERR_|Failed to load resource|net::/;

async function together(ada, grete) {
  await ada.rosterIs(grete.name);
  await grete.rosterIs(ada.name);
  await Promise.all([ada.sees(grete.name), grete.sees(ada.name), ada.hears(), grete.hears()]);
}

test('network_gone_for_ten_seconds_and_everything_is_back_by_itself', async (t) => {
  const service = await Service.start(t);
  const network = await Namespace.start(t, service);
  if (!network) return;
  const browser = await startChromium(t);
  const far = await startChromium(t, { executablePath: network.chromium });
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('Bad network');
  await ada.start('Bad network');
  const grete = await Guest.join(far, link, 'Grete Gast');
  await ada.admit('Grete Gast');
  await grete.inMeeting();
  await together(ada, grete);
  const screens = await grete.screens();

  network.down();
  await grete.reconnecting(true);
  await pass(GONE_MS);
  network.up();
  await grete.reconnecting(false);
  await together(ada, grete);
  assert.deepEqual(await grete.screens(), screens, 'the call never ended');

  await t.test('and again, to show that it is no luck', async () => {
    network.down();
    await grete.reconnecting(true);
    network.up();
    await grete.reconnecting(false);
    await together(ada, grete);
    assert.deepEqual(await grete.screens(), screens);
  });
  await ada.nothingToComplain();
  await grete.nothingToComplain(UNREACHABLE);
});

test('service_killed_and_started_again_finds_everybody_where_they_were', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('Power cut');
  await ada.start('Power cut');
  const grete = await Guest.join(browser, link, 'Grete Gast');
  await ada.admit('Grete Gast');
  await grete.inMeeting();
  await together(ada, grete);
  const hans = await Guest.join(browser, link, 'Hans');
  await hans.waits();
  await ada.seesWaiting('Hans');
  const people = [ada, grete, hans];
  const before = await Promise.all(people.map((person) => person.screens()));

  await service.kill();
  await Promise.all([ada.reconnecting(true), grete.reconnecting(true)]);
  await service.restart();
  await Promise.all([ada.reconnecting(false), grete.reconnecting(false)]);
  await together(ada, grete);
  assert.deepEqual(await Promise.all(people.map((person) => person.screens())), before, 'nobody left, nobody was let in');

  await t.test('who waited still waits, and can be let in', async () => {
    await ada.admit('Hans');
    await hans.inMeeting();
    await hans.sees('Grete Gast');
    await grete.sees('Hans');
  });
  for (const person of people) await person.nothingToComplain(UNREACHABLE);
});
