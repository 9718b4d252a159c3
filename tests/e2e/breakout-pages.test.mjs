// Breakout rooms on the pages: by mouse and by keyboard, into the room and back, with what is seen and
// heard after each move.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { signIn } from './lib/attendee.mjs';
import { AXE, coloured, violations } from './lib/axe.mjs';
import { newGuest, openBlank } from './lib/blank.mjs';
import { clickReturn, inMain, inRoom, isTold, Rooms, together } from './lib/breakout-people.mjs';
import { Guest } from './lib/guest.mjs';
import { Organiser } from './lib/organiser.mjs';
import { picture } from './lib/pictures.mjs';
import { until } from './lib/until.mjs';

async function meeting(t, subject, options = {}) {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  // High enough for rooms and people side by side: they are dragged.
  const ada = await Organiser.signIn(browser, service, undefined, { viewport: { width: 1280, height: 960 }, ...options });
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
    await until('the clock shows more', async () => /^1[0-5]:/.test(await grete.page.locator('.place .remaining').textContent()));
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

/** The meeting over REST, as Olivia: its id, and asking. */
async function byRest(service, link) {
  const { accessToken } = await signIn(service, 'olivia@plenary.test');
  const ask = async (method, path, body) => {
    const answer = await fetch(`${service.origin}${path}`, {
      method, headers: { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` }, body: body && JSON.stringify(body),
    });
    assert.equal(answer.status, 200, `${method} ${path}`);
    return answer.json();
  };
  const { value: [{ id }] } = await ask('GET', `/v1.0/me/onlineMeetings?$filter=${encodeURIComponent(`JoinWebUrl eq '${link}'`)}`);
  return { id, ask };
}

/** Chidi, with a role in the meeting, by his own console. */
async function comes(browser, service, { link, subject, role, options }) {
  const { id, ask } = await byRest(service, link);
  await ask('PATCH', `/v1.0/me/onlineMeetings/${id}`, { participants: { attendees: [{ upn: 'chidi@plenary.test', role }] } });
  const chidi = await Organiser.signIn(browser, service, 'Chidi', options);
  await chidi.page.fill('#other-link', link);
  await chidi.page.click('.add-other');
  await chidi.start(subject);
  chidi.meeting = id;
  return chidi;
}

test('two_managers_at_once_see_what_is (E4)', async (t) => {
  const { service, browser, ada, link, grete, rooms } = await meeting(t, 'Two');
  const chidi = await comes(browser, service, { link, subject: 'Two', role: 'coorganizer' });
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

test('a_member_is_appointed_and_withdrawn_in_the_middle_of_the_meeting_and_manages_meanwhile (E2, E3, E4)', async (t) => {
  const { service, browser, ada, link, grete, rooms } = await meeting(t, 'Appoint', { scripts: [AXE] });
  const chidi = await comes(browser, service, { link, subject: 'Appoint', role: 'presenter', options: { scripts: [AXE] } });
  const others = await new Rooms(chidi).show();
  const refusal = others.panel.locator('.refusal');
  const isRefused = () => until('who does not manage is told who does', async () =>
    /managers whom the organiser appoints/.test(await refusal.textContent()) && !await others.panel.locator('.make').isVisible());
  const box = rooms.panel.getByRole('checkbox', { name: /^Chidi .* manages the rooms/ });
  const said = (words) => until(`it is said: ${words}`, async () => words.test(await rooms.panel.locator('[role=status]').textContent()));
  const { keyboard } = ada.page;
  const clean = async (person, screen) => {
    for (const colorScheme of ['light', 'dark']) {
      await coloured(person.page, colorScheme);
      assert.deepEqual(await violations(person.page), [], `${screen} in ${colorScheme}`);
    }
  };
  await isRefused();
  await clean(chidi, 'not a manager');
  await chidi.page.keyboard.press('Escape');
  await rooms.make(2);

  await t.test('appointed by keyboard, among members alone', async () => {
    await rooms.panel.locator('.managers summary').focus();
    await keyboard.press('Enter');
    await keyboard.press('Tab');
    assert.ok(await box.evaluate((element) => element === document.activeElement), 'the box is next');
    assert.equal(await rooms.panel.getByRole('checkbox', { name: /manages the rooms/ }).count(), 1, 'neither guests nor the organiser');
    await keyboard.press('Space');
    await said(/^Chidi .* manages the breakout rooms now$/);
    await rooms.panel.locator('summary', { hasText: 'Room managers (1)' }).waitFor();
    assert.ok(await box.isChecked());
    assert.ok(await box.evaluate((element) => element === document.activeElement), 'the focus stays');
    await clean(ada, 'appointed');
  });

  await t.test('who was appointed hears so, opens the rooms and visits one, without a reload', async () => {
    await isTold(chidi, 'manages', /^You can manage the breakout rooms now\.$/);
    await clean(chidi, 'told');
    await chidi.page.getByRole('button', { name: 'Show the rooms' }).focus();
    await chidi.page.keyboard.press('Enter');
    await others.assign('Grete Gast', 'Room 1');
    assert.equal(await others.panel.locator('.managers').isVisible(), false, 'managers appoint nobody');
    await others.panel.locator('.all').focus();
    await chidi.page.keyboard.press('Enter');
    await inRoom(grete, 'Room 1');
    await others.press('Join Room 1');
    await inRoom(chidi, 'Room 1');
    await together(chidi, grete);
    await others.show();
  });

  await t.test('a failure is said in words, and the box shows what is', async () => {
    const path = '**/breakoutRooms';
    await ada.page.route(path, (route) => (route.request().method() === 'PATCH' ? route.abort() : route.fallback()));
    await box.focus();
    await keyboard.press('Space');
    await until('it says why not', async () => /managers could not be changed.*cannot be reached/.test(await rooms.panel.locator('[role=alert]').textContent()));
    await until('the box is as before', () => box.isChecked());
    await ada.page.unroute(path);
  });

  await t.test('withdrawn, everything is over at once: rooms, panel and the service', async () => {
    await others.panel.locator('.all').focus();
    await box.focus();
    await keyboard.press('Space');
    await said(/^Chidi .* does not manage the breakout rooms any more$/);
    await isTold(chidi, 'manages', /^You do not manage the breakout rooms any more\.$/);
    await inMain(chidi);
    await isTold(chidi, 'moved', /^You are back in the main meeting\.$/);
    await isRefused();
    assert.ok(await chidi.page.evaluate(() => document.activeElement !== document.body), 'the focus is not lost with the panel');
    const { accessToken } = await signIn(service, 'chidi@plenary.test');
    const refused = async (method, rest, body) => {
      const answer = await fetch(`${service.origin}/meetings/${chidi.meeting}/breakoutRooms${rest}`, {
        method, headers: { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` }, body: body && JSON.stringify(body),
      });
      assert.equal(answer.status, 403, `${method} ${rest}`);
    };
    await refused('GET', '');
    await refused('POST', '/close', {});
    await refused('PATCH', '', { managers: [] });
    await inRoom(grete, 'Room 1');
    await rooms.state('Room 1', /Open · 1 in it/);
    // Back in the call that was on hold: who stayed is seen again (E9).
    await together(ada, chidi);
    await rooms.show();
  });

  for (const [width, height] of [[360, 720], [1440, 900]]) {
    for (const person of [ada, chidi]) {
      await person.page.setViewportSize({ width, height });
      if (person === ada) await box.scrollIntoViewIfNeeded();
      const overflow = await person.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${person.name}'s page is not wider than ${width} pixels`);
      await clean(person, `at ${width}`);
    }
  }
  for (const person of [ada, chidi, grete]) await person.nothingToComplain(/403|ERR_FAILED/);
});

