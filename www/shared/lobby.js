/** Who waits to be let in (B5), with Admit and Reject; for members who may. */
import { avatar } from './avatar.js';
import { el } from './dom.js';
import { Listeners } from './listeners.js';
import { rawId } from './raw-id.js';

export class Lobby extends EventTarget {
  constructor(call, problems) {
    super();
    this.lobby = call.lobby;
    this.problems = problems;
    this.listeners = new Listeners();
    this.rows = new Map();
    this.title = el('h3', {});
    this.all = el('button', { class: 'button compact primary admit-all', type: 'button', onclick: () => this.admitAll() }, 'Admit all');
    this.list = el('ul', { class: 'people-list waiting-list' });
    this.element = el('section', { class: 'lobby', 'aria-label': 'Waiting to be let in', hidden: true },
      el('div', { class: 'row spread' }, this.title, this.all), this.list);
    if (!this.lobby) return;
    this.listeners.add(this.lobby, 'lobbyParticipantsUpdated', ({ added, removed }) => {
      removed.forEach((participant) => this.drop(participant));
      added.forEach((participant) => this.add(participant));
    });
    this.lobby.participants.forEach((participant) => this.add(participant));
  }

  /** Names of those who wait, in the order of coming. */
  get waiting() {
    return [...this.rows.values()];
  }

  add(participant) {
    const id = rawId(participant.identifier);
    if (this.rows.has(id)) return;
    const name = participant.displayName || 'Somebody';
    const row = { id, name, participant };
    row.buttons = [
      el('button', { class: 'button compact primary admit', type: 'button', 'aria-label': `Admit ${name}`, onclick: () => this.answer(row, 'admit', `${name} could not be let in`) }, 'Admit'),
      el('button', { class: 'button compact plain reject', type: 'button', 'aria-label': `Reject ${name}`, onclick: () => this.answer(row, 'reject', `${name} could not be turned down`) }, 'Reject'),
    ];
    row.element = el('li', { 'data-person': id }, avatar(name), el('span', { class: 'who' }, name), el('span', { class: 'actions' }, row.buttons));
    this.rows.set(id, row);
    this.list.append(row.element);
    this.changed('came', row);
  }

  drop(participant) {
    const row = this.rows.get(rawId(participant.identifier));
    if (!row) return;
    const focused = row.element.contains(document.activeElement);
    row.element.remove();
    this.rows.delete(row.id);
    this.changed('gone', row);
    // The pressed button is gone: keyboard users go on with the next in line.
    if (focused) this.list.querySelector('button')?.focus();
  }

  /** `action` is `admit` or `reject`. */
  async answer(row, action, sentence) {
    row.buttons.forEach((button) => { button.disabled = true; });
    try {
      await this.lobby[action](row.participant.identifier);
    } catch (error) {
      row.buttons.forEach((button) => { button.disabled = false; });
      this.problems.add(sentence, error);
    }
  }

  async admitAll() {
    this.all.disabled = true;
    try {
      const { failureCount } = await this.lobby.admitAll();
      if (failureCount > 0) this.problems.add(`${failureCount} of those who wait could not be let in`);
    } catch (error) {
      this.problems.add('Those who wait could not be let in', error);
    } finally {
      this.all.disabled = false;
    }
  }

  changed(type, row) {
    this.title.textContent = `In the lobby (${this.rows.size})`;
    this.all.hidden = this.rows.size < 2;
    this.element.hidden = this.rows.size === 0;
    this.dispatchEvent(new CustomEvent(type, { detail: row }));
  }

  dispose() {
    this.listeners.dispose();
    this.element.remove();
  }
}
