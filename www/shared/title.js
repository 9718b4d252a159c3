/** The page's title and favicon tell the state, also from another tab. */
const APP = 'Plenary';

export function setTitle(state, { waiting = 0, unread = 0, live = false } = {}) {
  const counts = [waiting > 0 && `${waiting} waiting`, unread > 0 && `${unread} new`].filter(Boolean);
  const count = counts.length > 0 ? `(${counts.join(', ')}) ` : '';
  document.title = state ? `${count}${state} · ${APP}` : `${count}${APP}`;
  const link = document.querySelector('link[rel="icon"]');
  const href = live ? '/shared/favicon-live.svg' : '/shared/favicon.svg';
  if (link && link.getAttribute('href') !== href) link.setAttribute('href', href);
}
