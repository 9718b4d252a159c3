/** Reactions (C5): a small menu for who may, and what others send, shown for a moment and announced. */
import { el, icon } from './dom.js';
import { Listeners } from './listeners.js';

const REACTIONS = {
  like: ['👍', 'like'], heart: ['❤️', 'heart'], laugh: ['😂', 'laughter'], surprised: ['😮', 'surprise'], applause: ['👏', 'applause'],
};
/** How long one is shown, and how many at most. */
const [SHOWN_MS, MOST] = [4_000, 6];

export class Reactions {
  constructor({ sdk, announce, problems }) {
    Object.assign(this, { sdk, announce, problems });
    this.listeners = new Listeners();
    this.timers = new Set();
    /** What comes is announced; the picture of it is for the eyes. */
    this.element = el('div', { class: 'reactions', 'aria-hidden': 'true' });
    this.words = el('span', { class: 'words' }, 'React');
    this.button = el('button', { class: 'control react', type: 'button', title: 'React', 'aria-expanded': 'false', onclick: () => this.open(this.menu.hidden) },
      icon('smile'), this.words);
    this.menu = el('div', { class: 'reaction-menu', role: 'group', 'aria-label': 'Reactions', hidden: true },
      Object.entries(REACTIONS).map(([reactionType, [picture, name]]) =>
        el('button', { class: 'icon-button', type: 'button', 'aria-label': `Send ${name}`, title: name, 'data-reaction': reactionType, onclick: () => this.send(reactionType) },
          el('span', { 'aria-hidden': 'true' }, picture))));
    this.menu.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      this.open(false);
      this.button.focus();
    });
    this.control = el('div', { class: 'react-control' }, this.menu, this.button);
  }

  /** The call that is on now. */
  follow(call, hands) {
    this.listeners.dispose();
    this.listeners = new Listeners();
    this.feature = call.feature(this.sdk.Features.Reaction);
    this.listeners.add(this.feature, 'reaction', ({ identifier, reactionMessage }) => this.show(hands.nameOf(identifier), reactionMessage.reactionType));
    this.listeners.add(hands, 'change', () => { this.control.hidden = !hands.mayRaise; });
    this.control.hidden = !hands.mayRaise;
  }

  open(yes) {
    this.menu.hidden = !yes;
    this.button.setAttribute('aria-expanded', String(yes));
    if (yes) this.menu.querySelector('button').focus();
  }

  async send(reactionType) {
    try {
      await this.feature.sendReaction({ reactionType });
    } catch (error) {
      // Too many at a time: whoever presses on sees that nothing comes of it.
      if (error.code !== 429) this.problems.add('The reaction could not be sent', error);
    }
  }

  show(name, reactionType) {
    const [picture, words] = REACTIONS[reactionType];
    this.announce.say(`${name}: ${words}`);
    const shown = el('span', { class: 'reaction', 'data-reaction': reactionType }, picture, ' ', el('span', { class: 'small' }, name));
    this.element.append(shown);
    if (this.element.childElementCount > MOST) this.element.firstElementChild.remove();
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      shown.remove();
    }, SHOWN_MS);
    this.timers.add(timer);
  }

  dispose() {
    this.listeners.dispose();
    this.timers.forEach(clearTimeout);
    this.control.remove();
    this.element.remove();
  }
}
