/** The form of a guest: name, and where the page was opened without a link, which meeting. */
import { el } from '/shared/dom.js';
import { formError } from '/shared/start.js';
import { locatorFrom } from './link.js';

const NAME = 'plenary.name';

function remembered() {
  try {
    return localStorage.getItem(NAME) ?? '';
  } catch {
    return '';
  }
}

function remember(name) {
  try {
    localStorage.setItem(NAME, name);
  } catch {
    // Then it is typed again next time.
  }
}

export class JoinForm {
  /** `link` of the page or null; `join({name, locator})` may reject, `named(name)` follows typing. */
  constructor({ link, name, join, named }) {
    this.link = link;
    this.join = join;
    this.error = el('p', { class: 'form-error', role: 'alert', hidden: true });
    this.name = el('input', {
      id: 'name', name: 'name', autocomplete: 'name', required: true, maxlength: '64', spellcheck: 'false', oninput: () => named(this.name.value.trim()),
    });
    this.name.value = name ?? remembered();
    this.where = el('input', { id: 'meeting', name: 'meeting', autocomplete: 'off', spellcheck: 'false', required: true, oninput: () => this.wantPasscode() });
    this.passcode = el('input', { id: 'passcode', name: 'passcode', autocomplete: 'off', spellcheck: 'false' });
    this.passcodeField = el('div', { class: 'field', hidden: true }, el('label', { for: 'passcode' }, 'Passcode'), this.passcode);
    this.button = el('button', { class: 'button primary wide join', type: 'submit' }, 'Join');
    this.element = el('form', { class: 'card stack', onsubmit: (event) => this.submit(event) },
      el('div', { class: 'stack tight' },
        el('h1', { tabindex: '-1' }, link ? 'Join the meeting' : 'Join a meeting'),
        el('p', { class: 'quiet' }, 'Somebody in the meeting may have to let you in first.')),
      this.error,
      !link && el('div', { class: 'field' }, el('label', { for: 'meeting' }, 'Meeting link or id'), this.where),
      !link && this.passcodeField,
      el('div', { class: 'field' }, el('label', { for: 'name' }, 'Your name'), this.name),
      this.button);
    named(this.name.value.trim());
  }

  wantPasscode() {
    this.passcodeField.hidden = !/^[\d\s]+$/.test(this.where.value);
  }

  async submit(event) {
    event.preventDefault();
    const name = this.name.value.trim();
    if (!name) {
      formError(this.error, 'Enter your name, so that the others know who you are.');
      this.name.focus();
      return;
    }
    const locator = this.link ? { meetingLink: this.link } : locatorFrom(this.where.value, this.passcode.value);
    if (!locator) {
      formError(this.error, 'This is no meeting link and no meeting id. Copy the link whole, or enter the digits of the id.');
      this.where.focus();
      return;
    }
    remember(name);
    formError(this.error, '');
    this.button.disabled = true;
    this.button.textContent = 'Joining…';
    try {
      await this.join({ name, locator });
    } catch (error) {
      const numbers = error.code === undefined ? '' : ` [${error.code}/${error.subCode ?? 0}]`;
      formError(this.error, `${error.message ?? 'Joining failed.'}${numbers}`);
    } finally {
      this.button.disabled = false;
      this.button.textContent = 'Join';
    }
  }
}