test('everybody_is_assigned_by_one_of_two_buttons (E4)', async (t) => {
  const { service, browser, link, rooms } = await meeting(t, 'Crowd');
  const page = await openBlank(browser, service);
  const names = ['Ann', 'Ben', 'Cat', 'Dan', 'Eve', 'Fay'];
  for (const name of names) {
    const { token } = await newGuest(service, name);
    await page.evaluate(async ([origin, secret, who, url]) => (await AgentSocket.open(origin, secret, who)).join(url), [service.origin, token, name, link]);
  }
  await rooms.make(3);
  const found = async () => {
    const all = [];
    for (const room of ['Room 1', 'Room 2', 'Room 3']) {
      const people = await rooms.room(room).locator('li[data-person]').evaluateAll((rows) => rows.map((row) => row.dataset.person).sort());
      all.push(people);
    }
    return all;
  };
  const spread = (all) => all.map(({ length }) => length).sort().join() === '2,2,3';
  await rooms.press('Evenly');
  const even = await until('seven people are spread evenly', async () => { const all = await found(); return spread(all) && all; });
  await until('at random it is another order, as even', async () => {
    await rooms.press('At random');
    const all = await found();
    return spread(all) && JSON.stringify(all) !== JSON.stringify(even);
  });
  await rooms.press('Evenly');
  await until('evenly it is as before', async () => JSON.stringify(await found()) === JSON.stringify(even));
});

