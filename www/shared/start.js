/** What both pages do first: look whether this browser can, and put the parts of the page together. */
import { Announcer } from './announce.js';
import { Listeners } from './listeners.js';
import { Problems } from './problems.js';
import { missing } from './support.js';
import { themeButton } from './theme.js';
import { helpButton } from './shortcuts.js';
import { el, icon } from './dom.js';

/** Gives `{main, announce, problems, show}`, or nothing when the browser cannot; then the page says why. */
export function start() {
  const main = document.getElementById('main');
  const top = document.querySelector('.top');
  top.append(helpButton(), themeButton(new Listeners()));
  const announce = new Announcer(document.getElementById('announcements'));
  const problems = new Problems();
  const reason = missing();
  if (reason) {
    main.replaceChildren(el('div', { class: 'screen narrow center' },
      el('section', { class: 'card end unsupported' },
        el('span', { class: 'sign bad', 'aria-hidden': 'true' }, icon('warning')),
        el('h1', {}, 'This does not work here'), el('p', {}, reason))));
    return null;
  }
  const show = (element, { meeting = false } = {}) => {
    document.body.classList.toggle('in-meeting', meeting);
    top.hidden = meeting;
    main.replaceChildren(element);
    scrollTo(0, 0);
  };
  return { main, announce, problems, show };
}

/** An error above a form; empty text takes it away. */
export function formError(place, text) {
  place.replaceChildren(...(text ? [icon('warning'), el('span', {}, text)] : []));
  place.hidden = !text;
}
