/**
 * The breakout rooms of a meeting as the service has them (E4): read, changed, and kept current. Every
 * change is answered with the whole; `change` says that there is something new to show.
 */
import { get, patch, post, remove } from '/shared/requests.js';

/** Who moves from room to room is not told to who looks at the panel: it asks. */
const LOOK_MS = 3000;
/** Changes that come together are one look. */
const PAUSE_MS = 100;
/** The service's word where there are no rooms for anybody (E13). */
const ROOMS_OFF = 'BreakoutRoomsDisabled';

/** Why somebody has no rooms to manage; 404 is the answer to who is not even invited. */
function refusal({ message, reason }) {
  if (reason === ROOMS_OFF) return { message, reason };
  const who = 'The organiser, co-organisers and the managers whom the organiser appoints look after the breakout rooms.';
  return { message: `${who} You are not one of them.`, reason };
}

export class RoomsStore extends EventTarget {
  constructor(meeting, accessToken) {
    super();
    this.path = `/meetings/${encodeURIComponent(meeting.id)}/breakoutRooms`;
    this.accessToken = accessToken;
    this.whole = null;
    /** Why there is nothing to manage: a sentence, and the service's word for it. */
    this.refused = null;
    /** Whether one manages the rooms, as far as is known: `manages` events say that it changed. */
    this.manages = undefined;
    /** What went wrong last, in words. */
    this.error = '';
    this.busy = false;
    this.watched = false;
    this.asked = 0;
    this.shown = 0;
    this.timer = 0;
    this.pause = 0;
  }

  get rooms() {
    return this.whole?.value ?? [];
  }

  get people() {
    return this.whole?.participants ?? [];
  }

  get settings() {
    return this.whole?.settings ?? {};
  }

  get anyOpen() {
    return this.rooms.some(({ state }) => state === 'open');
  }

  /** Looks again and again while somebody looks at it. */
  watch(yes) {
    clearInterval(this.timer);
    this.watched = yes;
    if (!yes) return;
    void this.look();
    this.timer = setInterval(() => { if (!document.hidden) void this.look(); }, LOOK_MS);
  }

  /** Something happened that may have changed it. */
  touch() {
    clearTimeout(this.pause);
    if (this.watched) this.pause = setTimeout(() => this.look(), PAUSE_MS);
  }

  async look() {
    const number = this.number();
    try {
      this.take(number, await get(this.path, await this.accessToken()));
    } catch (error) {
      // What only failed is read with the next look.
      if (error.status === 403 || error.status === 404) this.take(number, null, refusal(error));
    }
    this.changed();
  }

  number() {
    this.asked += 1;
    return this.asked;
  }

  /** An older answer never replaces a newer one. */
  take(number, whole, refused = null) {
    if (number < this.shown) return;
    this.shown = number;
    this.whole = whole;
    this.refused = refused;
    // Rooms that are switched off (E13) say nothing about who would manage them.
    if (refused?.reason === ROOMS_OFF) return;
    const before = this.manages;
    this.manages = refused === null;
    if (before === undefined || before === this.manages) return;
    if (this.manages) this.error = '';
    this.dispatchEvent(new Event('manages'));
  }

  /** Gives whether it was done; else `error` says why not. */
  async change(sentence, send) {
    this.busy = true;
    this.error = '';
    this.changed();
    let done = true;
    try {
      const answer = await send(await this.accessToken());
      // Looks that are under way may have been answered before the change: numbered now, it is newer than they.
      if (answer) this.take(this.number(), answer);
    } catch (error) {
      done = false;
      this.error = `${sentence}. ${error.message}`;
    }
    this.busy = false;
    this.changed();
    // Somebody else may have been faster: what is shown is what is.
    if (!done) await this.look();
    return done;
  }

  changed() {
    this.dispatchEvent(new Event('change'));
  }

  // --- what can be done ---

  /** With names one room each, without them `count` rooms. */
  async create(count, names) {
    const sentence = 'The rooms could not be made';
    if (names.length === 0) return this.change(sentence, (token) => post(this.path, { count }, token));
    for (const displayName of names) {
      if (!await this.change(sentence, (token) => post(this.path, { displayName }, token))) return false;
    }
    return true;
  }

  rename(room, displayName) {
    return this.change('The room could not be renamed', (token) => patch(`${this.path}/${encodeURIComponent(room)}`, { displayName }, token));
  }

  remove(room) {
    return this.change('The room could not be deleted', (token) => remove(`${this.path}/${encodeURIComponent(room)}`, token));
  }

  assign(id, roomId) {
    return this.change('The assignment could not be changed', (token) => post(`${this.path}/assign`, { assignments: [{ id, roomId }] }, token));
  }

  distribute(order) {
    return this.change('Nobody could be assigned', (token) => post(`${this.path}/distribute`, { order }, token));
  }

  /** No rooms named means all. */
  open(rooms = [], durationSeconds = undefined) {
    return this.change('The rooms could not be opened', (token) => post(`${this.path}/open`, { rooms, durationSeconds }, token));
  }

  close(rooms = []) {
    return this.change('The rooms could not be closed', (token) => post(`${this.path}/close`, { rooms }, token));
  }

  configure(settings) {
    return this.change('The settings could not be changed', (token) => patch(this.path, settings, token));
  }

  /** `managers` are object ids: whoever is missing is withdrawn. The organiser alone may (E4). */
  appoint(managers) {
    return this.change('The managers could not be changed', (token) => patch(this.path, { managers }, token));
  }

  announce(message) {
    return this.change('The announcement could not be sent', (token) => post(`${this.path}/announce`, { message }, token));
  }

  dispose() {
    clearInterval(this.timer);
    clearTimeout(this.pause);
  }
}
