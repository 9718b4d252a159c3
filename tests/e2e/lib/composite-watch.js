// Runs in a page of Microsoft's composite before anything else: keeps which of its pages were shown, in order,
// and every notice, also those that stand for a moment only.
addEventListener('DOMContentLoaded', () => {
  const seen = { pages: [], notices: new Set() };
  window.__composite = seen;
  new MutationObserver(() => {
    const page = document.querySelector('[data-ui-id$="-page"]')?.dataset.uiId;
    if (page && seen.pages.at(-1) !== page) seen.pages.push(page);
    for (const bar of document.querySelectorAll('[data-ui-id="notification-bar"]')) seen.notices.add(bar.innerText.replace(/\s+/g, ' ').trim());
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
});
