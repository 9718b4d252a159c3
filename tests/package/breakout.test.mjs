/** Breakout rooms in the facade: the order of events and which objects are the same (acs-api 2.1, 3.4). */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { facade, joined, person, settle } from './harness/facade.mjs';

const built = await facade('breakout');
const { sdk, scripted } = built;
const { script } = scripted;
const { BreakoutRooms } = sdk.Features;

afterEach(() => { for (const name of Object.keys(script)) delete script[name]; });

const room = (id, more = {}) => ({ id, displayName: `Room ${id}`, open: false, autoMove: false, ...more });
const failing = (code, subCode) => () => { throw Object.assign(new Error('no'), { code, subCode }); };

/** A connected call, what its core can be told in one word, and everything that was heard, in order. */
async function inMeeting() {
  const scene = await joined(built);
  const { core, agent, call } = scene;
  await settle();
  const heard = [];
  const names = new Map();
  const follow = (one, name) => {
    names.set(one, name);
    one.on('stateChanged', () => heard.push(`${name}: ${one.state}`));
    one.feature(BreakoutRooms).on('breakoutRoomsUpdated', ({ type, data }) => heard.push(`${name}: ${type}${type === 'join' ? ` ${names.get(data)}` : ''}`));
  };
  follow(call, 'main');
  agent.on('callsUpdated', ({ added, removed }) => {
    added.forEach((one) => { if (!names.has(one)) follow(one, `call ${names.size}`); });
    heard.push(`calls +${added.map((one) => names.get(one))} -${removed.map((one) => names.get(one))}`);
  });
  const state = (id, name) => core.tell({ type: 'call', call: id, state: name, ...(name === 'Disconnected' && { end: { code: 0, subCode: 59181, message: 'Moved.' } }) });
  state(call.id, 'Connected');
  heard.length = core.asked.length = 0;
  return {
    ...scene, heard, follow, state,
    view: (id, more) => core.tell({ type: 'breakout', call: id, rooms: [], stays: false, ...more }),
    /** As the core tells it: the new call, then the end or the hold of the old one. */
    move(from, to, { into, held = false, threadId = '19:breakout_x@thread.v2' } = {}) {
      core.tell({ type: 'moved', call: from, to, threadId, ...(into && { room: into }) });
      state(to, 'Connected');
      state(from, held ? 'LocalHold' : 'Disconnected');
    },
  };
}

test('a move is heard as: in the list, join on the old call, settings on the new one, then the end (3.4.2, 3.4.3)', async () => {
  const { agent, call, heard, view, move } = await inMeeting();
  view(call.id, { assigned: room('1', { open: true }), rooms: [room('1', { open: true })] });
  heard.length = 0;
  let known;
  call.feature(BreakoutRooms).on('breakoutRoomsUpdated', ({ type, data }) => {
    if (type === 'join') known = [data.info.threadId, agent.calls.includes(data), data.id, data.feature(BreakoutRooms).breakoutRoomsSettings];
  });
  move(call.id, 'next', { into: '1' });
  assert.deepEqual(heard, [
    'calls +call 1 -', 'main: join call 1', 'call 1: breakoutRoomsSettings', 'call 1: Connected', 'main: Disconnected', 'calls + -main',
  ]);
  assert.deepEqual(known, ['19:breakout_x@thread.v2', true, 'next', { disableReturnToMainMeeting: false }]);
});

test('one call is one object, wherever it is asked for (2.1.2)', async () => {
  const { agent, core, call, view, move } = await inMeeting();
  view(call.id, { assigned: room('1', { open: true }), rooms: [room('1', { open: true }), room('2')] });
  const feature = call.feature(BreakoutRooms);
  assert.equal(feature.assignedBreakoutRooms.call, undefined);
  let told;
  feature.on('breakoutRoomsUpdated', ({ type, data }) => { if (type === 'join') told = data; });
  script.joinRoom = () => move(call.id, 'next', { into: '1' });
  const entered = await feature.assignedBreakoutRooms.join();
  assert.equal(entered, told);
  assert.equal(entered, agent.calls[0]);
  assert.equal(entered, feature.assignedBreakoutRooms.call);
  assert.equal(entered, entered.feature(BreakoutRooms).assignedBreakoutRooms.call);
  assert.deepEqual(core.named('joinRoom'), [['joinRoom', call.id, '1']]);
  assert.equal(feature.breakoutRooms[1].call, undefined);
  const left = [];
  entered.on('stateChanged', () => left.push([entered.state, feature.assignedBreakoutRooms.call]));
  move('next', 'back');
  assert.deepEqual(left, [['Disconnected', undefined]], 'out of the room before it is told (2.1.7)');
});

