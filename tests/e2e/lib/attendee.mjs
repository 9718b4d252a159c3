// Somebody with the SDK in a blank page: what an application is told, in which order, and what comes in.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { startChromium } from '../harness/browser.mjs';
import { Service } from '../harness/service.mjs';
import { newGuest, openBlank } from './blank.mjs';
import { until } from './until.mjs';

const PAGE = fileURLToPath(new URL('attendee-page.js', import.meta.url));
/** Tells tones apart. */
export const EAR = fileURLToPath(new URL('ear.js', import.meta.url));
/** Frames that must come before a picture counts as moving. */
const SOME_FRAMES = 5;
/** Twenty a second: what the ear holds of before is over. */
const SOME_READINGS = 8;
/** Far enough from each other, and from one another's harmonics. */
const TONES = { Olivia: 450, Ada: 700, Bob: 1150, Cleo: 1900, Marco: 2600 };

async function post(service, path, body, token, method = 'POST') {
  const response = await fetch(`${service.origin}${path}`, {
    method, headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }, body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json().catch(() => undefined) };
}

export async function signIn(service, upn) {
  const { body } = await post(service, '/dev/signIn', { member: upn });
  return body;
}

/** A meeting of Olivia's, and its rooms over REST (E4). */
export class RoomsOverRest {
  static async schedule(service, options = {}) {
    const rooms = new RoomsOverRest();
    rooms.service = service;
    rooms.session = await signIn(service, 'olivia@plenary.test');
    const { body } = await post(service, '/v1.0/me/onlineMeetings', {
      subject: 'Rooms', startDateTime: new Date().toISOString(), endDateTime: new Date(Date.now() + 3_600_000).toISOString(),
      lobbyBypassSettings: { scope: 'everyone' }, ...options,
    }, rooms.session.accessToken);
    rooms.meeting = body;
    rooms.link = body.joinWebUrl;
    return rooms;
  }

  /** `{status, body}`. */
  ask(method, rest = '', body = {}, token = this.session.accessToken) {
    return post(this.service, `/meetings/${this.meeting.id}/breakoutRooms${rest}`, method === 'GET' ? undefined : body, token, method);
  }

  async must(method, rest, body) {
    const { status, body: answer } = await this.ask(method, rest, body);
    if (status >= 300) throw new Error(`${method} ${rest}: ${status} ${JSON.stringify(answer)}`);
    return answer;
  }

  async make(count) {
    const { value } = await this.must('POST', '', { count });
    this.ids = value.map(({ id }) => id);
  }

  /** `{Ada: 1}`: who is in which room, from 1; 0 takes it back. */
  assign(people) {
    const assignments = Object.entries(people).map(([name, room]) => ({ id: this.people[name].id, roomId: this.ids[room - 1] ?? null }));
    return this.must('POST', '/assign', { assignments });
  }

  open(...rooms) {
    return this.must('POST', '/open', { rooms: rooms.map((room) => this.ids[room - 1]) });
  }

  close(...rooms) {
    return this.must('POST', '/close', { rooms: rooms.map((room) => this.ids[room - 1]) });
  }

  configure(settings) {
    return this.must('PATCH', '', settings);
  }

  /** Where the service has somebody: a room's number, 0 for the main meeting. */
  async where(name) {
    const { participants } = await this.must('GET', '');
    const found = participants.find(({ id }) => id === this.people[name].id);
    return found && (found.roomIds.length === 0 ? 0 : this.ids.indexOf(found.roomIds[0]) + 1);
  }
}

export class Attendee {
  /**
   * Joins the meeting of `rooms`; Olivia and Marco are members. `room`: assigned to it before they come;
   * `device`: chosen after the agent is made and before it joins; `scripts`: files that its page runs, too.
   */
  static async join(browser, rooms, name, { room, device, scripts = [] } = {}) {
    const attendee = new Attendee();
    attendee.name = name;
    attendee.tone = TONES[name];
    const { service } = rooms;
    const member = name === 'Olivia' || name === 'Marco';
    const session = member ? await signIn(service, `${name.toLowerCase()}@plenary.test`) : undefined;
    const guest = member ? undefined : await newGuest(service, name);
    attendee.access = session?.accessToken;
    attendee.token = member ? session.communicationToken.token : guest.token;
    attendee.id = member ? session.member.rawId : guest.userId;
    (rooms.people ??= {})[name] = attendee;
    if (room) await rooms.assign({ [name]: room });
    attendee.page = await openBlank(browser, service, [EAR, PAGE, ...scripts]);
    await attendee.page.addScriptTag({ url: `${service.origin}/sdk/plenary.iife.js` });
    await attendee.page.evaluate(async ([origin, token, options, link]) => {
      window.me = await window.Attendee.open(origin, token, options);
      if (options.device) await window.me.choose(options.device);
      window.me.join(link);
    }, [service.origin, attendee.token, { name, member, tone: attendee.tone, device }, rooms.link]);
    await attendee.is('in the meeting', ({ call }) => call !== undefined);
    return attendee;
  }

