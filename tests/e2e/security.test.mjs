// What must be impossible, tried from outside (`security`: S1, S12, CVE-2026-48007, CVE-2024-33530).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { newGuest, openBlank } from './lib/blank.mjs';
import { Guest } from './lib/guest.mjs';
import { Organiser } from './lib/organiser.mjs';

const REFUSED = '403/59120';

test('a_guest_who_is_presenter_manages_nothing (S1, C2)', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('Raw');
  await ada.start('Raw');
  const victim = await Guest.join(browser, link, 'Victim');
  await ada.admit('Victim');
  await victim.inMeeting();

  const raw = await openBlank(browser, service);
  const { token, userId } = await newGuest(service, 'Mallory');
  const first = await raw.evaluate(async ([origin, secret, url]) => {
    window.agent = await AgentSocket.open(origin, secret, 'Mallory');
    return window.agent.join(url);
  }, [service.origin, token, link]);
  assert.equal(first.state, 'lobby');
  assert.deepEqual([first.roster, first.lobby, first.threadId], [[], undefined, undefined], 'the lobby tells the waiter nothing else (CVE-2020-3441)');
  await ada.admit('Mallory');
  await raw.waitForFunction(() => window.agent.events.some((event) => event.admitted));
  const snapshot = await raw.evaluate(() => window.agent.events.find((event) => event.admitted).admitted);
  assert.equal(snapshot.role, 'Presenter', 'the guest is presenter by role (B9)');

  const waiter = await Guest.join(browser, link, 'Waiter');
  await waiter.waits();
  await ada.seesWaiting('Waiter');
  const victimId = snapshot.roster.find(({ displayName }) => displayName === 'Victim').id;
  const waiterId = await ada.page.locator('.waiting-list li').getAttribute('data-person');
  const call = snapshot.call;
  const answers = await raw.evaluate(async ([own, inside, outside, self]) => {
    const requests = {
      admit: { act: { call: own, act: 'admit', participant: outside } },
      admitAll: { act: { call: own, act: 'admitAll' } },
      reject: { act: { call: own, act: 'reject', participant: outside } },
      remove: { act: { call: own, act: 'remove', participant: inside } },
      removeSelf: { act: { call: own, act: 'remove', participant: self } },
      endForEveryone: { endForEveryone: { call: own } },
    };
    const found = {};
    for (const [name, request] of Object.entries(requests)) found[name] = await window.agent.attempt(request);
    return found;
  }, [call, victimId, waiterId, userId]);
  assert.deepEqual(answers, {
    admit: REFUSED, admitAll: REFUSED, reject: REFUSED, remove: REFUSED, removeSelf: REFUSED, endForEveryone: REFUSED,
  });
  await ada.rosterIs('Mallory', 'Victim');
  await waiter.waits();
  await victim.sees(ada.name);

  const frames = await raw.evaluate(() => window.agent.frames.join('\n'));
  const { searchParams } = new URL(link);
  assert.ok(!frames.includes(searchParams.get('p')), 'no secret of the link is sent to a guest (CVE-2024-33530)');
  assert.ok(!frames.includes(waiterId), 'a guest does not learn who waits');
});

test('hostile_names_are_text_and_links_leave_no_secret_behind (S12, CVE-2026-48007)', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const ada = await Organiser.signIn(browser, service);
  const subject = 'A & B <b>bold</b>';
  const link = await ada.schedule(subject);
  await ada.start(subject);
  const hostile = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>';
  const guest = await Guest.join(browser, link, hostile);
  await guest.waits();
  await ada.openPeople();
  const row = ada.page.locator('.waiting-list li');
  await row.waitFor();
  assert.equal(await row.locator('.who img, .who script').count(), 0);
  await row.locator('.admit').click();
  await guest.inMeeting();
  await ada.page.locator('.tile:not(.self)').waitFor();
  assert.equal(await ada.page.locator('main img, main script, main b').count(), 0);
  assert.equal(await ada.page.locator('.meeting .head h1').textContent(), subject);
  for (const person of [ada, guest]) assert.equal(await person.page.evaluate(() => window.hit), undefined);

  assert.equal(new URL(guest.page.url()).search, '', 'the passcode is not kept in the address');
  const entries = await guest.page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name));
  const secret = new URL(link).searchParams.get('p');
  assert.deepEqual(entries.filter((url) => url.includes(secret) || /[?&][^=]*token/i.test(url)), [], 'no request carries a secret in its address');
  await ada.nothingToComplain();
  await guest.nothingToComplain();
});

test('a_reload_finds_the_meeting_again', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('Reload', { bypass: true });
  await ada.start('Reload');
  const grete = await Guest.join(browser, link, 'Grete Gast');
  await grete.inMeeting();
  await grete.page.reload();
  await ada.rosterIs();
  await grete.ready();
  assert.equal(await grete.page.inputValue('#name'), 'Grete Gast', 'the name is kept');
  await grete.join();
  await grete.inMeeting();
  await grete.sees(ada.name);
});
