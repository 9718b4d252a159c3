// Breakout rooms as an application of the SDK meets them: each rule (E1-E15) with who keeps to it and who
// does not. The pages have theirs in breakout-pages.test.mjs, interruptions in breakout-failures.test.mjs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Attendee, meet, scene, signIn } from './lib/attendee.mjs';
import { until } from './lib/until.mjs';

const CLOSED = '412/46256';
const NOT_ASSIGNED = '412/46260';
const OFF = '405/46251';
const STAYS = '403/59180';
/** A hundred take two minutes on a busy machine: the soak asks for them. */
const MOVES = Number(process.env.PLENARY_TEST_MOVES ?? 10);

/** Where in the log these are, each found after the one before. */
function inOrder(log, ...wanted) {
  let at = -1;
  for (const [sentence, found] of wanted) {
    const next = log.findIndex((entry, index) => index > at && found(entry));
    assert.ok(next > at, `${sentence}, in its place in\n${log.map((entry) => JSON.stringify(entry)).join('\n')}`);
    at = next;
  }
}

test('a_guest_is_moved_and_brought_back_in_the_order_that_applications_rely_on', async (t) => {
  // With the option that lets guests chat in rooms: else a room's call has no thread for them (E5).
  const { browser, rooms, Olivia, Ada, Bob } = await scene(t, ['Olivia', 'Ada', 'Bob'], { allowGuestChatInBreakoutRooms: true });
  await rooms.make(2);

  await t.test('the assigned room is told and readable (E1, E14)', async () => {
    await rooms.assign({ Ada: 1, Bob: 2 });
    const { assigned } = await Ada.is('assigned', (now) => now.assigned?.name === 'Room 1');
    assert.equal(assigned.state, 'closed');
    const [told] = (await Ada.log()).filter(({ what }) => what === 'assignedBreakoutRooms');
    assert.deepEqual({ ...told }, { what: 'assignedBreakoutRooms', call: 'main', state: 'closed', room: 'Room 1', same: true });
  });

  await t.test('a guest sees names and states alone, a manager everything (E2)', async () => {
    const seen = (person) => person.page.evaluate(() => window.me.feature().breakoutRooms
      .map(({ displayName, state, threadId, invitees }) => [displayName, state, threadId !== '', invitees?.length]));
    assert.deepEqual(await seen(Ada), [['Room 1', 'closed', false, null], ['Room 2', 'closed', false, null]].map((row) => row.map((value) => value ?? undefined)));
    await until('the manager sees who is invited', async () => JSON.stringify(await seen(Olivia)) === JSON.stringify([['Room 1', 'closed', true, 1], ['Room 2', 'closed', true, 1]]));
  });

  await t.test('a closed room is not joined, nor is another’s (E3, E7)', async () => {
    assert.equal(await Ada.joinAssigned(), CLOSED);
    assert.equal(await Ada.joinRoom('Room 2'), NOT_ASSIGNED, 'another’s, and it does not tell that it is closed');
    assert.equal(await rooms.where('Ada'), 0);
  });

  await t.test('settings are on the room’s call alone (E6, E12)', async () => {
    await rooms.configure({ roomEndTime: new Date(Date.now() + 600_000).toISOString() });
    assert.equal(await Ada.page.evaluate(() => window.me.feature().breakoutRoomsSettings), undefined);
    assert.equal((await Ada.log()).filter(({ what }) => what === 'breakoutRoomsSettings').length, 0, 'never on the main call');
  });

  await t.test('opening moves them: listed, thread known, join told, then the main call ends (E8, E9)', async () => {
    await meet(Ada, Bob);
    await Promise.all([Ada.forget(), Bob.forget()]);
    await rooms.open();
    await Promise.all([Ada.isIn('Room 1'), Bob.isIn('Room 2')]);
    await Ada.is('out of the main call', ({ calls }) => calls.length === 1);
    inOrder(await Ada.log(),
      ['the room is open', ({ what, state, call }) => what === 'assignedBreakoutRooms' && state === 'open' && call === 'main'],
      ['the call is in the list', ({ what, added }) => what === 'callsUpdated' && added[0] === 'call 1'],
      ['join on the main call', ({ what, call, joined, thread, listed }) => what === 'join' && call === 'main' && joined === 'call 1' && /^19:breakout_/.test(thread) && listed],
      ['settings on the room’s call', ({ what, call, settings: now }) => what === 'breakoutRoomsSettings' && call === 'call 1' && now.disableReturnToMainMeeting === false],
      ['the main call ends', ({ what, call, state, subCode }) => what === 'state' && call === 'main' && state === 'Disconnected' && subCode === 59181],
      ['and leaves the list', ({ what, removed }) => what === 'callsUpdated' && removed[0] === 'main']);
    assert.equal(await Ada.page.evaluate(() => window.me.assigned.call === window.me.call), true);
    const settings = await Ada.page.evaluate(() => window.me.feature().breakoutRoomsSettings);
    assert.equal(settings.disableReturnToMainMeeting, false);
    assert.ok(Date.parse(settings.roomEndTime) > Date.now(), 'a date as text');
  });

  await t.test('the room that one is in cannot be joined again; a stale room object does the same (E3)', async () => {
    const calls = (await Ada.look()).calls;
    assert.deepEqual([await Ada.joinAssigned(), await Ada.joinAssigned()], ['done', 'done']);
    assert.deepEqual((await Ada.look()).calls, calls);
    assert.equal(await Bob.joinRoom('Room 1'), NOT_ASSIGNED, 'from a room, too');
    assert.equal(await rooms.where('Bob'), 2);
  });

  await t.test('re-assignment moves from room to room (E10)', async () => {
    await Ada.forget();
    await rooms.assign({ Ada: 2 });
    await Ada.isIn('Room 2');
    inOrder(await Ada.log(),
      ['assigned', ({ what, room }) => what === 'assignedBreakoutRooms' && room === 'Room 2'],
      ['listed', ({ what, added }) => what === 'callsUpdated' && added[0] === 'call 2'],
      ['joined', ({ what, joined }) => what === 'join' && joined === 'call 2'],
      ['ended', ({ what, call, state }) => what === 'state' && call === 'call 1' && state === 'Disconnected']);
    await meet(Ada, Bob);
    await Ada.seesExactly('Bob');
  });

  await t.test('returning twice gives one call, and it is the one that is on (E11)', async () => {
    const same = await Ada.page.evaluate(async () => {
      const room = window.me.assigned;
      const [one, two] = await Promise.all([room.returnToMainMeeting(), room.returnToMainMeeting()]);
      return one === two && window.me.agent.calls.includes(one) && one === await room.returnToMainMeeting();
    });
    assert.equal(same, true);
    await Ada.isIn(undefined);
    assert.equal(await rooms.where('Ada'), 0);
    await meet(Ada, Olivia);
    const { calls } = await Ada.is('in one call', (now) => now.calls.length === 1);
    assert.match(calls[0], /Connected/);
  });

  await t.test('who comes late goes to the room that is theirs, once (E8)', async () => {
    const Cleo = await Attendee.join(browser, rooms, 'Cleo', { room: 2 });
    await Cleo.isIn('Room 2');
    await meet(Cleo, Bob);
    assert.equal(await Cleo.back(), 'done');
    await Cleo.isIn(undefined);
    await Cleo.page.close();
  });

  await t.test('closing brings the others back; assignedBreakoutRooms stays readable on every call (E11)', async () => {
    await Bob.forget();
    await rooms.close();
    await Bob.isIn(undefined);
    const read = await Bob.page.evaluate(() => [...window.me.calls.keys()].map((call) => window.me.feature(call).assignedBreakoutRooms?.displayName));
    assert.deepEqual(new Set(read), new Set(['Room 2']), 'also on those that ended (UI library 6059)');
    const told = (await Bob.log()).filter(({ what, state }) => what === 'assignedBreakoutRooms' && state === 'closed');
    assert.deepEqual(told.map(({ call }) => call), ['call 1'], 'once, on the one feature that lives');
    await meet(Bob, Ada);
    await Olivia.is('with them again', ({ people }) => people.includes('Ada (External)') && people.includes('Bob (External)'));
  });
});

