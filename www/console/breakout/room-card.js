/** One room, or those who are in none: its state, its people, and what can be done with it. */
import { confirm } from '/shared/dialog.js';
import { el, icon, setIcon, setText } from '/shared/dom.js';
import { DRAGGED } from './person-row.js';

function iconButton(name, picture, act) {
  return el('button', { class: `icon-button ${name}`, type: 'button', onclick: act }, icon(picture));
}

function label(button, words) {
  button.setAttribute('aria-label', words);
  button.title = words;
}

export class RoomCard {
  /** `room` null: those who are assigned nowhere. `actions`: `{store, visit(room), dropped(person, roomId)}`. */
  constructor(room, { store, visit, dropped }) {
    this.store = store;
    this.id = room?.id ?? null;
    this.name = el('h3', {});
    this.state = el('span', { class: 'chip' });
    this.list = el('ul', { class: 'people-list' });
    this.nobody = el('p', { class: 'small quiet nobody' }, room ? 'Nobody is assigned.' : 'Everybody is assigned.');
    this.absent = el('p', { class: 'small quiet' });
    this.head = el('div', { class: 'card-head' }, el('div', { class: 'name-row' }, this.name, this.state));
    this.element = el('section', { class: room ? 'room' : 'room unassigned', ...(room && { 'data-room': room.id }) },
      this.head, this.list, this.nobody, this.absent);
    if (room) this.addActions(visit);
    else {
      setText(this.name, 'Not assigned');
      this.element.setAttribute('aria-label', 'Not assigned');
      this.state.hidden = true;
    }
    this.takeDrops(dropped);
  }

  addActions(visit) {
    this.visit = el('button', { class: 'button compact visit', type: 'button', onclick: () => visit(this.room) }, 'Join');
    this.toggle = el('button', { class: 'button compact toggle', type: 'button', onclick: () => this.switch() });
    this.rename = iconButton('rename', 'pencil', () => this.edit());
    this.remove = iconButton('delete', 'bin', () => this.delete());
    this.head.append(el('div', { class: 'actions' }, this.visit, this.toggle, this.rename, this.remove));
    this.input = el('input', { maxlength: '256', autocomplete: 'off' });
    this.form = el('form', { class: 'link-row rename-form', hidden: true, onsubmit: (event) => this.renamed(event) },
      this.input, el('button', { class: 'button compact', type: 'submit' }, icon('check'), el('span', { class: 'only-read' }, 'Save the name')));
    this.form.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.preventDefault();
      this.endEdit();
    });
    this.head.after(this.form);
  }

  takeDrops(dropped) {
    const { element } = this;
    const isPerson = (event) => event.dataTransfer.types.includes(DRAGGED);
    element.addEventListener('dragover', (event) => {
      if (!isPerson(event)) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = 'move';
      element.classList.add('target');
    });
    element.addEventListener('dragleave', (event) => {
      if (!element.contains(event.relatedTarget)) element.classList.remove('target');
    });
    element.addEventListener('drop', (event) => {
      element.classList.remove('target');
      if (!isPerson(event)) return;
      event.preventDefault();
      dropped(event.dataTransfer.getData(DRAGGED), this.id);
    });
  }

  /** `rows` are the elements of its people, in order; `missing` how many of them are not in the meeting. */
  show(room, rows, missing) {
    this.room = room;
    const focused = document.activeElement;
    // Moving an element takes the focus off it: only what is wrong is moved.
    rows.forEach((row, at) => { if (this.list.children[at] !== row) this.list.insertBefore(row, this.list.children[at] ?? null); });
    if (focused !== document.activeElement && this.list.contains(focused)) focused.focus();
    this.nobody.hidden = rows.length + missing > 0;
    this.absent.hidden = missing === 0;
    setText(this.absent, missing === 1 ? 'One more person who is not in the meeting.' : `${missing} more people who are not in the meeting.`);
    if (!room) return;
    const open = room.state === 'open';
    setText(this.name, room.displayName);
    this.element.setAttribute('aria-label', room.displayName);
    setText(this.state, open ? `Open · ${room.participants.length} in it` : 'Closed');
    this.state.classList.toggle('open', open);
    setText(this.toggle, open ? 'Close' : 'Open');
    label(this.toggle, `${open ? 'Close' : 'Open'} ${room.displayName}`);
    label(this.visit, `Join ${room.displayName}`);
    label(this.rename, `Rename ${room.displayName}`);
    label(this.remove, `Delete ${room.displayName}`);
    this.input.setAttribute('aria-label', `Name of ${room.displayName}`);
    this.visit.hidden = !open;
  }

  switch() {
    const open = this.room.state === 'open';
    return open ? this.store.close([this.id]) : this.store.open([this.id]);
  }

  edit() {
    const editing = this.form.hidden;
    if (!editing) return this.endEdit();
    this.form.hidden = false;
    setIcon(this.rename.firstElementChild, 'close');
    this.input.value = this.room.displayName;
    this.input.select();
    this.input.focus();
    this.form.scrollIntoView({ block: 'nearest' });
  }

  endEdit() {
    this.form.hidden = true;
    setIcon(this.rename.firstElementChild, 'pencil');
    this.rename.focus();
  }

  async renamed(event) {
    event.preventDefault();
    const name = this.input.value.trim();
    if (name === this.room.displayName || await this.store.rename(this.id, name)) this.endEdit();
    else this.input.focus();
  }

  async delete() {
    const { displayName, participants } = this.room;
    const inside = participants.length;
    const sure = inside === 0 || await confirm({
      title: `Delete ${displayName}?`, action: 'Delete',
      text: `${inside === 1 ? 'The person in it goes' : `The ${inside} people in it go`} back to the main meeting first.`,
    });
    if (sure) await this.store.remove(this.id);
  }
}
