/** How long rooms are open: minutes to open them for, and the countdown with what changes it (E12). */
import { clockText } from '/shared/clock-text.js';
import { el, icon, setText } from '/shared/dom.js';

const MORE_MS = 5 * 60_000;

export class RoomTimer {
  constructor(store) {
    this.store = store;
    this.timer = 0;
    this.minutes = el('input', { type: 'number', min: '1', max: '1440', inputmode: 'numeric', placeholder: 'no end', id: 'room-minutes' });
    this.field = el('div', { class: 'field minutes' }, el('label', { for: 'room-minutes' }, 'Close after (min)'), this.minutes);
    this.left = el('span', { class: 'remaining', role: 'timer', 'aria-label': 'Time until the rooms close' });
    this.more = el('button', { class: 'button compact more-time', type: 'button', onclick: () => this.add() }, '+5 minutes');
    this.never = el('button', { class: 'button compact plain no-end', type: 'button', onclick: () => store.configure({ roomEndTime: null }) }, 'No end');
    this.running = el('div', { class: 'row running', hidden: true }, icon('clock'), this.left, el('div', { class: 'row changes' }, this.more, this.never));
    this.element = el('div', { class: 'timer' }, this.field, this.running);
  }

  /** For opening: seconds, or nothing. */
  get seconds() {
    const minutes = Number(this.minutes.value);
    return minutes > 0 ? Math.round(minutes * 60) : undefined;
  }

  add() {
    const from = Math.max(Date.now(), Date.parse(this.end ?? '') || 0);
    return this.store.configure({ roomEndTime: new Date(from + MORE_MS).toISOString() });
  }

  show() {
    const { anyOpen, settings } = this.store;
    const end = anyOpen ? settings.roomEndTime ?? null : null;
    this.field.hidden = anyOpen;
    this.running.hidden = !anyOpen;
    this.never.hidden = end === null;
    if (end === this.end) return;
    this.end = end;
    clearInterval(this.timer);
    const tick = () => setText(this.left, end ? `Closing in ${clockText(Date.parse(end) - Date.now())}` : 'Open without an end');
    tick();
    if (end) this.timer = setInterval(tick, 1000);
  }

  dispose() {
    clearInterval(this.timer);
  }
}