test('a room is a new object when it changed, and the same until then, on every call (2.1.5c)', async () => {
  const { call, agent, view, move } = await inMeeting();
  const feature = call.feature(BreakoutRooms);
  view(call.id, { assigned: room('1'), rooms: [room('1')] });
  const before = feature.assignedBreakoutRooms;
  assert.equal(feature.assignedBreakoutRooms, before);
  view(call.id, { assigned: room('1'), rooms: [room('1')], ends: Date.now() + 1000 });
  assert.equal(feature.assignedBreakoutRooms, before, 'its settings are none of its own');
  view(call.id, { assigned: room('1', { open: true }), rooms: [room('1', { open: true })] });
  assert.notEqual(feature.assignedBreakoutRooms, before);
  assert.deepEqual([before.state, feature.assignedBreakoutRooms.state], ['closed', 'open'], 'who kept the old one can compare');
  move(call.id, 'next', { into: '1' });
  const [inside] = agent.calls;
  view('next', { assigned: room('1'), rooms: [room('1')] });
  assert.equal(inside.feature(BreakoutRooms).assignedBreakoutRooms.state, 'closed');
  assert.equal(feature.assignedBreakoutRooms, inside.feature(BreakoutRooms).assignedBreakoutRooms, 'the call that ended does not stay behind (UI library 6059)');
});

test('settings are on the feature of a room’s call alone (3.4.3)', async () => {
  const { call, agent, heard, view, move } = await inMeeting();
  const ends = Date.UTC(2030, 0, 1);
  view(call.id, { rooms: [room('1')], stays: true, ends });
  assert.equal(call.feature(BreakoutRooms).breakoutRoomsSettings, undefined);
  assert.ok(!heard.includes('main: breakoutRoomsSettings'));
  heard.length = 0;
  view(call.id, { rooms: [room('1')], stays: true, ends: ends + 1000 });
  assert.deepEqual(heard, ['main: breakoutRooms'], 'who is in the main meeting is told when they close, too');
  assert.equal(call.feature(BreakoutRooms).breakoutRooms[0].roomEndTime, '2030-01-01T00:00:01.000Z');
  view(call.id, { rooms: [room('1')], stays: true, ends });
  move(call.id, 'next', { into: '1' });
  assert.deepEqual(agent.calls[0].feature(BreakoutRooms).breakoutRoomsSettings, { disableReturnToMainMeeting: true, roomEndTime: '2030-01-01T00:00:00.000Z' });
  heard.length = 0;
  view('next', { rooms: [room('1')], stays: false });
  assert.deepEqual(heard, ['call 1: breakoutRoomsSettings']);
  assert.equal(agent.calls[0].feature(BreakoutRooms).breakoutRooms[0].roomEndTime, undefined);
  assert.deepEqual(agent.calls[0].feature(BreakoutRooms).breakoutRoomsSettings, { disableReturnToMainMeeting: false });
});

test('what closes is told on one feature that lives: the held main call’s, or the room call’s (3.4.5)', async () => {
  for (const held of [true, false]) {
    const { call, heard, view, move } = await inMeeting();
    view(call.id, { assigned: room('1', { open: true }), rooms: [room('1', { open: true })] });
    move(call.id, 'next', { into: '1', held });
    heard.length = 0;
    view('next', { assigned: room('1'), rooms: [room('1')] });
    const name = held ? 'main' : 'call 1';
    assert.deepEqual(heard, [`${name}: breakoutRooms`, `${name}: assignedBreakoutRooms`]);
  }
});

