/**
 * Building elements. Text goes in as text nodes alone, so that no name or subject can become markup
 * (S12); there is no way to hand over HTML.
 */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * `el('button', { class: 'button', 'aria-label': 'Mute', onclick: mute }, 'Mute')`.
 * `true` sets an empty attribute; `false`, `null` and `undefined` set none.
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

/** An icon of the sprite; decorative, so the control around it carries the label. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `/shared/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** Changes which icon an `icon()` shows; untouched when it shows it already. */
export function setIcon(svg, name) {
  const href = `/shared/icons.svg#${name}`;
  const use = svg.firstElementChild;
  if (use.getAttribute('href') !== href) use.setAttribute('href', href);
}

/** Replaces the only content of an element by text, and only if it differs (for live regions). */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
