// Somebody in a meeting, by way of a page: what they do and what they see and hear.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { until } from './until.mjs';

const WATCH = fileURLToPath(new URL('watch.js', import.meta.url));
/** Frames that must come before a picture counts as moving. */
const SOME_FRAMES = 10;

/**
 * A browser context of their own with the page's counters in place, opened at `url`; `scripts` run in
 * the page before its own, whatever its content security policy says; what is not in `allowed` is refused.
 * @param {import('playwright-core').Browser} browser
 */
export async function openWatched(browser, url, { scripts = [], allowed = ['camera', 'microphone'], ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 720 }, ...options });
  await context.grantPermissions(allowed);
  const page = await context.newPage();
  for (const path of [WATCH, ...scripts]) await page.addInitScript({ path });
  page.complaints = [];
  page.on('pageerror', (error) => page.complaints.push(String(error.stack ?? error)));
  page.on('console', (message) => {
    if (message.type() === 'error') page.complaints.push(`${message.text()} (${message.location().url})`);
  });
  // Whoever makes or takes a network namespace changes the machine's network, and Chromium gives up what
  // it was loading.
  let changed = false;
  page.on('requestfailed', (request) => { changed ||= request.failure()?.errorText === 'net::ERR_NETWORK_CHANGED'; });
  do {
    changed = false;
    await page.goto('about:blank');
    page.complaints.length = 0;
    await page.goto(url).catch((error) => { if (!changed) throw error; });
  } while (changed);
  return page;
}

/**
 * A media socket that was still opening when its person was let in or moved: its token is void from then on
 * (S2), and the next one, with the new token, is there a moment later. Browsers write down the first, and
 * the question why it failed.
 */
const LATE = /\/rtc(\/v1)?\?.* failed: .*(401|Authentication failed)|status of 401 .*\/rtc\/v1\/validate\?/;

export class Person {
  constructor(name, page) {
    this.name = name;
    this.page = page;
  }

  /** What went through their peer connections so far. */
  stats() {
    return this.page.evaluate(() => window.__watch.stats());
  }

  /** What their page holds open. */
  open() {
    return this.page.evaluate(() => window.__watch.open());
  }

  async inMeeting() {
    await this.page.locator('.meeting').waitFor();
  }

  /** The tile of somebody, by name; members see "(External)" behind a guest's. */
  tile(name) {
    return this.page.locator('.tile:not(.self)').filter({ hasText: name });
  }

  /** Their roster, without themselves. */
  async roster() {
    await this.openPeople();
    const names = await this.page.locator('.roster li[data-person] .who').allTextContents();
    return names.map((name) => name.replace(' (External)', '')).sort();
  }

  async rosterIs(...names) {
    const wanted = [...names].sort().join(', ');
    await until(`${this.name}'s roster is: ${wanted}`, async () => (await this.roster()).join(', ') === wanted);
  }

  row(name) {
    return this.page.locator('.roster li[data-person]').filter({ hasText: name });
  }

  async openPeople() {
    const button = this.page.locator('.control.people');
    if (await button.getAttribute('aria-expanded') !== 'true') await button.click();
  }

  /** The picture of somebody is there and changes, and frames of it are decoded. */
  async sees(name) {
    const video = this.tile(name).locator('video');
    await video.waitFor({ state: 'attached' });
    const picture = () => video.evaluate((element) => window.__watch.picture(element));
    const first = await until(`${this.name} sees ${name}`, picture);
    await until(`${name}'s picture moves for ${this.name}`, async () => {
      const now = await picture();
      return now && now !== first;
    });
    await this.receivesVideo();
  }

  /** More frames are decoded than before. */
  async receivesVideo() {
    const before = (await this.stats()).frames;
    await until(`${this.name} decodes video`, async () => (await this.stats()).frames >= before + SOME_FRAMES);
  }

  async seesInitialsOf(name) {
    const tile = this.tile(name);
    await tile.waitFor();
    await until(`${this.name} sees no picture of ${name}`, () => tile.locator('.video-box').isHidden());
  }

  /** Sound comes, and it is not silence; more than so much of it. */
  async hears(energy = 0) {
    const before = (await this.stats()).energy;
    await until(`${this.name} hears somebody`, async () => (await this.stats()).energy > before + energy);
  }

  /** Own frames are encoded and sent on. */
  async sendsVideo() {
    const before = (await this.stats()).framesOut;
    await until(`${this.name} sends video`, async () => (await this.stats()).framesOut >= before + SOME_FRAMES);
  }

  async setMuted(muted) {
    const button = this.page.locator('.controls .microphone');
    const wanted = muted ? 'Unmute' : 'Mute';
    if ((await button.textContent()) !== wanted) await button.click();
    await until(`${this.name} is ${muted ? 'muted' : 'not muted'}`, async () => (await button.textContent()) === wanted);
  }

  async setCamera(on) {
    const button = this.page.locator('.controls .camera');
    const wanted = on ? 'Camera off' : 'Camera on';
    if ((await button.textContent()) !== wanted) await button.click();
    await until(`${this.name}'s camera is ${on ? 'on' : 'off'}`, async () => (await button.textContent()) === wanted);
  }

  /** Whether somebody is shown as muted. */
  async seesMuted(name, muted) {
    await this.openPeople();
    await until(`${this.name} sees that ${name} is ${muted ? 'muted' : 'not muted'}`,
      async () => (await this.row(name).getAttribute('class') ?? '').split(' ').includes('muted') === muted);
    await until(`the tile of ${name} says so, too`,
      async () => (await this.tile(name).getAttribute('class')).split(' ').includes('muted') === muted);
  }

  async leave() {
    await this.page.locator('.controls .leave').click();
    await this.page.locator('.end').waitFor();
  }

  /** The title of the end screen and its numbers, `code/subCode`. */
  async ended() {
    const end = this.page.locator('.end');
    await end.waitFor();
    return {
      title: await end.locator('h1').textContent(),
      numbers: await end.evaluate((element) => `${element.dataset.code}/${element.dataset.subCode}`),
    };
  }

  async reconnecting(yes) {
    await until(`${this.name} is told that the connection is ${yes ? 'interrupted' : 'back'}`,
      async () => await this.page.locator('.notice.reconnecting').isVisible() === yes, { patience: 60_000 });
  }

  /** Which screens they saw, in order. */
  screens() {
    return this.page.evaluate(() => window.__watch.screens);
  }

  /** Nothing was logged as an error and nothing was against the content security policy (S12). */
  async nothingToComplain(...except) {
    const excepted = [...except, LATE];
    const complaints = this.page.complaints.filter((text) => !excepted.some((pattern) => pattern.test(text)));
    assert.deepEqual(complaints, [], `${this.name}'s page complained`);
    assert.deepEqual(await this.page.evaluate(() => window.__watch.violations), [], `${this.name}'s page hit its content security policy`);
  }
}
