/** Bars above the stage: one per subject, replaced when the subject changes. */
import { el, icon } from './dom.js';

export class Notices {
  constructor() {
    this.shown = new Map();
    this.element = el('div', { class: 'notices' });
  }

  /** `buttons`: `[{text, act, primary}]`. */
  show(subject, text, { warn = false, busy = false, iconName = warn ? 'warning' : 'info', buttons = [] } = {}) {
    const bar = el('div', { class: warn ? `notice warn ${subject}` : `notice ${subject}`, role: warn ? 'alert' : 'status' },
      busy ? el('span', { class: 'spinner', 'aria-hidden': 'true' }) : icon(iconName),
      el('span', { class: 'text' }, text),
      buttons.map(({ text: words, act, primary }) =>
        el('button', { class: primary ? 'button primary' : 'button', type: 'button', onclick: act }, words)));
    const before = this.shown.get(subject);
    if (before) before.replaceWith(bar);
    else this.element.append(bar);
    this.shown.set(subject, bar);
  }

  hide(subject) {
    this.shown.get(subject)?.remove();
    this.shown.delete(subject);
  }
}
