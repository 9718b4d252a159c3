/** Where messages are written, and one's own are changed. */
import { lengthNote } from './chat-text.js';
import { el, icon, setText } from './dom.js';

/** With a keyboard on the screen Enter is the only way to a new line. */
const touch = () => matchMedia('(hover: none) and (pointer: coarse)').matches;

export class Composer {
  /** `send(text)`, `save(entry, text)` may reject; `types()`; `editLast()` gives the entry to change, if any. */
  constructor({ send, save, types, editLast }) {
    Object.assign(this, { send, save, types, editLast });
    this.entry = null;
    /** What was being written when an edit began. */
    this.before = '';
    this.text = el('textarea', {
      id: 'chat-message', rows: '1', placeholder: 'Write a message', autocomplete: 'off', dir: 'auto', enterkeyhint: touch() ? 'enter' : 'send',
      'aria-describedby': 'chat-keys chat-length', oninput: () => this.input(), onkeydown: (event) => this.key(event),
    });
    this.button = el('button', { class: 'icon-button send', type: 'submit', 'aria-label': 'Send', title: 'Send' }, icon('send'));
    this.note = el('p', { class: 'length small', id: 'chat-length', role: 'status' });
    this.error = el('p', { class: 'form-error', role: 'alert', hidden: true });
    this.editing = el('div', { class: 'editing', hidden: true }, icon('pencil'), el('span', {}, 'Changing your message'),
      el('button', { class: 'button compact plain cancel', type: 'button', onclick: () => this.cancel() }, 'Cancel'));
    this.element = el('form', { class: 'composer', onsubmit: (event) => this.submit(event) }, this.editing, this.error,
      el('div', { class: 'write' }, el('label', { class: 'only-read', for: 'chat-message' }, 'Message'), this.text, this.button),
      el('span', { class: 'only-read', id: 'chat-keys' }, touch() ? '' : 'Enter sends, Shift and Enter makes a new line.'), this.note);
    this.typed();
  }

  typed() {
    const { tooLong, note } = lengthNote(this.text.value);
    setText(this.note, note);
    this.note.classList.toggle('too-long', tooLong);
    this.text.setAttribute('aria-invalid', String(tooLong));
    this.button.disabled = tooLong || this.text.value.trim() === '';
    this.grow();
  }

  input() {
    this.typed();
    if (this.text.value !== '' && !this.entry) this.types();
  }

  /** As high as its text, up to the style sheet's bound. */
  grow() {
    this.text.style.height = 'auto';
    const { offsetHeight, clientHeight, scrollHeight } = this.text;
    if (scrollHeight > 0) this.text.style.height = `${scrollHeight + offsetHeight - clientHeight}px`;
  }

  key(event) {
    // An input method's Enter chooses a word.
    if (event.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey && !touch()) {
      event.preventDefault();
      this.element.requestSubmit();
    } else if (event.key === 'Escape' && this.entry) {
      event.preventDefault();
      this.cancel();
    } else if (event.key === 'ArrowUp' && this.text.value === '' && !this.entry) {
      const last = this.editLast();
      if (!last) return;
      event.preventDefault();
      this.edit(last);
    }
  }

  /** Changes a message instead of writing one. */
  edit(entry) {
    if (!this.entry) this.before = this.text.value;
    this.entry = entry;
    this.show(entry.text);
    this.text.focus();
  }

  cancel() {
    if (!this.entry) return;
    this.entry = null;
    this.show(this.before);
    this.text.focus();
  }

  show(text) {
    this.text.value = text;
    this.editing.hidden = !this.entry;
    this.complain('');
    this.button.setAttribute('aria-label', this.entry ? 'Save' : 'Send');
    this.button.title = this.entry ? 'Save' : 'Send';
    this.typed();
  }

  complain(text) {
    setText(this.error, text);
    this.error.hidden = !text;
  }

  async submit(event) {
    event.preventDefault();
    const text = this.text.value.trim();
    if (text === '' || lengthNote(text).tooLong) return;
    const { entry } = this;
    if (!entry) {
      this.show('');
      this.send(text);
      return;
    }
    if (text !== entry.text) {
      this.button.disabled = true;
      try {
        await this.save(entry, text);
      } catch (error) {
        this.button.disabled = false;
        if (this.entry === entry) this.complain(`Not changed. ${error.message}`);
        return;
      }
    }
    if (this.entry === entry) this.cancel();
  }

  /** Another chat: what is being written belongs to the one before. Gives it, and takes the new one's. */
  swap(text = '') {
    const held = this.entry ? this.before : this.text.value;
    this.entry = null;
    this.show(text);
    return held;
  }
}
