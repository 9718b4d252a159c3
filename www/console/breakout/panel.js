/**
 * The panel of who manages the breakout rooms (E4): make and fill them, open and close them, for how long,
 * and say something to everybody in them.
 */
import { el, icon, setText } from '/shared/dom.js';
import { Listeners } from '/shared/listeners.js';
import { formError } from '/shared/start.js';
import { Managers } from './managers.js';
import { PersonRow } from './person-row.js';
import { RoomCard } from './room-card.js';
import { RoomTimer } from './timer.js';

function button(name, words, act, kind = '') {
  return el('button', { class: `button compact ${kind} ${name}`, type: 'button', onclick: act }, words);
}

function check(id, words, act) {
  const input = el('input', { type: 'checkbox', id, onchange: () => act(input.checked) });
  return { input, row: el('label', { class: 'check', for: id }, input, el('span', {}, words)) };
}

export class BreakoutPanel {
  /** `visit(threadId)` takes the manager into a room; `self` is their raw id, `meeting` as the service has it. */
  constructor({ store, announce, self, visit, meeting }) {
    Object.assign(this, { store, announce, self });
    this.listeners = new Listeners();
    this.visit = (room) => visit(room.threadId);
    this.cards = new Map();
    this.rows = new Map();
    this.error = el('p', { class: 'form-error', role: 'alert', hidden: true });
    this.said = el('p', { class: 'only-read', role: 'status' });
    this.timer = new RoomTimer(store);
    this.all = el('button', { class: 'button primary all', type: 'button', onclick: () => this.openOrCloseAll() });
    this.opening = el('section', { class: 'opening', 'aria-label': 'Open and close' }, this.timer.element, this.all);
    this.filling = el('section', { class: 'row', 'aria-label': 'Assign everybody' }, el('span', { class: 'label' }, 'Assign everybody'),
      button('random', 'At random', () => store.distribute('random')), button('even', 'Evenly', () => store.distribute('even')));
    this.none = new RoomCard(null, this.cardActions());
    this.list = el('div', { class: 'rooms-list' });
    this.body = el('div', { class: 'stack' }, this.opening, this.filling, this.none.element, this.list, this.announceForm(), this.settings());
    this.create = this.createForm();
    this.managers = new Managers({ store, meeting, self, say: (text) => this.say(text) });
    this.whole = el('div', { class: 'stack' }, this.create, this.body, this.managers.element);
    this.refusal = el('p', { class: 'refusal', hidden: true });
    this.element = el('div', { class: 'breakout stack' }, this.error, this.refusal, this.said, this.whole);
    this.listeners.add(store, 'change', () => this.show());
    this.show();
  }

  cardActions() {
    return { store: this.store, visit: this.visit, dropped: (id, room) => this.move(id, room) };
  }

  createForm() {
    const count = el('input', { id: 'room-count', type: 'number', min: '1', max: '50', required: true, inputmode: 'numeric' });
    count.value = '2';
    const names = el('input', { id: 'room-names', maxlength: '2000', autocomplete: 'off', placeholder: 'Room 1, Room 2, …' });
    names.addEventListener('input', () => {
      const given = split(names.value);
      count.disabled = given.length > 0;
      if (given.length > 0) count.value = String(Math.min(given.length, 50));
    });
    this.createTitle = el('summary', {}, 'Make rooms');
    this.createButton = el('button', { class: 'button create', type: 'submit' }, icon('rooms'), 'Make rooms');
    return el('details', { open: true, class: 'make' }, this.createTitle,
      el('form', { class: 'stack tight', onsubmit: async (event) => {
        event.preventDefault();
        const first = this.store.rooms.length === 0;
        if (!await this.store.create(Number(count.value), split(names.value))) return;
        names.value = '';
        count.disabled = false;
        if (first) this.create.open = false;
        this.say('The rooms are there');
        // The button may have gone with its form.
        this.createTitle.focus();
      } },
      el('div', { class: 'make-fields' },
        el('div', { class: 'field' }, el('label', { for: 'room-count' }, 'How many'), count),
        el('div', { class: 'field' }, el('label', { for: 'room-names' }, 'Names, with commas (if any)'), names)),
      this.createButton));
  }

