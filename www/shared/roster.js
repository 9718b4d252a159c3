/** Who is in the meeting, as a list; with a button to remove somebody for those who may (C2). */
import { avatar } from './avatar.js';
import { confirm } from './dialog.js';
import { el, icon } from './dom.js';
import { Listeners } from './listeners.js';

export class Roster {
  constructor({ call, people, media, selfName, mayRemove, problems }) {
    Object.assign(this, { call, people, media, selfName, mayRemove, problems });
    this.listeners = new Listeners();
    this.rows = new Map();
    this.title = el('h3', {});
    this.self = this.row(`${selfName} (you)`);
    this.list = el('ul', { class: 'people-list roster' }, this.self.element);
    this.element = el('section', { class: 'stack tight', 'aria-label': 'In the meeting' }, this.title, this.list);
    for (const event of ['joined', 'changed']) this.listeners.add(people, event, ({ detail }) => this.show(detail));
    this.listeners.add(people, 'left', ({ detail }) => this.drop(detail));
    this.listeners.add(media, 'change', () => this.showSelf());
    people.list.forEach((person) => this.show(person));
    this.showSelf();
    this.count();
  }

  row(name, remove) {
    const label = el('span', { class: 'who' }, name);
    const microphone = icon('mic');
    const camera = icon('camera');
    const words = el('span', { class: 'only-read' });
    const element = el('li', {}, avatar(name), label, el('span', { class: 'state' }, camera, microphone, words), remove);
    return { element, label, microphone, camera, words };
  }

  show(person) {
    let row = this.rows.get(person.id);
    if (!row || row.name !== person.name) {
      const fresh = this.row(person.name, this.mayRemove() && this.removeButton(person));
      if (row) row.element.replaceWith(fresh.element);
      else this.list.append(fresh.element);
      row = { ...fresh, name: person.name };
      row.element.dataset.person = person.id;
      this.rows.set(person.id, row);
      this.count();
    }
    this.mark(row, person.muted, person.stream !== null, person.speaking);
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
