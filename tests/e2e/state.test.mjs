// What everybody in a meeting sees of its state, on the pages: that it is recorded (C3), raised hands and
// reactions (C5), and being muted by others (S1); by keyboard, in a narrow window, light and dark.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Attendee, signIn } from './lib/attendee.mjs';
import { AXE, coloured, violations } from './lib/axe.mjs';
import { Guest } from './lib/guest.mjs';
import { Organiser } from './lib/organiser.mjs';
import { until } from './lib/until.mjs';

/** The meeting's recordings, as Olivia says it over REST. */
async function recordings(service, link) {
  const { accessToken } = await signIn(service, 'olivia@plenary.test');
  const ask = async (method, path, body) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` };
    const answer = await fetch(`${service.origin}${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
    return answer.status === 204 ? undefined : answer.json();
  };
  const { value: [{ id }] } = await ask('GET', `/v1.0/me/onlineMeetings?$filter=${encodeURIComponent(`JoinWebUrl eq '${link}'`)}`);
  const path = `/meetings/${id}/recordings`;
  return {
    start: async (kind) => (await ask('POST', path, { kind })).recordingId,
    stop: (recording) => ask('DELETE', `${path}/${recording}`),
  };
}

const bar = (person, subject) => person.page.locator(`.notice.${subject}`);

/** A bar with these words. */
async function isTold(person, subject, words) {
  await bar(person, subject).filter({ hasText: words }).waitFor();
}

async function press(person, name) {
  const { page } = person;
  await page.getByRole('button', { name, exact: true }).focus();
  await page.keyboard.press('Enter');
}

test('everybody_sees_recordings_hands_reactions_and_who_was_muted (C3, C5, S1)', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const olivia = await Organiser.signIn(browser, service, 'Olivia', { scripts: [AXE] });
  const link = await olivia.schedule('State', { bypass: true });
  await olivia.start('State');
  const grete = await Guest.open(browser, link, 'Grete Gast', { scripts: [AXE] });
  await grete.join();
  await grete.inMeeting();
  const meeting = { service, link };
  const marco = await Attendee.join(browser, meeting, 'Marco');

  await t.test('that it is recorded is told to everybody, also to who comes later (C3)', async () => {
    const { start, stop } = await recordings(service, link);
    const [recording, transcription] = [await start('recording'), await start('transcription')];
    const late = await Guest.open(browser, link, 'Late Gast');
    await late.join();
    await late.inMeeting();
    for (const person of [olivia, grete, late]) {
      await isTold(person, 'recording', 'This meeting is being recorded and transcribed.');
      assert.equal(await bar(person, 'recording').getAttribute('role'), 'status');
    }
    await late.leave();
    await stop(recording);
    for (const person of [olivia, grete]) await isTold(person, 'recording', 'This meeting is being transcribed.');
    await stop(transcription);
    for (const person of [olivia, grete]) await bar(person, 'recording').waitFor({ state: 'hidden' });
  });

  await t.test('hands have an order, and who may lowers them (C5)', async () => {
    assert.equal(await grete.page.locator('.control.raise-hand, .control.react').filter({ visible: true }).count(), 0, 'members only');
    await press(olivia, 'Raise hand');
    await olivia.page.locator('.control.raise-hand', { hasText: 'Lower hand' }).waitFor();
    assert.equal(await marco.attempt((me) => me.call.feature(window.Plenary.Features.RaiseHand).raiseHand()), 'done');
    await grete.openPeople();
    const hands = grete.page.locator('.hands-list li');
    await until('Grete sees both', async () => (await hands.allTextContents()).map((name) => name.split(' ')[0]).join() === 'Olivia,Marco');
    await until('with their numbers', async () => /number 2$/.test(await grete.row('Marco').locator('.hand').textContent()));
    await olivia.openPeople();
    for (const colorScheme of ['light', 'dark']) {
      for (const person of [olivia, grete]) {
        await coloured(person.page, colorScheme);
        assert.deepEqual(await violations(person.page), [], `${person.name}, ${colorScheme}`);
      }
    }
    await press(olivia, 'Lower all hands');
    await until('they are down', () => grete.page.locator('.hands').isHidden());
    await olivia.page.locator('.control.raise-hand', { hasText: 'Raise hand' }).waitFor();
  });

  await t.test('a reaction is seen and read out (C5)', async () => {
    await press(olivia, 'React');
    // It is there for some seconds only.
    const seen = Promise.all([grete, olivia].map((person) => person.page.locator('.reaction[data-reaction="applause"]').waitFor()));
    await press(olivia, 'Send applause');
    await seen;
    await until('it is read out', async () => /applause/.test(await grete.page.locator('#announcements').textContent()));
    await olivia.page.keyboard.press('Escape');
    await until('the menu is closed', () => olivia.page.locator('.reaction-menu').isHidden());
  });

  await t.test('who is muted by others is told, is not heard, and unmutes themselves (S1)', async () => {
    assert.equal(await grete.page.locator('.roster .mute, .mute-all').filter({ visible: true }).count(), 0, 'a guest mutes nobody');
    await grete.setMuted(false);
    await olivia.seesMuted('Grete Gast', false);
    await olivia.row('Grete Gast').getByRole('button', { name: /^Mute Grete Gast/ }).press('Enter');
    await isTold(grete, 'muted', 'Somebody in the meeting muted you.');
    await until('her button says so', async () => (await grete.page.locator('.controls .microphone').textContent()) === 'Unmute');
    await olivia.seesMuted('Grete Gast', true);
    await grete.setMuted(false);
    await olivia.seesMuted('Grete Gast', false);
    const ada = await Attendee.join(browser, meeting, 'Ada');
    await ada.listen();
    await ada.hearsAndSees(marco);
    await press(olivia, 'Mute all');
    await olivia.seesMuted('Grete Gast', true);
    await until('Marco is muted, too', () => marco.page.evaluate(() => window.me.call.isMuted));
    await ada.hearsNoMoreOf(marco);
    assert.equal(await marco.attempt((me) => me.call.unmute()), 'done');
    await until('Marco is heard again', async () => (await ada.heard()).includes(marco.tone));
    assert.equal(await olivia.page.locator('.controls .microphone').textContent(), 'Mute', 'not who did it');
  });

  await t.test('all of it fits into a narrow window', async () => {
    await press(olivia, 'Raise hand');
    await olivia.page.setViewportSize({ width: 360, height: 720 });
    await olivia.page.locator('.hands-list li').waitFor();
    assert.deepEqual(await violations(olivia.page), []);
    assert.equal(await olivia.page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, 'nothing is cut off');
    await olivia.page.keyboard.press('Escape');
    await press(olivia, 'React');
    await olivia.page.locator('.reaction-menu').waitFor();
    const box = await olivia.page.locator('.reaction-menu').boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= 360, JSON.stringify(box));
  });

  await grete.nothingToComplain();
  await olivia.nothingToComplain();
});
