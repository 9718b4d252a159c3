// The width of a small phone.

import assert from 'node:assert/strict';

const PHONE = { width: 360, height: 720 };

/** On a phone nothing of the page lies beside the screen, and nothing has to be scrolled sideways to. */
export async function fitsAPhone({ name, page }, screen) {
  const before = page.viewportSize();
  await page.setViewportSize(PHONE);
  const beside = await page.evaluate(async () => {
    // Tiles and bars are laid out by what observes sizes, a frame later.
    for (let frames = 0; frames < 3; frames += 1) await new Promise(requestAnimationFrame);
    const outside = [...document.querySelectorAll('body *')].filter((element) => {
      const { left, right, width, height } = element.getBoundingClientRect();
      return width > 1 && height > 1 && element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && (left < -0.5 || right > innerWidth + 0.5);
    });
    const names = outside.map((element) => `${element.localName}.${element.className.baseVal ?? element.className}`);
    return { wider: document.documentElement.scrollWidth - innerWidth, names };
  });
  assert.deepEqual(beside, { wider: 0, names: [] }, `${name}'s page on a phone: ${screen}`);
  await page.setViewportSize(before);
}
