/**
 * Messages as elements. Others' HTML is parsed in a document of its own, where nothing runs or loads, and
 * built anew from a list of what is allowed (S12); none of its nodes and attributes come into the page.
 */
import { pieces, safeAddress } from './chat-text.js';
import { el } from './dom.js';

/** What an element becomes. Headings would disturb those of the page. */
const ALLOWED = {
  b: 'b', strong: 'strong', i: 'i', em: 'em', u: 'u', s: 's', strike: 's', del: 's', sub: 'sub', sup: 'sup', code: 'code', pre: 'pre',
  blockquote: 'blockquote', p: 'p', div: 'div', span: 'span', ul: 'ul', ol: 'ol', li: 'li', table: 'table', tbody: 'tbody', tr: 'tr', td: 'td',
  th: 'td', h1: 'p', h2: 'p', h3: 'p', h4: 'p', h5: 'p', h6: 'p',
};
/** What they hold is no text. */
const WITHOUT_TEXT = new Set(['script', 'style', 'template', 'iframe', 'object', 'noscript', 'textarea', 'title', 'svg', 'math']);
/** Deeper is nothing that anybody writes. */
const DEEPEST = 40;

/** A link that cannot reach back into this page, nor tell where it came from. */
function link(href, ...children) {
  return el('a', { href, target: '_blank', rel: 'noopener noreferrer' }, ...children);
}

/** Plain text with its links; lines are kept by the style sheet. */
export function textNodes(text) {
  return pieces(text).map((piece) => (piece.href ? link(piece.href, piece.text) : piece.text));
}

/** Says where a link really goes when its words name another place. */
function linkOf(anchor, depth) {
  const href = safeAddress(anchor.getAttribute('href') ?? '');
  const children = nodesOf(anchor, depth, true);
  if (!href) return children;
  const words = anchor.textContent.trim();
  const { host } = new URL(href);
  const named = /^(?:https?:\/\/)?([^\s/?#]+\.[^\s/?#]+)/i.exec(words)?.[1]?.toLowerCase();
  const made = link(href, ...children);
  made.title = href;
  return named && named !== host ? [made, ` (${host})`] : [made];
}

function nodesOf(parent, depth, inLink) {
  const nodes = [];
  for (const child of parent.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) nodes.push(...(inLink ? [child.data] : textNodes(child.data)));
    else if (child.nodeType === Node.ELEMENT_NODE) nodes.push(...elementsOf(child, depth + 1, inLink));
  }
  return nodes;
}

function elementsOf(element, depth, inLink) {
  const name = element.localName;
  if (WITHOUT_TEXT.has(name)) return [];
  if (name === 'br') return [el('br')];
  if (name === 'hr') return [el('hr')];
  if (depth > DEEPEST) return [element.textContent];
  if (name === 'a' && !inLink) return linkOf(element, depth);
  const children = nodesOf(element, depth, inLink);
  const tag = Object.hasOwn(ALLOWED, name) ? ALLOWED[name] : undefined;
  return tag ? [el(tag, {}, ...children)] : children;
}

/** Others' HTML, as the service gives it. */
export function htmlNodes(html) {
  return nodesOf(new DOMParser().parseFromString(html, 'text/html').body, 0, false);
}

/** Only its words, for notices. */
export function htmlText(html) {
  return el('div', {}, ...htmlNodes(html)).textContent;
}
