/** A question with two answers, as a modal dialog; the safe answer has the focus. */
import { el } from './dom.js';

let number = 0;

/** Resolves to whether it was confirmed. */
export function confirm({ title, text, action }) {
  number += 1;
  const id = `question-${number}`;
  return new Promise((resolve) => {
    const dialog = el('dialog', { 'aria-labelledby': id, class: 'question' },
      el('h2', { id }, title),
      el('p', { class: 'quiet' }, text),
      el('div', { class: 'row' },
        el('button', { class: 'button', type: 'button', autofocus: true, onclick: () => dialog.close('no') }, 'Cancel'),
        el('button', { class: 'button danger confirm', type: 'button', onclick: () => dialog.close('yes') }, action)));
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
