// What happens to a page besides its network: a second tab of the same person, a machine that sleeps. (A headless browser
// has no tabs in the background; docs/troubleshooting.md says what is known of them.)

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Attendee, eachOther, RoomsOverRest } from './lib/attendee.mjs';
import { Namespace } from './lib/namespace.mjs';
import { until } from './lib/until.mjs';

test('two_tabs_of_one_person_are_one_participant_with_two_endpoints_and_one_goes_without_the_other', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const rooms = await RoomsOverRest.schedule(service);
  const olivia = await Attendee.join(browser, rooms, 'Olivia');
  const marco = await Attendee.join(browser, rooms, 'Marco');
  await eachOther(olivia, marco);
  const second = await Attendee.join(browser, rooms, 'Marco');
  assert.equal(second.id, marco.id);
  const endpoints = () => olivia.page.evaluate(() => window.me.call.remoteParticipants.map(({ endpointDetails }) => endpointDetails.length));
  await until('two endpoints of one participant', async () => String(await endpoints()) === '2');
  await second.listen();
  await second.hearsAndSees(olivia);
  assert.equal(await marco.page.evaluate(() => window.me.call.state), 'Connected', 'the first tab goes on');
  await second.page.evaluate(() => window.me.call.hangUp());
  await until('one endpoint', async () => String(await endpoints()) === '1');
  await eachOther(olivia, marco);
});

test('a_machine_that_slept_longer_than_its_place_was_kept_is_back_in_its_call_by_itself', async (t) => {
  const service = await Service.start(t, { env: { PLENARY_LIMITS__RESUME_WINDOW_MS: '1000', PLENARY_LIMITS__PING_MS: '1000' } });
  const network = await Namespace.start(t, service);
  if (!network) return;
  const rooms = await RoomsOverRest.schedule(service);
  const olivia = await Attendee.join(await startChromium(t), rooms, 'Olivia');
  const bob = await Attendee.join(await startChromium(t, { executablePath: network.chromium }), rooms, 'Bob');
  await eachOther(olivia, bob);
  await bob.page.evaluate(() => {
    window.states = [];
    const { call } = window.me;
    call.on('stateChanged', () => window.states.push(call.state));
  });
  const sleep = await bob.page.context().newCDPSession(bob.page);
  await sleep.send('Page.setWebLifecycleState', { state: 'frozen' });
  network.down();
  await olivia.seesExactly();
  network.up();
  await sleep.send('Page.setWebLifecycleState', { state: 'active' });
  await Promise.all([olivia.seesExactly('Bob'), bob.seesExactly('Olivia')]);
  await eachOther(olivia, bob);
  assert.equal(await bob.page.evaluate(() => window.me.call.state), 'Connected');
  assert.ok(!(await bob.page.evaluate(() => window.states)).includes('Disconnected'), 'the call never ended');
});
