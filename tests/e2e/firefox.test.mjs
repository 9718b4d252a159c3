// The guest page by script tag in Firefox, beside a member in Chromium.

import { test } from 'node:test';
import { startChromium, startFirefox } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Organiser } from './lib/organiser.mjs';
import { until } from './lib/until.mjs';

test('a_guest_in_firefox_is_let_in_sees_and_is_seen', async (t) => {
  const firefox = await startFirefox(t);
  if (!firefox) return;
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('Two browsers');
  await ada.start('Two browsers');

  const page = await firefox.newPage();
  await page.goto(link);
  await page.waitForSelector('.preview video', { timeout: 60_000 });
  await page.type('#name', 'Fritz');
  await page.click('button.join');
  await page.waitForSelector('.waiting[data-phase="lobby"]');
  await ada.admit('Fritz');
  await page.waitForSelector('.meeting');
  await page.waitForSelector('.tile:not(.self) video');
  const shown = () => page.evaluate(() => {
    const video = document.querySelector('.tile:not(.self) video');
    // Firefox counts no frames of a MediaStream in getVideoPlaybackQuality().
    return video?.mozPaintedFrames ?? 0;
  });
  const before = await until('Fritz sees a picture', shown);
  await until('the picture moves', async () => await shown() >= before + 10);
  await ada.sees('Fritz');
  await ada.hears();
  await ada.rosterIs('Fritz');
  await page.click('.controls .leave');
  await page.waitForSelector('.end');
  await ada.rosterIs();
});
