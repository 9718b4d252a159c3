/**
 * Raised hands in a call (C5): who raised theirs, in which order, and for who may, lowering them and muting
 * others (S1). Says `change` when something of it changed. Guests see all and may do nothing of it.
 */
import { el, setText } from './dom.js';
import { Listeners } from './listeners.js';
import { rawId } from './raw-id.js';

export class Hands extends EventTarget {
  /** `self`: the own raw id. */
  constructor({ sdk, call, people, self, announce, problems }) {
    super();
    Object.assign(this, { call, people, self, announce, problems });
    this.feature = call.feature(sdk.Features.RaiseHand);
    this.capabilities = call.feature(sdk.Features.Capabilities);
    this.listeners = new Listeners();
    this.title = el('h3', {});
    this.all = el('button', { class: 'button compact lower-all', type: 'button', 'aria-label': 'Lower all hands', onclick: () => this.lowerAll() }, 'Lower all');
    this.list = el('ol', { class: 'hands-list' });
    this.element = el('section', { class: 'hands', 'aria-label': 'Raised hands', hidden: true },
      el('div', { class: 'row spread' }, this.title, this.all), this.list);
    for (const [event, words] of [['raisedHandEvent', 'raised a hand'], ['loweredHandEvent', 'lowered the hand']]) {
      this.listeners.add(this.feature, event, ({ identifier }) => {
        const id = rawId(identifier);
        if (id !== self) announce.say(`${this.nameOf(id)} ${words}`);
        else if (event === 'loweredHandEvent') announce.say('Your hand is down');
        else announce.say('Your hand is raised');
        this.show();
      });
    }
    this.listeners.add(this.capabilities, 'capabilitiesChanged', () => this.show());
    for (const event of ['joined', 'changed']) this.listeners.add(people, event, () => this.list.childElementCount > 0 && this.showList());
    this.show();
  }

  /** Whether one may raise a hand and react. */
  get mayRaise() {
    return this.capabilities.capabilities.raiseHand.isPresent;
  }

  /** Whether one may mute others; the same may lower their hands (`docs/support-matrix.md`). */
  get manages() {
    return this.capabilities.capabilities.muteOthers.isPresent;
  }

  /** 1 was first; undefined: the hand is down. */
  orderOf(id) {
    return this.orders.get(id);
  }

  get raised() {
    return this.orders.has(this.self);
  }

  nameOf(id) {
    if (id === this.self) return 'You';
    return this.people.list.find((person) => person.id === id)?.name ?? 'Somebody';
  }

  show() {
    this.orders = new Map(this.feature.getRaisedHands().map(({ identifier, order }) => [rawId(identifier), order]));
    this.showList();
    this.dispatchEvent(new Event('change'));
  }

  showList() {
    const focused = this.element.contains(document.activeElement);
    this.element.hidden = this.orders.size === 0;
    setText(this.title, `Raised hands (${this.orders.size})`);
    this.all.hidden = !this.manages;
    this.list.replaceChildren(...[...this.orders.keys()].map((id) => el('li', { 'data-person': id }, this.nameOf(id))));
    // The pressed button is gone with the last hand: keyboard users stay in the panel.
    if (focused && this.element.hidden) this.element.closest('.panel')?.querySelector('button')?.focus();
  }

  toggle() {
    return this.raised ? this.try('Your hand could not be lowered', () => this.feature.lowerHand())
      : this.try('Your hand could not be raised', () => this.feature.raiseHand());
  }

  lower(person) {
    return this.try(`The hand of ${person.name} could not be lowered`, () => this.feature.lowerHands([person.participant.identifier]));
  }

  lowerAll() {
    return this.try('The hands could not be lowered', () => this.feature.lowerAllHands());
  }

  mute(person) {
    return this.try(`${person.name} could not be muted`, () => person.participant.mute());
  }

  muteAll() {
    return this.try('The others could not be muted', () => this.call.muteAllRemoteParticipants());
  }

  async try(sentence, ask) {
    try {
      await ask();
    } catch (error) {
      this.problems.add(sentence, error);
    }
  }

  dispose() {
    this.listeners.dispose();
    this.element.remove();
  }
}
