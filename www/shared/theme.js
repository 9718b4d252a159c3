/** The light/dark toggle. Without a choice the system's preference holds. */
import { el, icon, setIcon } from './dom.js';

const KEY = 'plenary.theme';
const dark = matchMedia('(prefers-color-scheme: dark)');

function current() {
  return document.documentElement.dataset.theme ?? (dark.matches ? 'dark' : 'light');
}

function choose(theme) {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Storage is blocked: the choice lasts as long as the page.
  }
  document.dispatchEvent(new Event('themechange'));
}

/** A button that switches, until `listeners` is disposed; all of them on a page agree. */
export function themeButton(listeners) {
  const picture = icon('moon');
  const button = el('button', { class: 'icon-button theme', type: 'button', onclick: () => choose(current() === 'dark' ? 'light' : 'dark') }, picture);
  const show = () => {
    const other = current() === 'dark' ? 'light' : 'dark';
    setIcon(picture, other === 'dark' ? 'moon' : 'sun');
    button.setAttribute('aria-label', `Use the ${other} theme`);
    button.title = `Use the ${other} theme`;
  };
  listeners.add(document, 'themechange', show);
  listeners.add(dark, 'change', show);
  show();
  return button;
}
