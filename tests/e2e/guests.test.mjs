// More than two: everybody sees and hears everybody.

import { test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Guest } from './lib/guest.mjs';
import { Organiser } from './lib/organiser.mjs';

/** Four senders on two cores: what matters is that each picture moves, not how fast. */
const FEW_FRAMES = ['--use-fake-device-for-media-stream=fps=10'];

test('three_guests_are_admitted_together_and_everybody_sees_and_hears_everybody (B5, C1)', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t, { flags: FEW_FRAMES });
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('Round of four');
  await ada.start('Round of four');
  const names = ['Anna', 'Berta', 'Clara'];
  const guests = [];
  for (const name of names) guests.push(await Guest.join(browser, link, name));
  await ada.admitAll(...names);
  const everybody = [ada, ...guests];
  for (const person of everybody) {
    await person.inMeeting();
    await person.rosterIs(...everybody.filter((other) => other !== person).map(({ name }) => name));
  }
  for (const person of everybody) {
    await Promise.all(everybody.filter((other) => other !== person).map((other) => person.sees(other.name)));
    await person.hears();
  }

  const [anna, ...staying] = guests;
  await anna.leave();
  for (const person of staying) {
    await person.rosterIs(...[ada, ...staying].filter((other) => other !== person).map(({ name }) => name));
    await person.sees(ada.name);
  }
  for (const person of everybody) await person.nothingToComplain();
});