test('without_auto_move_people_go_by_themselves_and_stay_while_they_must (E3, E7, E8, E10, E11)', async (t) => {
  const { rooms, Olivia, Ada } = await scene(t, ['Olivia', 'Ada']);
  await rooms.make(2);
  await rooms.configure({ autoMoveParticipantToBreakoutRoom: false, disableReturnToMainMeeting: true });
  await rooms.assign({ Ada: 1 });
  await rooms.open();
  await Ada.is('told that it is open', ({ assigned }) => assigned?.state === 'open');
  await Ada.isIn(undefined);
  await t.test('a stale room object leads nowhere else: it is asked what holds now (E3)', async () => {
    await Ada.page.evaluate(() => { window.stale = window.me.assigned; });
    await rooms.assign({ Ada: 2 });
    await Ada.is('assigned anew', ({ assigned }) => assigned?.name === 'Room 2');
    assert.equal(await Ada.attempt(() => window.stale.join()), NOT_ASSIGNED);
  });
  await t.test('joined by themselves, twice at once is once (E8)', async () => {
    const one = await Ada.page.evaluate(async () => {
      const [a, b] = await Promise.all([window.me.assigned.join(), window.me.assigned.join()]);
      return a === b && a === window.me.call;
    });
    assert.equal(one, true);
    await Ada.isIn('Room 2');
  });
  await t.test('nobody returns where returning is disabled (E11, E12)', async () => {
    assert.equal((await Ada.page.evaluate(() => window.me.feature().breakoutRoomsSettings)).disableReturnToMainMeeting, true);
    assert.equal(await Ada.back(), STAYS);
    await Ada.isIn('Room 2');
    assert.equal(await rooms.where('Ada'), 2);
  });
  await t.test('re-assigned without auto-move: told, and still there (E10)', async () => {
    await rooms.assign({ Ada: 1 });
    await Ada.is('assigned to the first', ({ assigned }) => assigned?.name === 'Room 1');
    await Ada.isIn('Room 2');
    assert.equal(await Ada.joinAssigned(), 'done');
    await Ada.isIn('Room 1');
  });
  await t.test('a manager’s main call is held and goes on (E9)', async () => {
    await Olivia.forget();
    assert.equal(await Olivia.joinRoom('Room 1'), 'done');
    await Olivia.isIn('Room 1');
    assert.deepEqual((await Olivia.look()).calls, ['main: LocalHold', 'call 1: Connected']);
    inOrder(await Olivia.log(),
      ['listed', ({ what, added }) => what === 'callsUpdated' && added[0] === 'call 1'],
      ['join', ({ what, call }) => what === 'join' && call === 'main'],
      ['held', ({ what, call, state }) => what === 'state' && call === 'main' && state === 'LocalHold']);
    await meet(Olivia, Ada);
    assert.equal(await Olivia.back(), 'done', 'who manages the rooms may always return');
    await Olivia.isIn(undefined);
    const { calls } = await Olivia.is('in one call', (now) => now.calls.length === 1);
    assert.deepEqual(calls, ['main: Connected'], 'the same one');
  });
  await t.test('the rooms close at their end (E12)', async () => {
    await rooms.configure({ roomEndTime: new Date(Date.now() + 5000).toISOString() });
    await Ada.isIn(undefined);
    assert.deepEqual((await rooms.must('GET', '')).value.map(({ state }) => state), ['closed', 'closed']);
    await meet(Olivia, Ada);
  });
});

