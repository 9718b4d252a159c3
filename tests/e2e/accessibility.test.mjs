// Every screen against axe's rules (WCAG 2.2 A and AA, best practice), light and dark, and as wide as a phone; and
// the way through a meeting by keyboard alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { AXE, violations } from './lib/axe.mjs';
import { Guest } from './lib/guest.mjs';
import { Organiser } from './lib/organiser.mjs';
import { fitsAPhone } from './lib/phone.mjs';
import { until } from './lib/until.mjs';

async function clean(person, screen) {
  await person.page.evaluate(() => Promise.all(document.getAnimations().map(({ finished }) => Promise.race([finished.catch(() => {}), new Promise((go) => { setTimeout(go, 300); })]))));
  assert.deepEqual(await violations(person.page), [], screen);
  await fitsAPhone(person, screen);
}

for (const colorScheme of ['light', 'dark']) {
  test(`every_screen_is_accessible_in_${colorScheme}_and_fits_a_phone`, async (t) => {
    const service = await Service.start(t);
    const browser = await startChromium(t);
    const options = { colorScheme, scripts: [AXE] };
    const ada = await Organiser.signIn(browser, service, undefined, options);
    const link = await ada.schedule('Accessible');
    await clean(ada, 'desk');
    await ada.start('Accessible');
    const grete = await Guest.open(browser, link, 'Grete Gast', options);
    await clean(grete, 'preview');
    await grete.join();
    await grete.waits();
    await clean(grete, 'lobby');
    await ada.seesWaiting('Grete Gast');
    await clean(ada, 'panel with lobby');
    await ada.admit('Grete Gast');
    await grete.inMeeting();
    await grete.setMuted(true);
    await ada.sees('Grete Gast');
    await clean(ada, 'meeting');
    await clean(grete, 'meeting of a guest');
    await grete.page.locator('.control.info').click();
    await clean(grete, 'information');
    await grete.leave();
    await clean(grete, 'end');
  });
}

test('a_meeting_by_keyboard_alone', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('Keys', { bypass: true });
  await ada.start('Keys');
  const grete = await Guest.open(browser, link, 'Grete Gast');
  const { keyboard } = grete.page;
  await until('the name has the focus', () => grete.page.evaluate(() => document.activeElement.id === 'name'));
  await keyboard.type('Grete Gast');
  await keyboard.press('Enter');
  await grete.inMeeting();
  await keyboard.press('Control+d');
  await ada.seesMuted('Grete Gast', true);
  await keyboard.press('Control+e');
  await ada.seesInitialsOf('Grete Gast');
  await keyboard.press('Control+Shift+P');
  await grete.page.locator('.panel').waitFor();
  await keyboard.press('Escape');
  await grete.page.locator('.panel').waitFor({ state: 'hidden' });
  await keyboard.press('Control+/');
  await grete.page.locator('dialog.help').waitFor();
  await keyboard.press('Escape');
  const said = grete.page.locator('#announcements');
  await keyboard.press('Control+d');
  await until('unmuting is announced', async () => /microphone is on/.test(await said.textContent()));
  // Tab reaches Leave, and Enter presses it.
  await until('Leave has the focus', async () => {
    await keyboard.press('Tab');
    return grete.page.evaluate(() => document.activeElement.classList.contains('leave'));
  }, { pause: 0 });
  await keyboard.press('Enter');
  assert.deepEqual(await grete.ended(), { title: 'You left the meeting', numbers: '0/0' });
});
