// A page against axe's rules: WCAG 2.2 A and AA, and best practice.

import { fileURLToPath } from 'node:url';
import { until } from './until.mjs';

/** It comes in by an init script: the pages' content security policy lets no other script in. */
export const AXE = fileURLToPath(new URL('../node_modules/axe-core/axe.min.js', import.meta.url));
const RULES = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** What breaks a rule, a line each. */
export const violations = (page) => page.evaluate(async (rules) => {
  const found = await window.axe.run({ runOnly: rules });
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(', ')}`);
}, RULES);

/** In light or dark. Colours change over a moment: what is in between is nobody's. */
export async function coloured(page, colorScheme) {
  await page.emulateMedia({ colorScheme });
  await until('colours are at rest', () => page.evaluate(() => document.getAnimations().every((one) => !(one instanceof CSSTransition) || one.playState === 'finished')));
}
