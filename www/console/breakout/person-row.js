/**
 * One person in the list of a room: dragged by the mouse, or sent to another room with the select beside
 * the name, which keyboards, screen readers and fingers use.
 */
import { avatar, setAvatar } from '/shared/avatar.js';
import { el, setText } from '/shared/dom.js';

/** What a dragged person is, so that nothing else is taken for one. */
export const DRAGGED = 'application/x-plenary-person';
const NOWHERE = '';

export class PersonRow {
  /** `move(id, roomId or null)` assigns. */
  constructor(id, move) {
    this.id = id;
    this.face = avatar('');
    this.label = el('span', { class: 'who' });
    this.where = el('span', { class: 'where small quiet' });
    this.select = el('select', { class: 'move', onchange: () => move(id, this.select.value || null) });
    this.element = el('li', { 'data-person': id, draggable: 'true' },
      this.face, el('span', { class: 'words' }, this.label, this.where), this.select);
    this.element.addEventListener('dragstart', (event) => {
      event.dataTransfer.setData(DRAGGED, id);
      event.dataTransfer.effectAllowed = 'move';
      this.element.classList.add('dragged');
    });
    this.element.addEventListener('dragend', () => this.element.classList.remove('dragged'));
  }

  /** `rooms` are all of them: where somebody can go. */
  show({ displayName, roomIds, assignedRoomId = null }, rooms) {
    const name = displayName || 'Somebody';
    if (this.label.textContent !== name) setAvatar(this.face, name);
    setText(this.label, name);
    this.select.setAttribute('aria-label', `Room of ${name}`);
    const here = roomIds.map((id) => rooms.find((room) => room.id === id)?.displayName).filter(Boolean);
    const away = roomIds.length > 0 && !roomIds.includes(assignedRoomId);
    setText(this.where, roomIds.length === 0 ? 'in the main meeting' : away ? `in ${here.join(', ')}` : 'in the room');
    const options = [[NOWHERE, 'Not assigned'], ...rooms.map(({ id, displayName: room }) => [id, room])];
    const key = JSON.stringify(options);
    if (key !== this.options) {
      this.options = key;
      this.select.replaceChildren(...options.map(([value, words]) => el('option', { value }, words)));
    }
    this.select.value = assignedRoomId ?? NOWHERE;
  }
}
