// Breakout rooms against who does not keep to the rules: a client of the agent socket that is not our SDK,
// an application that uses a held call as if it were not, and listeners that throw.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Attendee, meet, RoomsOverRest, scene } from './lib/attendee.mjs';
import { newGuest, openBlank } from './lib/blank.mjs';
import { until } from './lib/until.mjs';

const MALFORMED = '400/59160';
const NO_SUCH_CALL = '404/59150';
const NOT_ALLOWED = '403/59120';
const NOT_NOW = '412/59203';
const STAYS = '403/59180';

/** A meeting in a page without the SDK: Olivia, and guests of these names, who have not joined. */
async function raw(t, names, options) {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const rooms = await RoomsOverRest.schedule(service, options);
  const page = await openBlank(browser, service);
  const tokens = { Olivia: rooms.session.communicationToken.token };
  rooms.people = { Olivia: { id: rooms.session.member.rawId } };
  for (const name of names) {
    const { token, userId } = await newGuest(service, name);
    tokens[name] = token;
    rooms.people[name] = { id: userId };
  }
  await page.evaluate(async ([origin, all]) => {
    for (const [name, token] of Object.entries(all)) window[name] = await AgentSocket.open(origin, token, name);
  }, [service.origin, tokens]);
  const joins = (name) => page.evaluate(([who, link]) => window[who].join(link), [name, rooms.link]);
  /** `done`, or the numbers of a refusal. */
  const attempt = (name, request) => page.evaluate(([who, asked]) => window[who].attempt(asked), [name, request]);
  /** What was told so far. */
  const told = async (name, kind) => {
    // Its answer comes after everything that happened before.
    await attempt(name, 'ping');
    return page.evaluate(([who, of]) => window[who].events.filter((event) => event[of]).map((event) => event[of]), [name, kind]);
  };
  const frames = async (name) => {
    await attempt(name, 'ping');
    return page.evaluate((who) => window[who].frames.join('\n'), name);
  };
  return { service, browser, rooms, page, joins, attempt, told, frames };
}

test('who_waits_or_has_left_is_told_of_no_room_and_who_is_in_of_their_own_alone (E1, E2, E6)', async (t) => {
  const { rooms, joins, attempt, told, frames } = await raw(t, ['Mallory', 'Ada'], { lobbyBypassSettings: { scope: 'organizer' } });
  const { call: managing } = await joins('Olivia');
  await rooms.make(2);
  await rooms.configure({ roomEndTime: new Date(Date.now() + 600_000).toISOString(), disableReturnToMainMeeting: true });
  await rooms.assign({ Mallory: 1, Ada: 2 });
  const waiting = await joins('Mallory');
  const { call } = waiting;
  assert.deepEqual([waiting.state, waiting.breakout, waiting.room], ['lobby', undefined, undefined]);
  await rooms.open();
  assert.ok((await told('Olivia', 'breakout')).length > 0, 'who manages them is told');
  const secrets = ['breakout', 'roomEndTime', ...rooms.ids];
  const found = async () => { const said = await frames('Mallory'); return secrets.filter((word) => said.includes(word)); };
  assert.deepEqual(await found(), [], 'who waits is told of no room, assigned or not');
  const [own, others] = rooms.ids;
  assert.equal(await attempt('Mallory', { joinBreakoutRoom: { call, room: own } }), NOT_ALLOWED);
  assert.equal(await attempt('Mallory', { joinBreakoutRoom: { call: managing, room: own } }), NO_SUCH_CALL, 'by another’s call');

  assert.equal(await attempt('Olivia', { act: { call: managing, act: 'admit', participant: rooms.people.Mallory.id } }), 'done');
  const [moved] = await until('Mallory is in the room', async () => { const moves = await told('Mallory', 'moved'); return moves.length > 0 && moves; });
  assert.equal(moved.to.room, own);
  assert.equal(moved.to.breakout.settings.disableReturnToMainMeeting, true);
  const views = [...await told('Mallory', 'breakout'), ...await told('Mallory', 'moved').then((moves) => moves.map(({ to }) => ({ view: to.breakout })))];
  assert.deepEqual([...new Set(views.map(({ view }) => view.assigned.id))], [own]);
  const said = await frames('Mallory');
  for (const word of ['invitees', rooms.people.Ada.id]) assert.ok(!said.includes(word), `told of ${word}`);

  await t.test('whoever ignores the settings is kept all the same (E6, E11)', async () => {
    assert.equal(await attempt('Mallory', { returnToMainMeeting: { call: moved.to.call } }), STAYS);
    assert.equal(await attempt('Mallory', { joinBreakoutRoom: { call: moved.to.call, room: others } }), '412/46260');
    assert.equal(await rooms.where('Mallory'), 1);
  });
  await t.test('nobody else’s settings, either: there is no such word (E6)', async () => {
    for (const request of [{ breakoutRoomsSettings: { call: moved.to.call } }, { act: { call: moved.to.call, act: 'breakoutRoomsSettings' } }]) {
      assert.equal(await attempt('Mallory', request), MALFORMED);
    }
  });
  await t.test('who has left hears of no change any more (E1, E6)', async () => {
    assert.equal(await attempt('Mallory', { leave: { call: moved.to.call } }), 'done');
    const before = (await told('Mallory', 'breakout')).length;
    await rooms.assign({ Mallory: 2 });
    await rooms.configure({ roomEndTime: new Date(Date.now() + 900_000).toISOString() });
    assert.equal((await told('Mallory', 'breakout')).length, before);
    assert.equal(await attempt('Mallory', { joinBreakoutRoom: { call: moved.to.call, room: others } }), NO_SUCH_CALL);
  });
});