test('after_each_move_both_hear_and_see_each_other_and_what_was_sent_goes_on (E8, E9, E10)', async (t) => {
  const { rooms, Ada, Bob } = await scene(t, ['Olivia', 'Ada', 'Bob']);
  await rooms.make(3);
  await rooms.open();
  await meet(Ada, Bob);
  await Ada.page.evaluate(async () => {
    const canvas = document.querySelector('canvas');
    await window.me.call.startScreenSharing(new Plenary.LocalVideoStream(canvas.captureStream(5)));
  });
  await Bob.is('muted', () => Bob.page.evaluate(async () => { await window.me.call.mute(); return window.me.call.isMuted; }));
  await t.test('mute, camera and screen survive (UI library 5755)', async () => {
    await rooms.assign({ Ada: 1, Bob: 1 });
    await Promise.all([Ada.isIn('Room 1'), Bob.isIn('Room 1')]);
    assert.deepEqual(await Ada.page.evaluate(() => [window.me.call.isScreenSharingOn, window.me.call.isLocalVideoStarted, window.me.call.localVideoStreams.length]), [true, true, 2]);
    assert.equal((await Bob.look()).muted, true);
    await until('Bob has both pictures', () => Bob.page.evaluate(() => window.me.call.remoteParticipants[0]?.videoStreams
      .filter(({ isAvailable }) => isAvailable).map(({ mediaStreamType }) => mediaStreamType).sort().join() === 'ScreenSharing,Video'));
    await until('Ada sees that Bob is muted', () => Ada.page.evaluate(() => window.me.call.remoteParticipants[0]?.isMuted));
    await Promise.all([Bob.listen(), Ada.hearsNoMoreOf(Bob)]);
    await Bob.hearsAndSees(Ada);
    await Bob.page.evaluate(() => window.me.call.unmute());
    await meet(Ada, Bob);
  });
  for (const room of [2, 3, 1, 2]) {
    await rooms.assign({ Ada: room, Bob: room });
    await Promise.all([Ada.isIn(`Room ${room}`), Bob.isIn(`Room ${room}`)]);
    await meet(Ada, Bob);
  }
  await rooms.close();
  await Promise.all([Ada.isIn(undefined), Bob.isIn(undefined)]);
  await meet(Ada, Bob);
});

