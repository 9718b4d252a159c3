/**
 * Keyboard shortcuts of a meeting, and the help that lists them. All need Ctrl (⌘ on a Mac), so that
 * none is hit while typing or by voice input (WCAG 2.1.4).
 */
import { el, icon } from './dom.js';

const mac = /Mac|iPhone|iPad/.test(navigator.platform);
const MODIFIER = mac ? '⌘' : 'Ctrl';

const KEYS = [
  { key: 'd', action: 'microphone', text: 'Microphone on or off' },
  { key: 'e', action: 'camera', text: 'Camera on or off' },
  { key: 'p', shift: true, action: 'people', text: 'Show or hide people' },
  { key: 'c', alt: true, action: 'chat', text: 'Show or hide the chat' },
  { key: 'i', alt: true, action: 'info', text: 'Show or hide information' },
  { key: '/', action: 'help', text: 'This help' },
];

/** Calls `actions[name]()`; an action that is not there leaves the key to the browser. */
export function listenForShortcuts(listeners, actions) {
  listeners.add(document, 'keydown', (event) => {
    if (event.repeat || !(mac ? event.metaKey : event.ctrlKey)) return;
    const found = KEYS.find(({ key, shift = false, alt = false }) =>
      event.key.toLowerCase() === key && event.shiftKey === shift && event.altKey === alt);
    if (!found || !actions[found.action]) return;
    event.preventDefault();
    actions[found.action]();
  });
}

function chord({ key, shift, alt }) {
  const names = [MODIFIER, shift && 'Shift', alt && 'Alt', key.toUpperCase()].filter(Boolean);
  return names.flatMap((name, at) => (at === 0 ? [el('kbd', {}, name)] : [' + ', el('kbd', {}, name)]));
}

/** Opens the help; closing gives the focus back to where it was. */
export function showHelp() {
  if (document.querySelector('dialog.help')) return;
  const dialog = el('dialog', { class: 'help', 'aria-labelledby': 'help-title' },
    el('h2', { id: 'help-title' }, 'Keyboard shortcuts'),
    el('dl', { class: 'keys' }, KEYS.flatMap((entry) => [el('dt', {}, entry.text), el('dd', {}, chord(entry))]),
      el('dt', {}, 'Close a panel or dialog'), el('dd', {}, el('kbd', {}, 'Esc'))),
    el('div', { class: 'row' },
      el('button', { class: 'button primary', type: 'button', autofocus: true, onclick: () => dialog.close() }, 'Close')));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

export function helpButton() {
  return el('button', {
    class: 'icon-button help', type: 'button', 'aria-label': 'Keyboard shortcuts', title: 'Keyboard shortcuts', onclick: showHelp,
  }, icon('help'));
}
