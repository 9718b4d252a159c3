/**
 * Who is in the meeting, as a list, with raised hands (C5); for those who may, with buttons to remove and mute
 * somebody and to lower their hand (C2, S1).
 */
import { avatar } from './avatar.js';
import { confirm } from './dialog.js';
import { el, icon, setText } from './dom.js';
import { Listeners } from './listeners.js';

export class Roster {
  constructor({ call, people, media, selfName, mayRemove, problems, hands }) {
    Object.assign(this, { call, people, media, selfName, mayRemove, problems, hands });
    this.listeners = new Listeners();
    this.rows = new Map();
    this.title = el('h3', {});
    this.self = this.row(`${selfName} (you)`);
    this.list = el('ul', { class: 'people-list roster' }, this.self.element);
    this.muteAll = el('button', { class: 'button compact mute-all', type: 'button', onclick: () => hands.muteAll() }, 'Mute all');
    this.element = el('section', { class: 'stack tight', 'aria-label': 'In the meeting' },
      el('div', { class: 'row spread' }, this.title, this.muteAll), this.list);
    for (const event of ['joined', 'changed']) this.listeners.add(people, event, ({ detail }) => this.show(detail));
    this.listeners.add(people, 'left', ({ detail }) => this.drop(detail));
    this.listeners.add(media, 'change', () => this.showSelf());
    this.listeners.add(hands, 'change', () => this.showHands());
    people.list.forEach((person) => this.show(person));
    this.showSelf();
    this.count();
    this.showHands();
  }

  row(name, ...buttons) {
    const label = el('span', { class: 'who' }, name);
    const microphone = icon('mic');
    const camera = icon('camera');
    const words = el('span', { class: 'only-read' });
    const order = el('span', {});
    const hand = el('span', { class: 'hand', hidden: true }, icon('hand'), el('span', { class: 'only-read' }, 'hand raised, number '), order);
    const element = el('li', {}, avatar(name), label, hand, el('span', { class: 'state' }, camera, microphone, words), buttons);
    return { element, label, microphone, camera, words, hand, order };
  }

  show(person) {
    let row = this.rows.get(person.id);
    if (!row || row.name !== person.name) {
      const buttons = this.managing(person);
      const fresh = { ...this.row(person.name, buttons.lower, buttons.mute, this.mayRemove() && this.removeButton(person)), ...buttons };
      if (row) row.element.replaceWith(fresh.element);
      else this.list.append(fresh.element);
      row = { ...fresh, name: person.name, person };
      row.element.dataset.person = person.id;
      this.rows.set(person.id, row);
      this.count();
    }
    this.mark(row, person.muted, person.stream !== null, person.speaking);
    this.showHand(person.id, row);
  }

  /** For who may: lower this person's hand, and mute them. */
  managing(person) {
    const button = (name, iconName, words, act) =>
      el('button', { class: `icon-button ${name}`, type: 'button', 'aria-label': words, title: words, hidden: true, onclick: act }, icon(iconName));
    return {
      lower: button('lower', 'down', `Lower the hand of ${person.name}`, () => this.hands.lower(person)),
      mute: button('mute', 'mic-off', `Mute ${person.name}`, () => this.hands.mute(person)),
    };
  }

  showHand(id, { hand, order, lower, mute, person }) {
    const { hands } = this;
    const raised = hands.orderOf(id);
    hand.hidden = raised === undefined;
    setText(order, raised === undefined ? '' : String(raised));
    if (!person) return;
    lower.hidden = raised === undefined || !hands.manages;
    mute.hidden = person.muted || !hands.manages;
  }

  showHands() {
    this.muteAll.hidden = !this.hands.manages;
    this.showHand(this.hands.self, this.self);
    this.rows.forEach((row, id) => this.showHand(id, row));
  }

  mark(row, muted, camera, speaking) {
    row.element.classList.toggle('speaking', speaking);
    row.element.classList.toggle('muted', muted);
    row.microphone.firstElementChild.setAttribute('href', `/shared/icons.svg#${muted ? 'mic-off' : 'mic'}`);
    row.camera.firstElementChild.setAttribute('href', `/shared/icons.svg#${camera ? 'camera' : 'camera-off'}`);
    row.words.textContent = [muted ? 'muted' : 'microphone on', camera ? 'camera on' : 'camera off'].join(', ');
  }

  removeButton(person) {
    const button = el('button', {
      class: 'icon-button remove', type: 'button', 'aria-label': `Remove ${person.name}`, title: `Remove ${person.name}`,
      onclick: async () => {
        const sure = await confirm({ title: `Remove ${person.name}?`, text: 'They leave the meeting at once. They can ask to be let in again.', action: 'Remove' });
        if (!sure || !person.present) return;
        button.disabled = true;
        try {
          await this.call.removeParticipant(person.participant.identifier);
        } catch (error) {
          button.disabled = false;
          this.problems.add(`${person.name} could not be removed`, error);
        }
      },
    }, icon('remove'));
    return button;
  }

  showSelf() {
    this.mark(this.self, this.media.muted, this.media.cameraOn, false);
  }

  drop(person) {
    this.rows.get(person.id)?.element.remove();
    this.rows.delete(person.id);
    this.count();
  }

  count() {
    this.title.textContent = `In the meeting (${this.rows.size + 1})`;
  }

  dispose() {
    this.listeners.dispose();
    this.element.remove();
  }
}