test('a_held_call_of_a_raw_client_gives_nothing_of_the_main_meeting (E9, E15)', async (t) => {
  const { rooms, page, joins, attempt, told } = await raw(t, ['Ada']);
  const { call: main } = await joins('Olivia');
  const { call: guest } = await joins('Ada');
  await rooms.make(1);
  await rooms.open();
  assert.equal(await attempt('Olivia', { joinBreakoutRoom: { call: main, room: rooms.ids[0] } }), 'done');
  const [{ held, to }] = await told('Olivia', 'moved');
  assert.equal(held, true);
  const roomOf = ({ media }) => JSON.parse(Buffer.from(media.token.split('.')[1], 'base64url')).video.room;
  const ask = (name, request) => page.evaluate(([who, asked]) => window[who].ask(asked), [name, request]);
  const inRoom = await ask('Olivia', { mediaToken: { call: to.call } });
  const byHeld = await ask('Olivia', { mediaToken: { call: main } });
  assert.equal(roomOf(byHeld), roomOf(inRoom), 'of the room where they are, by whatever name');
  assert.notEqual(roomOf(byHeld), roomOf(await ask('Ada', { mediaToken: { call: guest } })), 'which is not the main meeting');
  for (const act of ['raiseHand', 'like', 'muteAll']) assert.equal(await attempt('Olivia', { act: { call: main, act } }), NO_SUCH_CALL, act);
  const hands = (await told('Ada', 'state')).flatMap(({ state }) => state.hands);
  assert.deepEqual([hands, await told('Ada', 'reaction'), await told('Ada', 'muted')], [[], [], []]);
  assert.equal(await attempt('Olivia', { act: { call: to.call, act: 'raiseHand' } }), 'done', 'it is a hand that would be seen');
});

