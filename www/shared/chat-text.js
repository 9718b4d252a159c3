/** What is written in chat, as pure text: how long it may be, and what in it is a link. No DOM. */

/** The service's default bound of one message (`message_bytes`); it has the last word. */
export const MOST_BYTES = 28 * 1024;
/** From here on it is said how much is left. */
const NEARLY_BYTES = 24 * 1024;

const encoder = new TextEncoder();

/** What to say of a text's length: nothing while it is far from the bound. */
export function lengthNote(text) {
  // Cheap first: no text is more than three bytes a unit.
  if (text.length * 3 < NEARLY_BYTES) return { tooLong: false, note: '' };
  const bytes = encoder.encode(text).length;
  if (bytes > MOST_BYTES) {
    return { tooLong: true, note: `This is too long by ${Math.ceil((bytes - MOST_BYTES) / 1024)} KB. A message has at most ${MOST_BYTES / 1024} KB: make two of it.` };
  }
  return { tooLong: false, note: bytes < NEARLY_BYTES ? '' : `${Math.floor((MOST_BYTES - bytes) / 1024)} KB left.` };
}

/** The address of a link that may be followed: http and https alone (CVE-2026-47733). */
export function safeAddress(text) {
  if (!URL.canParse(text)) return undefined;
  const { protocol, href, username, password } = new URL(text);
  // A name before the host is there to look like another host.
  return /^https?:$/.test(protocol) && !username && !password ? href : undefined;
}

const ADDRESS = /\bhttps?:\/\/[^\s<>"'`]+/gi;
const CLOSING = { ')': '(', ']': '[', '}': '{' };

/** Without the punctuation of the sentence that the address stands in. */
function trimmed(address) {
  let end = address.length;
  for (; end > 0; end -= 1) {
    const last = address[end - 1];
    const opening = CLOSING[last];
    const inside = address.slice(0, end);
    const unopened = opening && inside.split(last).length > inside.split(opening).length;
    if (!/[.,;:!?*_~…]/.test(last) && !unopened) break;
  }
  return address.slice(0, end);
}

/** A text in pieces, in order: `{text}` or `{text, href}`. */
export function pieces(text) {
  const found = [];
  let done = 0;
  for (const { 0: match, index } of text.matchAll(ADDRESS)) {
    const address = trimmed(match);
    const href = safeAddress(address);
    if (!href) continue;
    if (index > done) found.push({ text: text.slice(done, index) });
    found.push({ text: address, href });
    done = index + address.length;
  }
  if (done < text.length) found.push({ text: text.slice(done) });
  return found;
}

/** One line of a message for a notice. */
export function snippet(text, most = 90) {
  const line = text.replace(/\s+/g, ' ').trim();
  const letters = [...line];
  return letters.length > most ? `${letters.slice(0, most - 1).join('')}…` : line;
}

/** "Ada", "Ada and Bea", "Ada, Bea and 3 more". */
export function nameList(names) {
  if (names.length < 3) return names.join(' and ');
  if (names.length === 3) return `${names[0]}, ${names[1]} and ${names[2]}`;
  return `${names[0]}, ${names[1]} and ${names.length - 2} more`;
}
