/**
 * Breakout rooms for who takes part: which room is theirs, the way in and back, how long it lasts, and
 * what was said to all rooms (E1, E7-E12). Follows the stay from call to call.
 */
import { clockText } from './clock-text.js';
import { el, icon, setText } from './dom.js';
import { Listeners } from './listeners.js';

/** When people are told once more that the room closes. */
const LAST_CALL_MS = 60_000;

export class BreakoutPlace {
  constructor({ sdk, notices, announce, problems }) {
    Object.assign(this, { sdk, notices, announce, problems });
    this.listeners = new Listeners();
    this.followed = new Set();
    this.call = null;
    /** The name of the room that one is in. */
    this.room = undefined;
    /** What one asked for oneself: that it comes true is no surprise. */
    this.asked = false;
    this.timer = 0;
    this.name = el('strong', {});
    this.clock = el('span', { class: 'remaining', role: 'timer', 'aria-label': 'Time until the room closes' });
    this.time = el('span', { class: 'row time-left', hidden: true }, icon('clock'), this.clock);
    this.outside = el('span', { class: 'remaining', role: 'timer', 'aria-label': 'Time until the breakout rooms close' });
    this.elsewhere = el('p', { class: 'row elsewhere', hidden: true }, icon('clock'), el('span', {}, 'The breakout rooms close in ', this.outside));
    this.back = el('button', { class: 'button compact return', type: 'button', onclick: () => this.goBack() }, icon('return'), 'Return to the main meeting');
    this.element = el('section', { class: 'place', 'aria-label': 'Breakout room', hidden: true },
      icon('rooms'), el('span', { class: 'text' }, 'Breakout room ', this.name), this.time, this.back);
  }

  /** The call that is on now. The one before may be on hold and still be told things. */
  follow(call) {
    const first = this.call === null;
    this.call = call;
    if (!this.followed.has(call)) {
      this.followed.add(call);
      const feature = this.featureOf(call);
      this.listeners.add(feature, 'breakoutRoomsUpdated', () => this.show());
      this.listeners.add(feature, 'announcementReceived', ({ message }) => this.hear(message));
      this.listeners.add(call, 'stateChanged', () => {
        if (call.state === 'Disconnected') this.followed.delete(call);
        this.show();
      });
    }
    const before = this.room;
    this.show();
    if (!first && before !== this.room) this.tellMove(before);
    this.asked = false;
  }

  featureOf(call) {
    return call.feature(this.sdk.Features.BreakoutRooms);
  }

  get feature() {
    return this.featureOf(this.call);
  }

  /** Somebody whose call waits in the main meeting goes back whenever they like (E9). */
  get holds() {
    return [...this.followed].some(({ state }) => state === 'LocalHold');
  }

  show() {
    const { feature } = this;
    const inside = feature.breakoutRooms?.find(({ call }) => call === this.call);
    const settings = feature.breakoutRoomsSettings;
    this.room = settings && (inside?.displayName ?? 'Breakout room');
    this.element.hidden = !settings;
    setText(this.name, this.room ?? '');
    const focused = document.activeElement === this.back;
    this.back.hidden = Boolean(settings?.disableReturnToMainMeeting) && !this.holds;
    if (focused && (this.back.hidden || !settings)) document.querySelector('.meeting h1')?.focus();
    this.showAssigned(feature.assignedBreakoutRooms, settings !== undefined);
    const open = feature.breakoutRooms?.find(({ state }) => state === 'open');
    this.keepTime(settings ? settings.roomEndTime : open?.roomEndTime);
    // Who is in the main meeting sees when the others come back.
    this.elsewhere.hidden = Boolean(settings) || !this.end;
  }

  /** The room that is theirs, as long as they are not in it. */
  showAssigned(room, inRoom) {
    if (!room || room.call === this.call || (inRoom && room.state !== 'open')) {
      this.shown = undefined;
      this.notices.hide('assigned');
      return;
    }
    const open = room.state === 'open';
    const text = `You are assigned to ${room.displayName}. ${open ? 'It is open.' : 'It is not open yet.'}`;
    // The same words again would be read out again, and take the focus off the button.
    if (this.shown === text) return;
    this.shown = text;
    this.announce.say(text);
    const join = { text: `Join ${room.displayName}`, primary: true, act: () => this.goIn() };
    this.notices.show('assigned', text, { iconName: 'rooms', buttons: open ? [join] : [] });
  }

  tellMove(before) {
    const { assignedBreakoutRooms: assigned, breakoutRooms: rooms } = this.feature;
    // Whose assignment or appointment was taken back leaves a room that is still open.
    const open = assigned?.state === 'open' || rooms?.some(({ displayName, state }) => displayName === before && state === 'open');
    const closed = !this.room && before && !this.asked && !open;
    const moved = this.asked ? 'You are in' : 'You were moved to';
    const text = this.room
      ? `${moved} the breakout room ${this.room}. Only the people in it see and hear you.`
      : closed ? `${before} was closed. You are back in the main meeting.` : 'You are back in the main meeting.';
    this.announce.say(text);
    this.notices.show('moved', text, { buttons: [{ text: 'OK', act: () => this.notices.hide('moved') }] });
    this.notices.hide('last-minute');
  }

  hear(message) {
    this.announce.say(`Announcement: ${message}`);
    this.notices.show('announcement', message, { iconName: 'megaphone', buttons: [{ text: 'OK', act: () => this.notices.hide('announcement') }] });
  }

  goIn() {
    return this.go('The breakout room could not be joined', () => this.feature.assignedBreakoutRooms?.join());
  }

  /** A manager goes where they like (E3). */
  visit(threadId) {
    return this.go('The breakout room could not be joined', () => {
      const room = this.feature.breakoutRooms?.find((one) => one.threadId === threadId);
      if (!room) throw new Error('It is not there any more.');
      return room.join();
    });
  }

  goBack() {
    return this.go('You could not return to the main meeting', () => {
      const room = this.feature.assignedBreakoutRooms ?? this.feature.breakoutRooms?.[0];
      // Without any room left the service brings everybody back by itself.
      return room?.returnToMainMeeting();
    });
  }

  async go(sentence, act) {
    if (this.asked) return;
    this.asked = true;
    try {
      await act();
    } catch (error) {
      this.problems.add(sentence, error);
    } finally {
      this.asked = false;
    }
  }

  keepTime(end) {
    if (end === this.end) return;
    this.end = end;
    clearInterval(this.timer);
    this.time.hidden = !end;
    this.notices.hide('last-minute');
    if (!end) return;
    const at = Date.parse(end);
    let warned = at - Date.now() <= LAST_CALL_MS;
    const tick = () => {
      const left = at - Date.now();
      for (const clock of [this.clock, this.outside]) setText(clock, clockText(left));
      if (this.room && left <= LAST_CALL_MS && !warned) {
        warned = true;
        const text = `${this.room} closes in a minute. You go back to the main meeting then.`;
        this.announce.say(text);
        this.notices.show('last-minute', text, { iconName: 'clock' });
      }
    };
    tick();
    this.timer = setInterval(tick, 1000);
  }

  dispose() {
    clearInterval(this.timer);
    this.listeners.dispose();
    this.element.remove();
    this.elsewhere.remove();
  }
}
