// Runs in a page of Microsoft's composite before anything else: keeps which of its pages were shown, in order,
// also those that stand for a moment only.
addEventListener('DOMContentLoaded', () => {
  const pages = [];
  window.__composite = { pages };
  new MutationObserver(() => {
    const page = document.querySelector('[data-ui-id$="-page"]')?.dataset.uiId;
    if (page && pages.at(-1) !== page) pages.push(page);
  }).observe(document.body, { childList: true, subtree: true });
});