test('a manager’s held call is the one that returning leads to (E9)', async () => {
  const { call, agent, heard, view, move, state } = await inMeeting();
  view(call.id, { assigned: room('1', { open: true }), rooms: [room('1', { open: true })] });
  move(call.id, 'next', { into: '1', held: true });
  assert.deepEqual(agent.calls.map(({ state: now }) => now), ['LocalHold', 'Connected']);
  heard.length = 0;
  script.returnToMain = (core, from) => {
    core.tell({ type: 'moved', call: from, to: call.id, threadId: '19:meeting' });
    state(call.id, 'Connected');
    state(from, 'Disconnected');
  };
  assert.equal(await call.feature(BreakoutRooms).assignedBreakoutRooms.returnToMainMeeting(), call);
  await settle();
  assert.deepEqual(heard, ['main: Connected', 'call 1: Disconnected', 'calls + -call 1'], 'no call is added, and none joined');
  assert.deepEqual(agent.calls, [call]);
});

test('returning is asked for once, however often it is called (3.4.4)', async () => {
  const { call, core, agent, view, move } = await inMeeting();
  view(call.id, { assigned: room('1', { open: true }), rooms: [room('1', { open: true })] });
  assert.equal(await call.feature(BreakoutRooms).assignedBreakoutRooms.returnToMainMeeting(), call, 'there already');
  move(call.id, 'next', { into: '1' });
  view('next', { assigned: room('1'), rooms: [room('1')] });
  script.returnToMain = async () => {
    await settle();
    move('next', 'back', { threadId: '19:meeting' });
  };
  // On the call that ended, as the UI library does it.
  const origin = call.feature(BreakoutRooms).assignedBreakoutRooms;
  const pending = [origin.returnToMainMeeting(), origin.returnToMainMeeting(), agent.calls[0].feature(BreakoutRooms).assignedBreakoutRooms.returnToMainMeeting()];
  const calls = await Promise.all(pending);
  assert.deepEqual(calls.map(({ id }) => id), ['back', 'back', 'back']);
  assert.equal(core.named('returnToMain').length, 1);
  await settle();
  assert.deepEqual(agent.calls, [calls[0]]);
  assert.equal(await origin.returnToMainMeeting(), calls[0]);
  assert.equal(calls[0].feature(BreakoutRooms).breakoutRoomsSettings, undefined, 'a main call');
});

test('whoever asked to return has the main call before the room’s ends, also when it is asked too late (UI library 6036)', async () => {
  const { call, agent, heard, view, move } = await inMeeting();
  view(call.id, { assigned: room('1', { open: true }), rooms: [room('1', { open: true })] });
  move(call.id, 'next', { into: '1' });
  const [inside] = agent.calls;
  let answered;
  script.returnToMain = () => new Promise((resolve) => { answered = resolve; });
  inside.feature(BreakoutRooms).on('breakoutRoomsUpdated', ({ type, data }) => {
    if (type === 'assignedBreakoutRooms') data.returnToMainMeeting().then(({ id }) => heard.push(`returned to ${id}: ${inside.state}`));
  });
  view('next', { assigned: room('1'), rooms: [room('1')] });
  await settle();
  heard.length = 0;
  move('next', 'back', { threadId: '19:meeting' });
  await settle();
  assert.deepEqual(heard, ['calls +call 2 -', 'call 2: Connected'], 'the move comes before the answer');
  answered();
  await settle();
  await settle();
  assert.deepEqual(heard.slice(2), ['returned to back: Connected', 'call 1: Disconnected', 'calls + -call 1']);
  move('back', 'again', { into: '1' });
  assert.equal(heard.at(-1), 'calls + -call 2', 'nothing waits any more');
});

