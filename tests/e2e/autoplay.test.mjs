// Chromium as people have it: a page that nobody has touched and that records nothing may play no sound. A page
// that captures may, and so may one whose Join was clicked; who is left is a listener in an application that
// joins by itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { evaluateBy } from './lib/devtools.mjs';
import { Organiser } from './lib/organiser.mjs';
import { openWatched, Person } from './lib/person.mjs';
import { until } from './lib/until.mjs';

/** Usual flags by which every page may play, and every page has camera and microphone. */
const LENIENT = ['--autoplay-policy=no-user-gesture-required', '--use-fake-ui-for-media-stream'];

/** Evaluates in the page as nobody's gesture; what Playwright evaluates counts as one. */
async function unnoticed(page) {
  const devtools = await page.context().newCDPSession(page);
  return (expression) => evaluateBy(devtools, expression);
}

test('sound_that_the_browser_blocks_is_said_and_a_click_resumes_it', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t, { without: LENIENT });
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('Blocked', { bypass: true });
  await ada.start('Blocked');

  const page = await openWatched(browser, link, { allowed: [] });
  const ask = await unnoticed(page);
  await until('the page asked for devices and has none', () => ask(`document.querySelector('.preview [role=status]').textContent.includes('cannot be used')`));
  await ask(`document.querySelector('#name').value = 'Lena Listener'; document.querySelector('button.join').click();`);
  const button = '.notice.autoplay button';
  await until('the page says that sound is blocked', () => ask(`document.querySelector('${button}') !== null`));

  // Packets come, and none of them is played.
  const stats = () => ask('window.__watch.stats()');
  const first = await stats();
  const blocked = await until('more packets of sound', async () => {
    const now = await stats();
    return now.audioIn > first.audioIn + 20 && now;
  });
  assert.equal(blocked.energy, 0, 'none of it is played');
  assert.equal(await ask('navigator.userActivation.hasBeenActive'), false, 'nobody has touched the page');

  const { x, y } = await ask(`(({ x, y, width, height }) => ({ x: x + width / 2, y: y + height / 2 }))(document.querySelector('${button}').getBoundingClientRect())`);
  await page.mouse.click(x, y);
  const lena = new Person('Lena Listener', page);
  await lena.hears();
  await until('the page says no more that sound is blocked', async () => await page.locator(button).count() === 0);
  await lena.nothingToComplain();
});
