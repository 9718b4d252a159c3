// A meeting over https and wss, with a certificate of the development authority's, as for a phone in the room.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Guest } from './lib/guest.mjs';
import { Organiser } from './lib/organiser.mjs';

test('a_meeting_is_held_over_https_with_the_development_authority_s_certificate (B5, C1)', async (t) => {
  const service = await Service.start(t, { tls: true });
  const browser = await startChromium(t);
  // The harness asked with the authority alone; browsers take it from the system, where no test should put it.
  const trusting = { ignoreHTTPSErrors: true };
  const ada = await Organiser.signIn(browser, service, undefined, trusting);
  const link = await ada.schedule('Behind a lock');
  assert.equal(new URL(link).origin, service.origin);
  await ada.start('Behind a lock');
  const grete = await Guest.open(browser, link, 'Grete Gast', trusting);
  await grete.join();
  await grete.waits();
  await ada.admit('Grete Gast');
  await grete.inMeeting();
  await Promise.all([ada.sees('Grete Gast'), grete.sees(ada.name), ada.hears(), grete.hears()]);
  for (const person of [ada, grete]) {
    const { page, sockets } = await person.page.evaluate(() => ({
      page: location.protocol, sockets: window.__watch.sockets.map(({ url }) => new URL(url).protocol),
    }));
    assert.equal(page, 'https:');
    assert.deepEqual([...new Set(sockets)], ['wss:'], `all sockets of ${person.name}`);
  }
  await grete.leave();
  await ada.rosterIs();
  for (const person of [ada, grete]) await person.nothingToComplain();
});
