/**
 * Signing in to the development organisation: choose who you are. A real organisation has its identity
 * provider's page here.
 */
import { avatar } from '/shared/avatar.js';
import { el } from '/shared/dom.js';
import { get, post } from '/shared/requests.js';
import { formError } from '/shared/start.js';

export const signInAs = (member) => post('/dev/signIn', { member });

/** `signedIn(session)` is told who it is, with the tokens. */
export function signIn(signedIn) {
  const error = el('p', { class: 'form-error', role: 'alert', hidden: true });
  const list = el('ul', { class: 'members' }, el('li', { class: 'quiet' }, 'Loading…'));
  const element = el('div', { class: 'screen narrow center' },
    el('section', { class: 'card stack sign-in' },
      el('div', { class: 'stack tight' }, el('h1', {}, 'Who are you?'),
        el('p', { class: 'quiet' }, 'These are the members of the development organisation. Choose one to schedule meetings and let guests in.')),
      error, list));

  const choose = async (member, button) => {
    formError(error, '');
    button.disabled = true;
    try {
      signedIn(await signInAs(member.id));
    } catch (failure) {
      formError(error, failure.message);
      button.disabled = false;
    }
  };

  get('/dev/members').then(({ value: members }) => {
    list.replaceChildren(...members.map((member) => {
      const button = el('button', { type: 'button', 'data-member': member.id, onclick: () => choose(member, button) },
        avatar(member.displayName), el('span', {}, member.displayName));
      return el('li', {}, button);
    }));
    if (members.length === 0) list.replaceChildren(el('li', { class: 'quiet' }, 'The organisation has no members.'));
  }, (failure) => {
    list.replaceChildren();
    formError(error, failure.message);
  });
  return element;
}
