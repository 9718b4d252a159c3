// The guest page by script tag in Firefox, beside a member in Chromium.

import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startChromium, startFirefox } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Organiser } from './lib/organiser.mjs';
import { until } from './lib/until.mjs';

const WATCH = fileURLToPath(new URL('lib/watch.js', import.meta.url));

test('a_guest_in_firefox_is_let_in_sees_and_is_seen', async (t) => {
  const firefox = await startFirefox(t);
  if (!firefox) return;
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('Two browsers');
  await ada.start('Two browsers');

  const page = await firefox.newPage();
  await page.evaluateOnNewDocument(await readFile(WATCH, 'utf8'));
  await page.goto(link);
  await page.waitForSelector('.preview video', { timeout: 60_000 });
  await page.type('#name', 'Fritz');
  await page.click('button.join');
  await page.waitForSelector('.waiting[data-phase="lobby"]');
  await ada.admit('Fritz');
  await page.waitForSelector('.meeting');
  await page.waitForSelector('.tile:not(.self) video');
  const picture = () => page.evaluate(() => window.__watch.picture(document.querySelector('.tile:not(.self) video')));
  const first = await until('Fritz sees a picture', picture);
  await until('the picture moves', async () => {
    const now = await picture();
    return now && now !== first;
  });
  const energy = () => page.evaluate(async () => (await window.__watch.stats()).energy);
  const before = await energy();
  await until('Fritz hears somebody', async () => await energy() > before);
  await ada.sees('Fritz');
  await ada.hears();
  await ada.rosterIs('Fritz');
  await page.click('.controls .leave');
  await page.waitForSelector('.end');
  await ada.rosterIs();
});
