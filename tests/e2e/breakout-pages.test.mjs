// Breakout rooms on the pages: by mouse and by keyboard, into the room and back, with what is seen and
// heard after each move.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { signIn } from './lib/attendee.mjs';
import { AXE, coloured, violations } from './lib/axe.mjs';
import { clickReturn, inMain, inRoom, isTold, Rooms, together } from './lib/breakout-people.mjs';
import { Guest } from './lib/guest.mjs';
import { Organiser } from './lib/organiser.mjs';
import { until } from './lib/until.mjs';

async function meeting(t, subject, options = {}) {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  // High enough for rooms and people side by side: they are dragged.
  const ada = await Organiser.signIn(browser, service, 0, { viewport: { width: 1280, height: 960 }, ...options });
  const link = await ada.schedule(subject, { bypass: true });
  await ada.start(subject);
  const grete = await Guest.open(browser, link, 'Grete Gast', options);
  await grete.join();
  await grete.inMeeting();
  const rooms = await new Rooms(ada).show();
  return { service, browser, ada, link, grete, rooms };
}

test('rooms_are_made_filled_opened_and_closed_from_the_console_and_everybody_is_heard_after_each_move (E1, E8, E9, E11, E12)', async (t) => {
  const { ada, grete, rooms } = await meeting(t, 'Story');
  await rooms.make(2);
  await rooms.drag('Grete Gast', 'Room 2');
  await isTold(grete, 'assigned', /You are assigned to Room 2\. It is not open yet\./);
  // By select, as who has no mouse does it.
  await rooms.assign('Grete Gast', 'Room 1');
  await isTold(grete, 'assigned', /You are assigned to Room 1/);
  await grete.setMuted(true);

  await rooms.openAll(10);
  await inRoom(grete, 'Room 1');
  await isTold(grete, 'moved', /You were moved to the breakout room Room 1/);
  await rooms.state('Room 1', /Open · 1 in it/);
  await ada.page.locator('.control.people').click();
  await ada.rosterIs();
  assert.deepEqual(await grete.roster(), [], 'who is in the main meeting is not seen in the room');
  assert.match(await grete.page.locator('.place .remaining').textContent(), /^(9:[0-5]\d|10:00)$/);
  assert.equal(await grete.page.locator('.controls .microphone').textContent(), 'Unmute', 'mute survives (UI library 5755)');
  await grete.setMuted(false);

  await t.test('the manager visits: their main call is held, and both see and hear each other (E3, E9)', async () => {
    await rooms.show();
    await rooms.press('Join Room 1');
    await inRoom(ada, 'Room 1');
    await isTold(ada, 'moved', /You are in the breakout room Room 1/);
    await together(ada, grete);
  });

  await t.test('and comes back', async () => {
    await clickReturn(ada);
    await inMain(ada);
    await ada.rosterIs();
    await grete.rosterIs();
  });

  await t.test('an announcement is a status in the room', async () => {
    await rooms.show();
    await ada.page.fill('#room-announcement', 'Five <b>minutes</b> left');
    await rooms.press('Send');
    await isTold(grete, 'announcement', /^Five <b>minutes<\/b> left$/);
    assert.equal(await grete.page.locator('.notice.announcement').getAttribute('role'), 'status');
  });

  await t.test('more time is shown to who is inside', async () => {
    await rooms.press('+5 minutes');
    await until('the clock shows more', async () => /^1[45]:/.test(await grete.page.locator('.place .remaining').textContent()));
  });

  await t.test('the participant returns, and goes in again (E11)', async () => {
    await clickReturn(grete);
    await inMain(grete);
    await together(ada, grete);
    await grete.page.getByRole('button', { name: 'Join Room 1' }).click();
    await inRoom(grete, 'Room 1');
    await ada.rosterIs();
  });

  await t.test('closing brings everybody back, with camera and microphone as they were (E11)', async () => {
    await grete.setCamera(false);
    await rooms.show();
    await rooms.closeAll();
    await inMain(grete);
    await isTold(grete, 'moved', /Room 1 was closed\. You are back in the main meeting\./);
    await ada.rosterIs('Grete Gast');
    await ada.seesInitialsOf('Grete Gast');
    await grete.setCamera(true);
    await together(ada, grete);
  });

  await t.test('the same rooms open again, with the same people', async () => {
    await rooms.show();
    await rooms.openAll();
    await inRoom(grete, 'Room 1');
  });

  await t.test('ended for everyone from within a room, it ends in every room', async () => {
    await rooms.press('Join Room 2');
    await inRoom(ada, 'Room 2');
    await ada.endForEveryone();
    for (const person of [ada, grete]) assert.equal((await person.ended()).numbers, '0/4097');
  });
  await ada.nothingToComplain();
  await grete.nothingToComplain();
});

