/**
 * Who manages the breakout rooms (E4): the organiser appoints members and takes it back, a box for each.
 * Guests cannot be appointed, and are not offered.
 */
import { el, setText } from '/shared/dom.js';

const MEMBER = '8:orgid:';

const rawId = (oid) => `${MEMBER}${oid}`;
const oidOf = (id) => id.slice(MEMBER.length);

export class Managers {
  /** `meeting` as the service gave it: who organises it and who is invited. `say(text)` for screen readers. */
  constructor({ store, meeting, self, say }) {
    Object.assign(this, { store, say });
    const { organizer, attendees } = meeting.participants;
    this.mayAppoint = rawId(organizer.identity.user.id) === self;
    this.invited = attendees;
    /** Who manages them by role needs no appointment. */
    this.byRole = new Set([self, ...attendees.filter(({ role }) => role === 'coorganizer').map(({ identity }) => rawId(identity.user.id))]);
    this.names = new Map(attendees.map(({ identity: { user } }) => [rawId(user.id), user.displayName]));
    this.rows = new Map();
    /** What was chosen and not answered yet, and the last request: the list is sent whole, so one after the other. */
    this.wished = new Map();
    this.turn = Promise.resolve();
    this.title = el('summary', {});
    this.list = el('ul', { class: 'managers-list stack tight' });
    this.nobody = el('p', { class: 'small' }, 'No other member is in the meeting or invited to it.');
    this.element = el('details', { class: 'managers', hidden: !this.mayAppoint }, this.title,
      el('div', { class: 'stack tight' },
        el('p', { class: 'small quiet', id: 'managers-hint' }, 'Managers make, fill, open and close the rooms, and join any of them. You and co-organisers always do. Only members can be appointed, not guests.'),
        this.list, this.nobody));
  }

  /** Members who can be chosen: in the meeting, invited, or appointed already. */
  candidates() {
    const { people, settings } = this.store;
    const appointed = (settings.managers ?? []).map(rawId);
    const present = people.filter(({ id }) => id.startsWith(MEMBER));
    for (const { id, displayName } of present) if (displayName) this.names.set(id, displayName);
    const invited = this.invited.map(({ identity }) => rawId(identity.user.id));
    const ids = new Set([...present.map(({ id }) => id), ...invited, ...appointed]);
    return [...ids].filter((id) => !this.byRole.has(id)).map((id) => ({
      id, name: this.names.get(id) || 'A member', here: present.some((person) => person.id === id), appointed: appointed.includes(id),
    }));
  }

  show() {
    if (!this.mayAppoint) return;
    const candidates = this.candidates();
    const count = candidates.filter(({ appointed }) => appointed).length;
    setText(this.title, `Room managers${count > 0 ? ` (${count})` : ''}`);
    this.nobody.hidden = candidates.length > 0;
    this.list.hidden = candidates.length === 0;
    for (const [id, { element }] of this.rows) {
      if (candidates.some((candidate) => candidate.id === id)) continue;
      const focused = element.contains(document.activeElement);
      element.remove();
      this.rows.delete(id);
      if (focused) this.title.focus();
    }
    for (const candidate of candidates) {
      if (!this.rows.has(candidate.id)) this.add(candidate.id);
      this.mark(this.rows.get(candidate.id), candidate);
    }
  }

  add(id) {
    const input = el('input', { type: 'checkbox', 'aria-describedby': 'managers-hint', onchange: () => this.choose(id, input.checked) });
    const name = el('span', {});
    const where = el('span', { class: 'small quiet' });
    const element = el('li', { 'data-manager': id }, el('label', { class: 'check' }, input, el('span', { class: 'who' }, name, ' ', where)));
    this.list.append(element);
    this.rows.set(id, { element, input, name, where });
  }

  mark({ input, name, where }, { id, name: who, here, appointed }) {
    setText(name, `${who} manages the rooms`);
    setText(where, here ? '' : '(not in the meeting)');
    input.checked = this.wished.get(id) ?? appointed;
  }

  choose(id, yes) {
    this.wished.set(id, yes);
    this.turn = this.turn.then(() => this.appoint(id));
  }

  async appoint(id) {
    if (!this.wished.has(id)) return;
    const yes = this.wished.get(id);
    const others = (this.store.settings.managers ?? []).filter((oid) => oid !== oidOf(id));
    const name = this.names.get(id) || 'The member';
    const done = await this.store.appoint(yes ? [...others, oidOf(id)] : others);
    // Chosen again meanwhile: the next turn is about that.
    if (this.wished.get(id) === yes) this.wished.delete(id);
    this.show();
    if (!done) return;
    this.say(yes ? `${name} manages the breakout rooms now` : `${name} does not manage the breakout rooms any more`);
  }
}
