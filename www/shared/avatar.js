/** Initials on a colour that a name always gets again. */
import { el } from './dom.js';

const letters = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

function first(word) {
  for (const { segment } of letters.segment(word)) return segment.toLocaleUpperCase();
  return '';
}

/** What stands in brackets, such as "(External)" (A3) or "(you)", is no part of a name. */
const bare = (name) => name.replace(/\([^)]*\)/g, ' ').trim();

/** Up to two letters. */
export function initials(name) {
  const words = bare(name).split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
  if (words.length === 0) return '?';
  const last = words.length > 1 ? first(words[words.length - 1]) : '';
  return first(words[0]) + last;
}

function hue(name) {
  let sum = 0;
  for (const letter of bare(name)) sum = (sum * 31 + letter.codePointAt(0)) % 360;
  return sum;
}

export function avatar(name) {
  const element = el('span', { class: 'avatar', 'aria-hidden': 'true' });
  setAvatar(element, name);
  return element;
}

export function setAvatar(element, name) {
  element.textContent = initials(name);
  element.style.setProperty('--hue', String(hue(name)));
}
