/**
 * The join link of this page. Its passcode does not stay in the address bar, where history, copies of
 * the screen and analytics would keep it (CVE-2026-48007); a reload finds it in this tab's storage.
 */
const kept = (path) => `plenary.link:${path}`;

/** The link that this page was opened with, or null. */
export function takeLink() {
  if (!location.pathname.startsWith('/meet/') && !location.pathname.startsWith('/l/meetup-join/')) return null;
  const link = location.href;
  try {
    if (!location.search) return sessionStorage.getItem(kept(location.pathname)) ?? link;
    sessionStorage.setItem(kept(location.pathname), link);
  } catch {
    // No storage: the address stays, so that a reload works.
    return link;
  }
  history.replaceState(null, '', location.pathname);
  return link;
}

/** What somebody typed: a link, or an id with its passcode. `null` when it is neither. */
export function locatorFrom(text, passcode) {
  const typed = text.trim();
  if (/^[\d\s]{6,}$/.test(typed)) return { meetingId: typed.replace(/\s+/g, ''), ...(passcode.trim() ? { passcode: passcode.trim() } : {}) };
  if (URL.canParse(typed) && /^https?:$/.test(new URL(typed).protocol)) return { meetingLink: typed };
  return null;
}