test('after_each_of_many_moves_who_is_there_is_heard_and_seen_both_ways (E8, E10)', async (t) => {
  const { rooms, Olivia, Ada, Bob } = await scene(t, ['Olivia', 'Ada', 'Bob']);
  await rooms.make(2);
  await rooms.assign({ Bob: 1 });
  await rooms.open();
  await Bob.isIn('Room 1');
  assert.equal(await Olivia.joinRoom('Room 2'), 'done');
  for (let move = 0; move < MOVES; move += 1) {
    const room = 1 + (move % 2);
    const host = room === 1 ? Bob : Olivia;
    await rooms.assign({ Ada: room });
    await Ada.isIn(`Room ${room}`);
    await Ada.seesExactly(host.name);
    // By their tones: what is left in a jitter buffer of who was there before is not taken for them.
    await meet(Ada, host);
  }
  assert.equal(await Ada.page.evaluate(() => window.__watch.open().peers), 1, 'by one connection');
});

test('chosen_devices_are_used_from_the_first_call_on_and_survive_every_move (E8, E11)', async (t) => {
  const { browser, rooms, Bob } = await scene(t, ['Olivia', 'Bob']);
  // The agent has prepared its first call's media by then.
  const Ada = await Attendee.join(browser, rooms, 'Ada', { device: 1 });
  const heard = async () => {
    await Ada.listen();
    await Ada.hearsAndSees(Bob);
    await Ada.usesItsChoice();
    const { energy } = await Bob.stats();
    await until('Bob hears the microphone', async () => (await Bob.stats()).energy > energy);
  };
  await heard();
  await rooms.make(2);
  await rooms.open();
  for (const room of [1, 2]) {
    await rooms.assign({ Ada: room, Bob: room });
    await Promise.all([Ada.isIn(`Room ${room}`), Bob.isIn(`Room ${room}`)]);
    await heard();
    // Chosen anew while in the room.
    await Ada.page.evaluate(() => window.me.choose(2));
    await heard();
  }
  await rooms.close();
  await Promise.all([Ada.isIn(), Bob.isIn()]);
  await heard();
});

