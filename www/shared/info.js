/** Facts about the call and what went wrong, for whoever helps: ids, state, log of problems. */
import { el } from './dom.js';
import { Listeners } from './listeners.js';

/** The list of a `Problems`, kept current until `listeners` is disposed. */
export function problemList(problems, listeners) {
  const list = el('ol', { class: 'problems' });
  const show = () => {
    const rows = problems.entries.map(({ at, text }) => el('li', {},
      el('time', { datetime: at.toISOString() }, at.toLocaleTimeString()), el('span', {}, text)));
    list.replaceChildren(...(rows.length > 0 ? rows : [el('li', { class: 'quiet' }, 'Nothing went wrong so far.')]));
  };
  listeners.add(problems, 'change', show);
  show();
  return list;
}

export class Info {
  constructor(call, problems) {
    this.call = call;
    this.listeners = new Listeners();
    this.facts = el('dl', { class: 'facts' });
    this.element = el('div', { class: 'stack' },
      el('section', { class: 'stack tight' }, el('h3', {}, 'This call'), this.facts),
      el('section', { class: 'stack tight' }, el('h3', {}, 'What happened'), problemList(problems, this.listeners)));
    for (const event of ['stateChanged', 'idChanged', 'roleChanged']) this.listeners.add(call, event, () => this.show());
    this.show();
  }

  show() {
    const { call } = this;
    const facts = [['State', call.state], ['Role', call.role], ['Call', call.id], ['You', call.info?.participantId], ['Thread', call.info?.threadId]];
    this.facts.replaceChildren(...facts.filter(([, value]) => value).flatMap(([name, value]) => [el('dt', {}, name), el('dd', { class: 'code' }, value)]));
  }

  dispose() {
    this.listeners.dispose();
    this.element.remove();
  }
}
