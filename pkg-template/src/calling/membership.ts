/**
 * One user's stay in one meeting, through all its rooms: the calls that it is made of, and what is known
 * of the breakout rooms. Its calls share it, so that one that has ended still leads to the one that goes
 * on (UI library 6059).
 */
import type { Change, RoomInfo } from '../core.js';
import { settled } from '../errors.js';
import { isolated } from '../events.js';
import type { BreakoutRoom } from '../features/breakout-rooms.js';
import { loadedCore } from '../runtime.js';
import type { CallCommon } from './call.js';

/** What is known of the rooms. */
export type RoomsView = Pick<Extract<Change, { type: 'breakout' }>, 'assigned' | 'rooms' | 'stays' | 'ends'>;
type Moved = Extract<Change, { type: 'moved' }>;

export class Membership {
  /** The call that is not on hold. */
  current: CallCommon;
  view: RoomsView = { rooms: [], stays: false };
  /** What the features of all its calls show: the same objects until they change (2.1.5c). */
  assigned: BreakoutRoom | undefined;
  list: BreakoutRoom[] | undefined;
  private way: Promise<unknown> = Promise.resolve();
  /** While somebody has asked for it. */
  private _returning: Promise<unknown> | undefined;
  /** Calls by id, as far as they are on. */
  private readonly calls = new Map<string, CallCommon>();

  /** `make` adds a call to the agent's list, after `prepare` has seen it. */
  constructor(
    first: CallCommon,
    private readonly make: (id: string, isMuted: boolean, prepare: (call: CallCommon) => void) => CallCommon,
  ) {
    this.current = first;
    this.calls.set(first.id, first);
  }

  /** The call in which the rooms are told of: a manager's is on hold in the main meeting. */
  get _teller(): CallCommon {
    return this._find((call) => !call._record.room) ?? this.current;
  }

  /** The call in a room, if the user is there. */
  _callIn(room: string): CallCommon | undefined {
    return this._find((call) => call._record.room === room && call.state !== 'Disconnected');
  }

  private _find(is: (call: CallCommon) => boolean): CallCommon | undefined {
    return [...this.calls.values()].find(is);
  }

  ended(call: CallCommon): void {
    this.calls.delete(call.id);
  }

  /** The new call is in the agent's list, and knows its thread, before anything else is told (2.1.7). */
  moved({ call: from, to, room, threadId }: Moved): CallCommon {
    const old = this.calls.get(from) ?? this.current;
    const prepare = (call: CallCommon): void => {
      this.calls.set(to, call);
      this.current = call;
      call._record._goesOn(old._record, room, threadId);
    };
    const held = this.calls.get(to);
    if (held) prepare(held);
    return held ?? this.make(to, old.isMuted, prepare);
  }

  /**
   * Whoever asked to return has the call of the main meeting before `end` tells that the room's is over: the
   * UI library takes that for the end of the meeting (6036).
   */
  _endsAfterReturn(call: CallCommon, end: () => void): boolean {
    if (!this._returning || call === this.current) return false;
    this._returning.then(() => setTimeout(end));
    return true;
  }

  rooms(view: RoomsView): void {
    const before = this.view;
    const { assigned } = before;
    const { room } = this.current._record;
    // Whose room is taken away finds it closed until they are back: it is the way there (UI library 6059).
    if (!view.assigned && assigned && room) view = { ...view, assigned: { ...assigned, open: false } };
    this.view = view;
    const ends = before.ends !== view.ends;
    // Who is in no room is told no settings, but when the rooms close.
    const changes = { assigned: differs(before.assigned, view.assigned), rooms: (ends && !room) || differs(before.rooms, view.rooms) };
    if (changes.assigned) this.assigned = undefined;
    if (changes.rooms) this.list = undefined;
    isolated(() => this._teller._toRooms((feature) => feature._roomsChanged(changes)));
    if (room && (ends || before.stays !== view.stays)) isolated(() => this.current._toRooms((feature) => feature._settingsChanged()));
  }

  join(room: RoomInfo['id']): Promise<CallCommon> {
    return this.go(async () => (await loadedCore()).ask(this.current.id, 'joinRoom', room));
  }

  /** Asked for again while it is pending, or when it is done, it gives the same call. */
  returnToMain(): Promise<CallCommon> {
    const there = this.go(async () => {
      if (this.current._record.room) await (await loadedCore()).ask(this.current.id, 'returnToMain');
    });
    const { way } = this;
    this._returning = way;
    way.then(() => {
      if (this._returning === way) this._returning = undefined;
    });
    return there;
  }

  /** One after the other: each is asked in the name of the call that the one before led to. */
  private go(ask: () => Promise<void>): Promise<CallCommon> {
    const there = this.way.then(() => settled(ask)).then(() => this.current);
    this.way = there.catch(() => {});
    return there;
  }
}

function differs(before: unknown, now: unknown): boolean {
  return JSON.stringify(before) !== JSON.stringify(now);
}
