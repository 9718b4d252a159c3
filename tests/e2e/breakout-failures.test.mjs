// Breakout rooms when something comes in between: a killed service, a cut link, people and managers who are
// faster than the moves. Whatever happened, in the end everybody agrees on who is where, and hears them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Attendee, meet, RoomsOverRest, scene as meeting, signIn } from './lib/attendee.mjs';
import { Namespace } from './lib/namespace.mjs';
import { until } from './lib/until.mjs';

/** How often a race is run: either may win each time. */
const RACES = 4;
/** Moves that are asked for without waiting for one. */
const HASTE = 12;

async function scene(t, names) {
  const all = await meeting(t, names);
  await all.rooms.make(2);
  return all;
}

/** Service, SDK and application say the same of where somebody is; gives the room's number. */
async function agreed(rooms, person) {
  return until(`all agree on where ${person.name} is`, async () => {
    const [where, { calls, inRoom, room, call }] = [await rooms.where(person.name), await person.look()];
    if (where === undefined || call === undefined || inRoom !== where > 0) return false;
    if (where > 0 && room !== `Room ${where}`) return false;
    return calls.filter((one) => one.endsWith('Connected')).length === 1 && { where };
  }).then(({ where }) => where);
}

test('a_service_killed_while_rooms_are_open_finds_everybody_in_their_room (E9, E11, E12)', async (t) => {
  const { service, rooms, Olivia, Ada, Bob } = await scene(t, ['Olivia', 'Ada', 'Bob']);
  await rooms.assign({ Ada: 1, Bob: 1 });
  await rooms.open();
  await Promise.all([Ada.isIn('Room 1'), Bob.isIn('Room 1')]);
  assert.equal(await Olivia.joinRoom('Room 2'), 'done');
  await Olivia.isIn('Room 2');
  await meet(Ada, Bob);
  const calls = await Promise.all([Olivia, Ada, Bob].map(async (person) => (await person.look()).calls));

  await service.kill();
  await service.restart();
  await until('the service has them all again', async () => await rooms.where('Ada') === 1 && await rooms.where('Bob') === 1 && await rooms.where('Olivia') === 2);
  await meet(Ada, Bob);
  await Ada.seesExactly('Bob');
  assert.deepEqual(await Promise.all([Olivia, Ada, Bob].map(async (person) => (await person.look()).calls)), calls, 'in the same calls, the held one too');

  await t.test('killed while they open: who is assigned gets there', async () => {
    await rooms.close();
    await Promise.all([Ada.isIn(undefined), Bob.isIn(undefined), Olivia.isIn(undefined)]);
    await rooms.open();
    await service.kill();
    await service.restart();
    await Promise.all([Ada.isIn('Room 1'), Bob.isIn('Room 1')]);
    await meet(Ada, Bob);
    await rooms.close();
    await Promise.all([Ada.isIn(undefined), Bob.isIn(undefined)]);
    await Olivia.seesExactly('Ada', 'Bob');
    await meet(Olivia, Ada);
  });
});

test('a_client_that_is_offline_during_its_move_arrives_when_it_is_back (E8, E11)', async (t) => {
  const service = await Service.start(t);
  const network = await Namespace.start(t, service);
  if (!network) return;
  const [browser, far] = [await startChromium(t), await startChromium(t, { executablePath: network.chromium })];
  const rooms = await RoomsOverRest.schedule(service);
  const Olivia = await Attendee.join(browser, rooms, 'Olivia');
  const Bob = await Attendee.join(browser, rooms, 'Bob');
  const Ada = await Attendee.join(far, rooms, 'Ada');
  await rooms.make(2);
  await rooms.assign({ Ada: 1, Bob: 1 });
  await meet(Ada, Bob);

  network.down();
  await rooms.open();
  await Bob.isIn('Room 1');
  network.up();
  await Ada.isIn('Room 1');
  await meet(Ada, Bob);

  await t.test('offline inside, it stays in the room', async () => {
    network.down();
    await rooms.must('POST', '/announce', { message: 'Are you there?' });
    network.up();
    await until('it is told what was said meanwhile', async () => (await Ada.log()).some(({ what }) => what === 'announcement'));
    assert.equal(await agreed(rooms, Ada), 1);
    await meet(Ada, Bob);
  });
  await t.test('offline while it closes, until it has noticed: it comes back to the main meeting', async () => {
    network.down();
    await rooms.close();
    await Bob.isIn(undefined);
    await until('the client has noticed', () => Ada.page.evaluate(() => window.me.agent.connectionState === 'Disconnected'), { patience: 60_000 });
    network.up();
    await Ada.isIn(undefined);
    await meet(Ada, Olivia);
    assert.equal(await agreed(rooms, Ada), 0);
  });
});

test('a_room_that_closes_while_somebody_joins_it_leaves_nobody_in_between (E7, E11)', async (t) => {
  const { rooms, Olivia, Ada } = await scene(t, ['Olivia', 'Ada']);
  await rooms.configure({ autoMoveParticipantToBreakoutRoom: false });
  await rooms.assign({ Ada: 1 });
  const answers = new Set();
  for (let race = 0; race < RACES; race += 1) {
    await rooms.open();
    await Ada.is('told that it is open', ({ assigned }) => assigned.state === 'open');
    const [answer] = await Promise.all([Ada.joinAssigned(), rooms.close()]);
    answers.add(answer);
    await Ada.is('told that it is closed', ({ assigned }) => assigned.state === 'closed');
    await Ada.isIn(undefined);
    assert.equal(await agreed(rooms, Ada), 0);
  }
  assert.deepEqual([...answers].filter((answer) => answer !== 'done' && answer !== '412/46256'), []);
  await meet(Ada, Olivia);
});