test('everybody_sees_when_the_rooms_close_and_is_told_a_minute_before (E12)', async (t) => {
  const { service, ada, link, grete, rooms } = await meeting(t, 'Countdown');
  const { id, ask } = await byRest(service, link);
  const endsIn = (seconds) => ask('PATCH', `/meetings/${id}/breakoutRooms`, { roomEndTime: new Date(Date.now() + seconds * 1000).toISOString() });
  const elsewhere = (person) => person.page.locator('.elsewhere');
  const reads = (what, locator, words) => until(what, async () => words.test(await locator.textContent({ timeout: 200 })));
  const timer = rooms.panel.locator('.running .remaining');
  await rooms.make(1);
  for (const person of [ada, grete]) assert.equal(await elsewhere(person).isVisible(), false);
  await rooms.openAll(10);
  await reads('the console counts', timer, /^Closing in (9:\d\d|10:00)$/);
  for (const person of [ada, grete]) await reads(`${person.name} sees it in the main meeting`, elsewhere(person), /close in (9:\d\d|10:00)$/);
  const first = await timer.textContent();
  await until('it runs', async () => await timer.textContent() !== first);
  await rooms.press('+5 minutes');
  await reads('more time is seen by who is in the main meeting', elsewhere(grete), /close in 1[0-5]:/);
  await reads('and in the console', timer, /^Closing in 1[0-5]:/);
  await rooms.press('No end');
  await reads('without an end nothing counts', timer, /^Open without an end$/);
  for (const person of [ada, grete]) await until('nor elsewhere', () => elsewhere(person).isHidden());

  await rooms.assign('Grete Gast', 'Room 1');
  await inRoom(grete, 'Room 1');
  const notice = grete.page.locator('.notice.last-minute');
  await endsIn(75);
  await until('the clock is on, and nothing is told yet', () => grete.page.evaluate(() =>
    /^1:(0[1-9]|1\d)$/.test(document.querySelector('.place .remaining').textContent) && !document.querySelector('.notice.last-minute')?.checkVisibility()));
  await isTold(grete, 'last-minute', /^Room 1 closes in a minute\. You go back to the main meeting then\.$/);
  assert.equal(await notice.getAttribute('role'), 'status');
  await endsIn(5);
  await inMain(grete);
  await isTold(grete, 'moved', /Room 1 was closed/);
  await until('what was told of the end is gone', () => notice.isHidden());
  await rooms.state('Room 1', /Closed/);
  for (const person of [ada, grete]) await until('nobody counts any more', () => elsewhere(person).isHidden());
  for (const person of [ada, grete]) await person.nothingToComplain();
});

test('rooms_are_accessible_in_light_and_dark_and_used_by_keyboard', async (t) => {
  const { ada, grete, rooms } = await meeting(t, 'Keys', { scripts: [AXE] });
  const clean = async (person, screen) => {
    const usual = person.page.viewportSize();
    for (const [width, height] of [[360, 720], [1440, 900]]) {
      await person.page.setViewportSize({ width, height });
      const overflow = await person.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${screen} is not wider than ${width} pixels`);
      for (const colorScheme of ['light', 'dark']) {
        await coloured(person.page, colorScheme);
        await picture(person.page, `rooms ${screen} ${width} ${colorScheme}`);
        assert.deepEqual(await violations(person.page), [], `${screen} in ${colorScheme} at ${width}`);
      }
    }
    await person.page.setViewportSize(usual);
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
  await ada.page.fill('#room-minutes', '10');
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
  await clean(grete, 'back in the main meeting');
});
