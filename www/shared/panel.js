/** The side panel: shows one of several bodies; Escape closes it and gives the focus back. */
import { el, icon, setText } from './dom.js';

export class Panel {
  /** `bodies`: `{people: {title, elements}, info: …}`; `changed(name)` is told what is open. */
  constructor(bodies, changed) {
    this.bodies = bodies;
    this.changed = changed;
    this.open = null;
    this.opener = null;
    this.title = el('h2', { id: 'panel-title', tabindex: '-1' });
    this.body = el('div', { class: 'body' });
    this.element = el('aside', { class: 'panel', 'aria-labelledby': 'panel-title', hidden: true, onkeydown: (event) => this.key(event) },
      el('div', { class: 'panel-head' }, this.title,
        el('button', { class: 'icon-button', type: 'button', 'aria-label': 'Close panel', title: 'Close', onclick: () => this.show(null) }, icon('close'))),
      this.body);
  }

  /** Other bodies under the same names. */
  replace(bodies) {
    Object.assign(this.bodies, bodies);
    if (this.open in bodies) this.body.replaceChildren(...bodies[this.open].elements);
  }

  toggle(name) {
    this.show(this.open === name ? null : name);
  }

  show(name) {
    if (name === this.open) return;
    const inside = this.element.contains(document.activeElement);
    if (this.open === null) this.opener = document.activeElement;
    this.open = name;
    this.element.hidden = name === null;
    if (name !== null) {
      setText(this.title, this.bodies[name].title);
      this.body.replaceChildren(...this.bodies[name].elements);
      this.title.focus();
    } else if (inside) {
      this.opener?.focus();
    }
    this.changed(name);
  }

  key(event) {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    event.preventDefault();
    this.show(null);
  }
}