test('whatever_is_asked_of_a_held_call_nothing_of_its_owner_gets_there (E9, E15)', async (t) => {
  const { rooms, Olivia, Ada, Bob } = await scene(t, ['Olivia', 'Ada', 'Bob']);
  await rooms.make(1);
  await rooms.assign({ Ada: 1 });
  await meet(Olivia, Bob);
  await rooms.open();
  assert.equal(await Olivia.joinRoom('Room 1'), 'done');
  await Olivia.isIn('Room 1');
  await meet(Olivia, Ada);
  await Bob.hearsNoMoreOf(Olivia, Ada);
  await Bob.listen();
  const before = await Bob.stats();
  const answers = await Olivia.page.evaluate(async () => {
    const { me } = window;
    const found = {};
    for (const act of ['mute', 'unmute', 'hold']) found[act] = await me.attempt(() => me.main[act]());
    found.startVideo = await me.attempt(() => me.main.startVideo(me.camera));
    found.startScreenSharing = await me.attempt(() => me.main.startScreenSharing(new Plenary.LocalVideoStream(document.querySelector('canvas').captureStream(5))));
    found.raiseHand = await me.attempt(() => me.main.feature(Plenary.Features.RaiseHand).raiseHand());
    return found;
  });
  assert.deepEqual(answers, {
    mute: NOT_NOW, unmute: NOT_NOW, hold: NOT_NOW, startVideo: NOT_NOW, startScreenSharing: NOT_NOW, raiseHand: NO_SUCH_CALL,
  });
  await meet(Olivia, Ada);
  assert.deepEqual(await Bob.hasHeard(Olivia, Ada), []);
  const after = await Bob.stats();
  assert.deepEqual([after.audioIn, after.videoIn], [before.audioIn, before.videoIn], 'not one packet');
  await Bob.seesExactly('Olivia');

  await t.test('hung up, it is over, and the one in the room goes on; the way back is another call', async () => {
    assert.equal(await Olivia.attempt((me) => me.main.hangUp()), 'done');
    await Bob.seesExactly();
    assert.deepEqual((await Olivia.look()).calls, ['call 1: Connected']);
    await meet(Olivia, Ada);
    assert.deepEqual(await Bob.hasHeard(Olivia, Ada), []);
    assert.equal(await Olivia.back(), 'done');
    await Olivia.isIn();
    assert.deepEqual((await Olivia.look()).calls, ['call 2: Connected']);
    await meet(Olivia, Bob);
  });
});

test('nobody_makes_an_event_but_the_service_and_no_listener_stops_one (E14)', async (t) => {
  const { service, browser, rooms, Ada } = await scene(t, ['Olivia', 'Ada']);
  await rooms.make(1);
  const page = await openBlank(browser, service);
  const { token } = await newGuest(service, 'Mallory');
  await page.evaluate(async ([origin, secret, link]) => {
    window.agent = await AgentSocket.open(origin, secret, 'Mallory');
    await window.agent.join(link);
  }, [service.origin, token, rooms.link]);
  await Ada.seesExactly('Mallory', 'Olivia');
  await Ada.is('told of the room', () => Ada.page.evaluate(() => window.me.feature().breakoutRooms?.length === 1));
  await Ada.page.evaluate(() => {
    window.thrown = 0;
    window.addEventListener('error', (event) => event.preventDefault());
    window.me.feature().on('breakoutRoomsUpdated', () => { window.thrown += 1; throw new Error('of the application'); });
    window.me.agent.on('callsUpdated', () => { window.thrown += 1; throw new Error('of the application'); });
  });
  await Ada.forget();
  const call = await Ada.page.evaluate(() => window.me.call.id);
  const view = { assigned: null, rooms: [{ id: 'r', displayName: 'Trap', state: 'open', autoMove: true }], settings: { disableReturnToMainMeeting: false } };
  const event = { breakout: { call, view } };
  const refusals = await page.evaluate(async ([own, forged]) => {
    const { agent } = window;
    agent.socket.send(JSON.stringify({ event: { seq: 1, event: forged } }));
    const answers = [];
    for (const request of [forged, { announcement: { call: own, message: 'Trap', from: 'me' } }, { act: { call: agent.call, act: 'breakout' } }]) {
      answers.push(await agent.attempt(request));
    }
    return answers;
  }, [call, event]);
  assert.deepEqual(refusals, [MALFORMED, MALFORMED, MALFORMED]);
  await rooms.assign({ Ada: 1 });
  await rooms.open();
  await Ada.isIn('Room 1');
  await rooms.close();
  await Ada.isIn();
  const log = await Ada.log();
  const raised = log.filter(({ what }) => /reakout|join|announce/.test(what));
  const types = new Set(raised.map(({ what }) => what));
  assert.deepEqual([...types].sort(), ['assignedBreakoutRooms', 'breakoutRooms', 'breakoutRoomsSettings', 'join']);
  assert.ok(!JSON.stringify(log).includes('Trap'));
  assert.ok(await Ada.page.evaluate(() => window.thrown) >= 4, 'all were thrown out of, and told all the same');
});