test('nobody_else_manages_rooms (E4, S1)', async (t) => {
  const { service, rooms, Ada } = await scene(t, ['Olivia', 'Ada']);
  await rooms.make(1);
  const marco = await signIn(service, 'marco@plenary.test');
  const before = JSON.stringify((await rooms.must('GET', '')).value);
  for (const [method, rest] of [['GET', ''], ['POST', ''], ['PATCH', ''], ['POST', '/assign'], ['POST', '/distribute'], ['POST', '/open'],
    ['POST', '/close'], ['POST', '/announce'], ['PATCH', `/${rooms.ids[0]}`], ['DELETE', `/${rooms.ids[0]}`]]) {
    assert.equal((await rooms.ask(method, rest, { count: 1, message: 'x', displayName: 'x' }, Ada.token)).status, 401, `${method} ${rest} with a guest's token`);
    assert.equal((await rooms.ask(method, rest, { count: 1, message: 'x', displayName: 'x' }, null)).status, 401, `${method} ${rest} with none`);
    assert.equal((await rooms.ask(method, rest, { count: 1, message: 'x', displayName: 'x' }, marco.accessToken)).status, 404, `${method} ${rest} by a member of elsewhere`);
  }
  assert.equal(JSON.stringify((await rooms.must('GET', '')).value), before, 'nothing changed');
  const managing = await Ada.page.evaluate(() => {
    const feature = window.me.feature();
    return [...Object.keys(feature), ...Object.getOwnPropertyNames(Object.getPrototypeOf(feature))]
      .filter((name) => /^(create|open|close|assign(?!ed)|delete|manage)/.test(name));
  });
  assert.deepEqual(managing, [], 'the call feature manages nothing');
});

test('where_rooms_are_switched_off_nothing_is_raised_and_nothing_is_joined (E13)', async (t) => {
  const { service, rooms, Ada } = await scene(t, ['Olivia', 'Ada']);
  await rooms.make(1);
  await rooms.configure({ autoMoveParticipantToBreakoutRoom: false });
  await rooms.assign({ Ada: 1 });
  await rooms.open();
  await Ada.is('assigned', ({ assigned }) => assigned?.state === 'open');
  await Ada.page.evaluate(() => { window.stale = window.me.assigned; });
  const off = await fetch(`${service.origin}/v1.0/me/onlineMeetings/${rooms.meeting.id}`, {
    method: 'PATCH', headers: { 'content-type': 'application/json', authorization: `Bearer ${rooms.session.accessToken}` },
    body: JSON.stringify({ allowBreakoutRooms: false }),
  });
  assert.equal(off.status, 200);
  await Ada.is('assigned nowhere', ({ assigned }) => assigned === undefined);
  await Ada.forget();
  assert.equal(await Ada.attempt(() => window.stale.join()), OFF);
  assert.equal((await rooms.ask('POST', '/open', {})).body.error.code, 'BreakoutRoomsDisabled');
  await Ada.isIn(undefined);
  assert.deepEqual((await Ada.log()).filter(({ what }) => /reakout|join/.test(what)), [], 'nothing is raised');
});