test('a_deleted_room_moves_its_people_first_and_is_not_joined_any_more (E3, E11)', async (t) => {
  const { rooms, Olivia, Ada } = await scene(t, ['Olivia', 'Ada']);
  await rooms.assign({ Ada: 1 });
  await rooms.open();
  await Ada.isIn('Room 1');
  await Ada.page.evaluate(() => { window.stale = window.me.assigned; });
  await Ada.forget();
  await rooms.must('DELETE', `/${rooms.ids[0]}`);
  await Ada.isIn(undefined);
  await Ada.is('assigned nowhere', ({ assigned }) => assigned === undefined);
  const told = (await Ada.log()).filter(({ what, state }) => what === 'assignedBreakoutRooms' || state === 'Disconnected').map(({ what, state }) => `${what} ${state}`);
  assert.deepEqual(told, ['assignedBreakoutRooms closed', 'state Disconnected', 'assignedBreakoutRooms undefined'],
    'closed, back, and only then it is gone: an application finds its way back (UI library 6059)');
  assert.equal(await Ada.attempt(() => window.stale.join()), '412/46260');
  assert.equal(await Ada.attempt(() => window.stale.returnToMainMeeting()), 'done', 'there already');
  assert.equal(await agreed(rooms, Ada), 0);
  await meet(Ada, Olivia);

  await t.test('also at once: deleted in the moment of joining', async () => {
    await rooms.assign({ Ada: 2 });
    await Ada.isIn('Room 2');
    assert.equal(await Ada.back(), 'done');
    // Held by the application: the word of the deletion may be there before the call of `join()`.
    await Ada.page.evaluate(() => { window.me.held = window.me.assigned; });
    const [answer] = await Promise.all([Ada.attempt((me) => me.held.join()), rooms.must('DELETE', `/${rooms.ids[1]}`)]);
    assert.ok(['done', '412/46260', '412/46256'].includes(answer), answer);
    await Ada.isIn(undefined);
    assert.equal(await agreed(rooms, Ada), 0);
    await meet(Ada, Olivia);
  });
});

test('moves_faster_than_they_complete_end_where_the_last_one_says (E10, E15)', async (t) => {
  const { rooms, Olivia, Ada, Bob } = await scene(t, ['Olivia', 'Ada', 'Bob']);
  await rooms.assign({ Bob: 1 });
  await rooms.open();
  await Bob.isIn('Room 1');
  for (let turn = 0; turn < HASTE; turn += 1) await rooms.assign({ Ada: 1 + (turn % 2) });
  await rooms.assign({ Ada: 1 });
  await until('Ada is where she was sent last', async () => await agreed(rooms, Ada) === 1);
  await meet(Ada, Bob);
  await Ada.seesExactly('Bob');

  await t.test('by themselves, in and out without waiting', async () => {
    await Ada.page.evaluate(async (turns) => {
      const asked = [];
      for (let turn = 0; turn < turns; turn += 1) {
        const room = window.me.assigned;
        asked.push(turn % 2 ? room.join() : room.returnToMainMeeting());
      }
      window.answers = (await Promise.allSettled(asked)).filter(({ status }) => status === 'rejected').map(({ reason }) => `${reason.code}/${reason.subCode}`);
    }, HASTE);
    assert.deepEqual(await Ada.page.evaluate(() => window.answers), []);
    const where = await agreed(rooms, Ada);
    await meet(Ada, where === 1 ? Bob : Olivia);
  });
});

test('two_managers_at_once_end_in_one_state_that_everybody_has (E4)', async (t) => {
  const { service, rooms, Olivia, Ada } = await scene(t, ['Olivia', 'Ada']);
  const marco = await signIn(service, 'marco@plenary.test');
  await fetch(`${service.origin}/v1.0/me/onlineMeetings/${rooms.meeting.id}`, {
    method: 'PATCH', headers: { 'content-type': 'application/json', authorization: `Bearer ${rooms.session.accessToken}` },
    body: JSON.stringify({ participants: { attendees: [{ upn: 'marco@plenary.test', role: 'attendee' }] } }),
  });
  const other = (method, rest, body) => rooms.ask(method, rest, body, marco.accessToken);
  assert.equal((await other('POST', '/open')).status, 403, 'an attendee manages nothing');
  await rooms.configure({ managers: [marco.member.id] });
  const assign = (room) => ({ assignments: [{ id: Ada.id, roomId: rooms.ids[room - 1] }] });
  for (let race = 0; race < RACES; race += 1) {
    const answers = await Promise.all([
      rooms.ask('POST', '/assign', assign(1)), other('POST', '/assign', assign(2)),
      rooms.ask('POST', '/open', {}), other('POST', race % 2 ? '/close' : '/open', {}),
    ]);
    assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 200]);
    const { value } = await rooms.must('GET', '');
    const assigned = value.find(({ invitees }) => invitees.includes(Ada.id));
    const wanted = assigned.state === 'open' ? rooms.ids.indexOf(assigned.id) + 1 : 0;
    await until(`Ada is in ${wanted}`, async () => await agreed(rooms, Ada) === wanted);
    await Ada.is('told what holds', (now) => now.assigned.name === assigned.displayName && now.assigned.state === assigned.state);
  }
  await rooms.close();
  await meet(Ada, Olivia);
});