test('who_must_stay_sees_no_way_back_and_who_leaves_the_room_leaves (E11, E12)', async (t) => {
  const { ada, grete, rooms } = await meeting(t, 'Stay');
  await rooms.make(1);
  await rooms.assign('Grete Gast', 'Room 1');
  await rooms.setting('People may return', false);
  await rooms.setting('Move people', false);
  await rooms.openAll();
  await isTold(grete, 'assigned', /It is open/);
  await inMain(grete);
  await grete.page.getByRole('button', { name: 'Join Room 1' }).click();
  await inRoom(grete, 'Room 1');
  assert.equal(await grete.page.locator('.place .return').isVisible(), false);
  await rooms.setting('People may return', true);
  await grete.page.locator('.place .return').waitFor();

  await t.test('a room that is deleted moves its people first', async () => {
    await rooms.press('Rename Room 1');
    await rooms.panel.getByRole('textbox', { name: 'Name of Room 1' }).fill('Kitchen');
    await ada.page.keyboard.press('Enter');
    await inRoom(grete, 'Kitchen');
    await rooms.press('Delete Kitchen');
    await ada.page.click('.question .confirm');
    await inMain(grete);
    await ada.rosterIs('Grete Gast');
    await together(ada, grete);
  });

  await t.test('what is not possible is said in words', async () => {
    await rooms.show();
    await ada.page.fill('#room-count', '50');
    await rooms.panel.locator('.create').click();
    await until('fifty rooms', async () => await rooms.panel.locator('[data-room]').count() === 50);
    await rooms.panel.locator('details.make').evaluate((details) => { details.open = true; });
    await ada.page.fill('#room-count', '1');
    await rooms.panel.locator('.create').click();
    await until('it says why not', async () => /could not be made.*at most 50/.test(await rooms.panel.locator('[role=alert]').textContent()));
  });

  await t.test('who leaves from a room leaves the meeting', async () => {
    await rooms.assign('Grete Gast', 'Room 3');
    await rooms.press('Open Room 3');
    await grete.page.getByRole('button', { name: 'Join Room 3' }).click();
    await inRoom(grete, 'Room 3');
    await grete.leave();
    assert.deepEqual(await grete.ended(), { title: 'You left the meeting', numbers: '0/0' });
    await rooms.press('Join Room 3');
    await inRoom(ada, 'Room 3');
    await ada.leave();
    assert.equal((await ada.ended()).numbers, '0/0', 'also a manager, whose main call is on hold');
  });
  await ada.nothingToComplain(/400/);
  await grete.nothingToComplain();
});

test('two_managers_at_once_see_what_is (E4)', async (t) => {
  const { service, browser, ada, link, grete, rooms } = await meeting(t, 'Two');
  const olivia = await signIn(service, 'olivia@plenary.test');
  const filter = encodeURIComponent(`JoinWebUrl eq '${link}'`);
  const found = await fetch(`${service.origin}/v1.0/me/onlineMeetings?$filter=${filter}`, { headers: { authorization: `Bearer ${olivia.accessToken}` } });
  const { value: [{ id }] } = await found.json();
  const invited = await fetch(`${service.origin}/v1.0/me/onlineMeetings/${id}`, {
    method: 'PATCH', headers: { 'content-type': 'application/json', authorization: `Bearer ${olivia.accessToken}` },
    body: JSON.stringify({ participants: { attendees: [{ upn: 'chidi@plenary.test', role: 'coorganizer' }] } }),
  });
  assert.equal(invited.status, 200);
  const chidi = await Organiser.signIn(browser, service, 3);
  await chidi.page.fill('#other-link', link);
  await chidi.page.click('.add-other');
  await chidi.start('Two');
  const others = await new Rooms(chidi).show();
  await rooms.make(2);
  await others.room('Room 2').waitFor();
  await others.row('Grete Gast').locator('select').selectOption({ label: 'Room 2' });
  await rooms.has('Room 2', 'Grete Gast');
  await Promise.all([
    rooms.row('Grete Gast').locator('select').selectOption({ label: 'Room 1' }),
    others.row('Grete Gast').locator('select').selectOption({ label: 'Not assigned' }),
  ]);
  await rooms.press('Delete Room 2');
  await until('it is gone for both', async () => await rooms.room('Room 2').count() + await others.room('Room 2').count() === 0);
  await rooms.assign('Grete Gast', 'Room 1');
  await others.has('Room 1', 'Grete Gast');
  await others.openAll();
  await inRoom(grete, 'Room 1');
  await rooms.state('Room 1', /Open · 1 in it/);
  await rooms.closeAll();
  await inMain(grete);
  await others.state('Room 1', /Closed/);
  for (const person of [ada, chidi, grete]) await person.nothingToComplain(/404/);
});

test('rooms_are_accessible_in_light_and_dark_and_used_by_keyboard', async (t) => {
  const { ada, grete, rooms } = await meeting(t, 'Keys', { scripts: [AXE] });
  const cleanIn = async (colorScheme, person, screen) => {
    await coloured(person.page, colorScheme);
    assert.deepEqual(await violations(person.page), [], `${screen} in ${colorScheme}`);
  };
  const clean = async (person, screen) => {
    for (const colorScheme of ['light', 'dark']) await cleanIn(colorScheme, person, screen);
  };
  await clean(ada, 'panel without rooms');
  await rooms.make(2);
  const { keyboard } = ada.page;
  await rooms.row('Grete Gast').locator('select').focus();
  await keyboard.press('ArrowDown');
  await rooms.has('Room 1', 'Grete Gast');
  const select = rooms.row('Grete Gast').locator('select');
  assert.ok(await select.evaluate((element) => element === document.activeElement), 'the focus goes along');
  await clean(ada, 'panel with rooms');
  await clean(grete, 'assigned');
  await rooms.panel.locator('.all').focus();
  await keyboard.press('Enter');
  await inRoom(grete, 'Room 1');
  await clean(grete, 'in the room');
  await clean(ada, 'open rooms');
  const back = grete.page.locator('.place .return');
  await back.focus();
  await grete.page.keyboard.press('Enter');
  await inMain(grete);
  assert.ok(await grete.page.evaluate(() => document.activeElement !== document.body), 'the focus is not lost with the button');
  for (const person of [ada, grete]) {
    await person.page.setViewportSize({ width: 360, height: 720 });
    const overflow = await person.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${person.name}'s page is not wider than a phone`);
    await clean(person, 'on a phone');
  }
});