  announceForm() {
    const text = el('input', { id: 'room-announcement', maxlength: '1000', required: true, autocomplete: 'off', placeholder: 'Five minutes left' });
    const form = el('form', { class: 'field announce', onsubmit: async (event) => {
      event.preventDefault();
      if (!await this.store.announce(text.value)) return;
      // Resetting forgets that the field was touched, too: an empty one is no mistake yet.
      form.reset();
      this.say('The announcement was sent');
    } },
    el('label', { for: 'room-announcement' }, 'Announce to everybody'),
    el('div', { class: 'link-row' }, text, el('button', { class: 'button compact send', type: 'submit' }, icon('megaphone'), 'Send')));
    return form;
  }

  settings() {
    const { store } = this;
    this.autoMove = check('auto-move', 'Move people into their room when it opens', (on) => store.configure({ autoMoveParticipantToBreakoutRoom: on }));
    this.stay = check('may-return', 'People may return to the main meeting by themselves', (on) => store.configure({ disableReturnToMainMeeting: !on }));
    return el('details', { class: 'rooms-settings' }, el('summary', {}, 'Settings'),
      el('div', { class: 'stack tight' }, this.autoMove.row, this.stay.row));
  }

  openOrCloseAll() {
    const { store } = this;
    return store.anyOpen ? store.close() : store.open([], this.timer.seconds);
  }

  async move(id, room) {
    const person = this.store.people.find((one) => one.id === id);
    if (!person || (person.assignedRoomId ?? null) === room) return;
    if (!await this.store.assign(id, room)) return;
    const name = this.store.rooms.find((one) => one.id === room)?.displayName;
    this.say(`${person.displayName ?? 'Somebody'} ${name ? `is assigned to ${name}` : 'is assigned nowhere'}`);
  }

  say(text) {
    setText(this.said, text);
  }

  show() {
    const { store } = this;
    const { rooms, settings, anyOpen, refused } = store;
    formError(this.error, store.error);
    this.element.toggleAttribute('aria-busy', store.busy);
    this.showRefusal(refused);
    const some = rooms.length > 0;
    this.body.hidden = !some;
    setText(this.createTitle, some ? 'Make more rooms' : 'Make rooms');
    this.createButton.classList.toggle('primary', !some);
    if (!some) this.create.open = true;
    this.timer.show();
    setText(this.all, anyOpen ? 'Close all rooms' : 'Open all rooms');
    if (!store.busy) {
      this.autoMove.input.checked = settings.autoMoveParticipantToBreakoutRoom ?? true;
      this.stay.input.checked = !settings.disableReturnToMainMeeting;
    }
    this.managers.show();
    this.showCards();
  }

  /** Who does not manage the rooms is told who does; what was there for managers goes with the focus in it. */
  showRefusal(refused) {
    const focused = this.whole.contains(document.activeElement);
    this.whole.hidden = refused !== null;
    this.refusal.hidden = refused === null;
    setText(this.refusal, refused?.message ?? '');
    if (focused && refused) document.getElementById('panel-title')?.focus();
  }

  /** People and rooms keep their elements, so that the focus and an open list stay where they are. */
  showCards() {
    const { rooms, people } = this.store;
    for (const [id, card] of this.cards) {
      if (rooms.some((room) => room.id === id)) continue;
      const inside = card.element.contains(document.activeElement);
      card.element.remove();
      this.cards.delete(id);
      if (inside) (this.list.querySelector('button') ?? this.createTitle).focus();
    }
    for (const id of this.rows.keys()) {
      if (people.some((person) => person.id === id)) continue;
      this.rows.get(id).element.remove();
      this.rows.delete(id);
    }
    for (const person of people) {
      if (!this.rows.has(person.id)) this.rows.set(person.id, new PersonRow(person.id, (id, room) => this.move(id, room)));
      this.rows.get(person.id).show(person, rooms);
    }
    const rowsOf = (room) => people.filter(({ assignedRoomId = null }) => assignedRoomId === room);
    const elements = (list) => list.map(({ id }) => this.rows.get(id).element);
    this.none.show(null, elements(rowsOf(null).filter(({ id }) => id !== this.self)), 0);
    rooms.forEach((room, at) => {
      if (!this.cards.has(room.id)) this.cards.set(room.id, new RoomCard(room, this.cardActions()));
      const card = this.cards.get(room.id);
      if (this.list.children[at] !== card.element) this.list.insertBefore(card.element, this.list.children[at] ?? null);
      const here = rowsOf(room.id);
      card.show(room, elements(here), room.invitees.length - here.length);
    });
  }

  dispose() {
    this.listeners.dispose();
    this.timer.dispose();
    this.store.dispose();
  }
}

function split(text) {
  return text.split(',').map((name) => name.trim()).filter(Boolean);
}