test('a room that is taken away from who is in it is there, closed, until they are back (UI library 6059)', async () => {
  const { call, agent, heard, view, move } = await inMeeting();
  view(call.id, { assigned: room('1', { open: true }), rooms: [room('1', { open: true })] });
  move(call.id, 'next', { into: '1' });
  const told = [];
  const listen = (one, name) => one.feature(BreakoutRooms).on('breakoutRoomsUpdated', ({ type, data }) => {
    if (type === 'assignedBreakoutRooms') told.push([name, data?.state, data === call.feature(BreakoutRooms).assignedBreakoutRooms]);
  });
  listen(agent.calls[0], 'room');
  view('next', { rooms: [] });
  assert.deepEqual(told, [['room', 'closed', true]], 'readable on the call where it began, too');
  agent.on('callsUpdated', ({ added }) => added.forEach((one) => listen(one, 'main')));
  heard.length = 0;
  move('next', 'back', { threadId: '19:meeting' });
  view('back', { rooms: [] });
  assert.deepEqual(told[1], ['main', undefined, true]);
  assert.equal(call.feature(BreakoutRooms).assignedBreakoutRooms, undefined);
});

test('each is asked in the name of the call that the one before led to', async () => {
  const { call, core, view, move } = await inMeeting();
  const rooms = [room('1', { open: true }), room('2', { open: true })];
  view(call.id, { assigned: rooms[0], rooms });
  let moves = 0;
  script.joinRoom = async (_core, from, id) => {
    await settle();
    moves += 1;
    move(from, `move ${moves}`, { into: id });
  };
  const [one, two] = call.feature(BreakoutRooms).breakoutRooms;
  const [first, second] = await Promise.all([one.join(), two.join()]);
  assert.deepEqual(core.named('joinRoom'), [['joinRoom', call.id, '1'], ['joinRoom', 'move 1', '2']]);
  assert.deepEqual([first.id, second.id], ['move 1', 'move 2']);
});

test('a refusal is rejected with its numbers, changes nothing and blocks nothing', async () => {
  const { call, agent, heard, view, move } = await inMeeting();
  view(call.id, { assigned: room('1', { open: true }), rooms: [room('1', { open: true })] });
  heard.length = 0;
  const [assigned] = [call.feature(BreakoutRooms).assignedBreakoutRooms];
  script.joinRoom = failing(412, 46256);
  await assert.rejects(assigned.join(), { name: 'CommunicationServicesError', code: 412, subCode: 46256 });
  assert.deepEqual([heard, agent.calls], [[], [call]]);
  script.joinRoom = () => move(call.id, 'next', { into: '1' });
  assert.equal((await assigned.join()).id, 'next');
  script.returnToMain = failing(403, 59180);
  await assert.rejects(assigned.returnToMainMeeting(), { code: 403, subCode: 59180 });
  assert.equal(agent.calls[0].id, 'next');
});

test('mute goes along, and the people of before do not', async () => {
  const { call, core, agent, move } = await inMeeting();
  core.tell({ type: 'participants', call: call.id, added: [person('8:acs:r_ada')], updated: [], removed: [] });
  await call.mute();
  move(call.id, 'next', { into: '1' });
  const [inside] = agent.calls;
  assert.equal(inside.isMuted, true);
  assert.deepEqual(inside.remoteParticipants, []);
  assert.equal(inside.callEndReason, undefined);
  assert.equal(call.callEndReason.subCode, 59181);
});

test('announcements are told with their sender, on the call they are for', async () => {
  const { call, core } = await inMeeting();
  const heard = [];
  call.feature(BreakoutRooms).on('announcementReceived', (announcement) => heard.push(announcement));
  core.tell({ type: 'event', agent: 1, event: { announcement: { call: call.id, message: 'Five minutes', from: '8:orgid:o' } } });
  assert.equal(heard.length, 1);
  assert.equal(heard[0].message, 'Five minutes');
  assert.equal(heard[0].from.microsoftTeamsUserId, 'o');
});

test('a guest’s rooms have no thread and no invitees; a manager’s have both (E2)', async () => {
  const { call, view } = await inMeeting();
  view(call.id, { rooms: [room('1'), room('2', { threadId: '19:t', invitees: ['8:acs:r_ada'] })] });
  const [guest, manager] = call.feature(BreakoutRooms).breakoutRooms;
  assert.deepEqual([guest.threadId, guest.invitees], ['', undefined]);
  assert.equal(manager.threadId, '19:t');
  assert.deepEqual(manager.invitees.map(({ identifier }) => identifier.communicationUserId), ['8:acs:r_ada']);
});
