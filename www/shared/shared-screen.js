/**
 * The screen that somebody shares, large beside the tiles. If several share, the newest is shown; when
 * it ends, the one before comes back.
 */
import { el, icon, setText } from './dom.js';
import { VideoBox } from './video-box.js';

export class SharedScreen {
  constructor({ sdk, people, problems, announce }) {
    this.problems = problems;
    this.announce = announce;
    this.box = new VideoBox(sdk, { scalingMode: 'Fit' });
    this.label = el('span', { class: 'label' });
    this.element = el('section', { class: 'shared', 'aria-label': 'Shared screen', hidden: true },
      this.box.element, el('div', { class: 'name' }, icon('screen'), this.label));
    this.follow(people);
  }

  /** Whose screens it shows from now on; none of before stays (E15). */
  follow(people) {
    this.people = people;
    /** Who shares, the newest last. */
    this.sharing = [];
    this.show();
    for (const event of ['joined', 'left', 'changed']) people.addEventListener(event, ({ detail }) => this.update(people, detail));
    people.list.forEach((person) => this.update(people, person));
  }

  update(people, person) {
    if (people !== this.people) return;
    const shares = person.present && person.screen !== null;
    const known = this.sharing.includes(person);
    if (shares !== known) this.sharing = shares ? [...this.sharing, person] : this.sharing.filter((other) => other !== person);
    if (shares || known) this.show();
  }

  show() {
    const person = this.sharing.at(-1);
    const { name = '', screen = null } = person ?? {};
    const told = (this.shownName ?? '') !== name;
    this.shownName = name;
    setText(this.label, person ? `${name} shares a screen` : '');
    if (told) this.announce.say(person ? `${name} shares a screen` : 'The screen is no longer shared');
    this.element.hidden = !person;
    this.box.show(screen).catch((error) => this.problems.add(`The screen of ${name} cannot be shown`, error));
  }

  dispose() {
    this.box.clear();
    this.element.remove();
  }
}