test('nothing_crosses_between_rooms_and_the_main_meeting (E5, E15, S14)', async (t) => {
  const { rooms, Olivia, Ada, Bob, Cleo } = await scene(t, ['Olivia', 'Ada', 'Bob', 'Cleo']);
  await rooms.make(2);
  await rooms.assign({ Ada: 1, Bob: 2, Cleo: 1 });
  // First that traffic flows between all of them.
  await meet(Ada, Bob);
  await meet(Olivia, Cleo);
  await rooms.open();
  await Promise.all([Ada.isIn('Room 1'), Cleo.isIn('Room 1'), Bob.isIn('Room 2')]);
  await Promise.all([Ada.seesExactly('Cleo'), Cleo.seesExactly('Ada'), Bob.seesExactly(), Olivia.seesExactly()]);
  await Promise.all([Ada, Bob, Cleo, Olivia].map((person) => person.forget()));
  await meet(Ada, Cleo);
  await Promise.all([Ada.hearsNoMoreOf(Bob, Olivia), Bob.hearsNoMoreOf(Ada, Cleo, Olivia), Olivia.hearsNoMoreOf(Ada, Bob, Cleo)]);
  await Promise.all([Ada, Bob, Cleo, Olivia].map((person) => person.listen()));
  const alone = await Promise.all([Bob.stats(), Olivia.stats()]);
  assert.deepEqual(await Promise.all([
    Ada.soundsDuring(() => Ada.hearsAndSees(Cleo)), Cleo.soundsDuring(() => Cleo.hearsAndSees(Ada)),
  ]), [1, 1], 'packets of the one who is there, and of nobody else');
  assert.deepEqual(await Ada.hasHeard(Bob, Olivia), []);
  assert.deepEqual(await Bob.hasHeard(Ada, Cleo, Olivia), [], 'who is alone in a room hears nobody');
  assert.deepEqual(await Olivia.hasHeard(Ada, Bob, Cleo), []);
  const after = await Promise.all([Bob.stats(), Olivia.stats()]);
  after.forEach((now, at) => assert.deepEqual([now.videoIn, now.audioIn], [alone[at].videoIn, alone[at].audioIn], 'not one packet'));
  await Cleo.page.evaluate(() => window.me.call.mute());
  await until('Ada sees it', () => Ada.page.evaluate(() => window.me.call.remoteParticipants[0].isMuted));
  await Cleo.page.evaluate(() => window.me.call.unmute());
  await rooms.must('PATCH', `/${rooms.ids[0]}`, { displayName: 'Kitchen' });
  await until('a change that all are told', async () => (await Bob.log()).some(({ what }) => what === 'breakoutRooms'));
  assert.deepEqual((await Bob.log()).filter(({ what }) => what === 'people'), [], 'no roster entry of another room');
  // The service filters, not the page (CVE-2022-29232): what the sockets said, whole.
  assert.ok(await Bob.isToldNothingOf(Ada, Cleo, Olivia) > 0, 'they said something');
  await assert.rejects(Ada.isToldNothingOf(Cleo), /told of Cleo/, 'it would be seen');

  await t.test('after moving on, the room of before is silent (E10, E15)', async () => {
    await rooms.assign({ Ada: 2 });
    await Ada.isIn('Room 2');
    await meet(Ada, Bob);
    await Promise.all([Ada.hearsNoMoreOf(Cleo, Olivia), Cleo.hearsNoMoreOf(Ada, Bob, Olivia)]);
    await Promise.all([Ada.listen(), Cleo.listen()]);
    const alone = await Cleo.stats();
    assert.equal(await Ada.soundsDuring(() => Ada.hearsAndSees(Bob)), 1);
    assert.deepEqual(await Ada.hasHeard(Cleo, Olivia), []);
    assert.deepEqual(await Cleo.hasHeard(Ada, Bob, Olivia), []);
    assert.equal((await Cleo.stats()).audioIn, alone.audioIn, 'not one packet');
    await Cleo.seesExactly();
  });
  await t.test('a guest is told no thread of a room list, and the room’s own is not the meeting’s (E5)', async () => {
    const threads = await Ada.page.evaluate(() => [window.me.feature().breakoutRooms.map(({ threadId }) => threadId), window.me.call.info.threadId, window.me.main.info.threadId]);
    assert.deepEqual(threads[0], ['', '']);
    assert.notEqual(threads[1], threads[2]);
  });
});