  look() {
    return this.page.evaluate(() => window.me.look());
  }

  is(what, test, options) {
    return until(`${this.name} is ${what}`, async () => {
      const now = await this.look();
      return test(now) && now;
    }, options);
  }

  /** By name; without one, in the main meeting. */
  isIn(room) {
    return this.is(`in ${room ?? 'the main meeting'}`, (now) => (room ? now.room === room && now.inRoom : now.call && !now.inRoom));
  }

  seesExactly(...names) {
    const wanted = names.sort().join();
    return this.is(`with ${wanted || 'nobody'}`, ({ people }) => people?.map((name) => name.replace(' (External)', '').split(' ')[0]).join() === wanted);
  }

  log() {
    return this.page.evaluate(() => window.me.log);
  }

  /** Forgets what was told so far. */
  forget() {
    return this.page.evaluate(() => { window.me.log.length = 0; });
  }

  /** `done`, or the numbers of a refusal; `act` runs in the page. */
  attempt(act, about) {
    return this.page.evaluate(([text, arg]) => window.me.attempt((me) => (0, eval)(text)(me, arg)), [String(act), about]);
  }

  joinAssigned() {
    return this.attempt((me) => me.assigned.join());
  }

  joinRoom(name) {
    return this.attempt((me, room) => me.room(room).join(), name);
  }

  back() {
    return this.attempt((me) => (me.assigned ?? me.feature().breakoutRooms[0]).returnToMainMeeting());
  }

  stats() {
    return this.page.evaluate(() => window.__watch.stats());
  }

  listen() {
    return this.page.evaluate((tones) => window.me.listen(tones), Object.values(TONES));
  }

  heard() {
    return this.page.evaluate(() => [...window.me.heard]);
  }

  /** Since `listen()`, this one's tone came in; and from now on frames are decoded, and there is sound. */
  async hearsAndSees(other) {
    const before = await this.stats();
    await until(`${this.name} hears and sees ${other.name}`, async () => {
      const [heard, now] = await Promise.all([this.heard(), this.stats()]);
      return heard.includes(other.tone) && now.frames >= before.frames + SOME_FRAMES && now.energy > before.energy;
    }, { pause: 25 });
  }

  /** The chosen microphone is what is sent, and whatever is played goes to the chosen speaker. */
  usesItsChoice() {
    return until(`${this.name} uses the chosen devices`, () => this.page.evaluate(() => {
      const [{ chosen }, { microphones, speakers }] = [window.me, window.me.devices()];
      const used = microphones.join() === chosen.microphone && speakers.length > 0 && speakers.every((id) => id === chosen.speaker);
      if (!used) throw new Error(JSON.stringify({ chosen, microphones, speakers }));
      return used;
    }));
  }

  /** What no socket said since `listen()`: these people's ids, of person and of endpoint. */
  async isToldNothingOf(...others) {
    const frames = await this.page.evaluate(() => window.me.frames);
    for (const other of others) {
      const endpoint = await other.page.evaluate(() => window.me.call.info.participantId);
      for (const id of [other.id, endpoint]) assert.ok(!frames.includes(id), `a socket of ${this.name}'s told of ${other.name}`);
    }
    return frames.length;
  }

  /**
   * Hears none of these any more. What came in before may be played yet: on a busy machine a jitter buffer
   * holds the better part of a second.
   */
  hearsNoMoreOf(...others) {
    return until(`${this.name} hears no more of ${others.map(({ name }) => name).join(', ')}`, async () => {
      await this.listen();
      await until('it was listened', () => this.page.evaluate((some) => window.me.readings >= some, SOME_READINGS));
      return (await this.hasHeard(...others)).length === 0;
    });
  }

  /** How many receivers get packets of sound while `act` runs. */
  async soundsDuring(act) {
    const before = await this.page.evaluate(() => window.me.sounds());
    await act();
    const after = await this.page.evaluate(() => window.me.sounds());
    return Object.keys(after).filter((receiver) => after[receiver] > (before[receiver] ?? 0)).length;
  }

  async hasHeard(...others) {
    const heard = new Set(await this.heard());
    return others.filter(({ tone }) => heard.has(tone)).map(({ name }) => name);
  }
}

/** A meeting of Olivia's with these people, a member first; `options` are the meeting's. */
export async function scene(t, names, options) {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const rooms = await RoomsOverRest.schedule(service, options);
  const people = {};
  for (const name of names) people[name] = await Attendee.join(browser, rooms, name);
  return { service, browser, rooms, ...people };
}

/** Both ways, sound and picture, from now on. */
export async function meet(one, other) {
  await Promise.all([one.listen(), other.listen()]);
  await Promise.all([one.hearsAndSees(other), other.hearsAndSees(one)]);
}

/** Two attendees hear and see each other, from now on. */
export const eachOther = (...two) => Promise.all([two, two.toReversed()].map(async ([one, other]) => {
  await one.listen();
  await one.hearsAndSees(other);
}));
