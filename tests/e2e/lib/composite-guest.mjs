// A guest in Microsoft's composite: what they press, see, hear and write there.

import assert from 'node:assert/strict';
import { setTimeout as pass } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openWatched, Person } from './person.mjs';
import { until } from './until.mjs';

const WATCH = fileURLToPath(new URL('composite-watch.js', import.meta.url));
/**
 * What the library asked of a room's chat while its guest was in it, and was answered when they were out: refused
 * (D1, E5). It asks who has just come (`EventSubscriber`) and what the thread is (`fetchInitialData` of its chat
 * adapter) without waiting for the answers, so that nothing catches what they throw.
 */
const REFUSED = /^Failed to load resource: .* status of 403 \(Forbidden\) \(http:\/\/[^/]+\/chat\/threads\/19%3Abreakout_[\w-]+%40thread\.v2(\/(messages|participants|readReceipts))?\?/;
const THROWN = /^(RestError|ChatError: ChatThreadClient\.(getProperties|listMessages|listParticipants|listReadReceipts)): User is not allowed to perform specified action\.\n/;
/** The library draws much, and a busy machine takes its time. */
const PATIENCE_MS = 60_000;

export class CompositeGuest extends Person {
  /** Opens the example at `origin`, fills its form and is on the configuration page. */
  static async open(browser, origin, link, name, options = {}) {
    const page = await openWatched(browser, origin, { viewport: { width: 800, height: 600 }, scripts: [WATCH], ...options });
    page.setDefaultTimeout(PATIENCE_MS);
    page.asking = new Set();
    page.on('request', (request) => { if (request.url().includes('breakout')) page.asking.add(request); });
    for (const over of ['requestfinished', 'requestfailed']) page.on(over, (request) => page.asking.delete(request));
    await page.fill('[name=link]', link);
    await page.fill('[name=name]', name);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.locator('[data-ui-id="call-composite-start-call-button"]').waitFor();
    return new CompositeGuest(name, page);
  }

  button(name) {
    return this.page.locator(`[data-ui-id="call-composite-${name}-button"]`);
  }

  join() {
    return this.button('start-call').click();
  }

  /** In the lobby, as the library says it. */
  waits() {
    return this.page.getByText('Waiting to be admitted').waitFor();
  }

  /** From here on only moves are looked at. */
  async inCall() {
    await this.page.locator('[data-ui-id="call-page"]').waitFor();
    await this.page.evaluate(() => { window.__composite.pages.length = 0; });
  }

  /** On the configuration page; in the call both are buttons of their own words. */
  async configure(name) {
    await this.button(`local-device-settings-${name}`).first().click();
  }

  async setMicrophone(on) {
    await this.does('microphone', on ? 'Unmute mic' : 'Mute mic').click();
    await this.microphoneIs(on);
  }

  microphoneIs(on) {
    return this.does('microphone', on ? 'Mute mic' : 'Unmute mic').waitFor();
  }

  cameraIs(on) {
    return this.does('camera', on ? 'Turn off camera' : 'Turn on camera').waitFor();
  }

  /** A button by what it would do now. */
  does(name, what) {
    return this.page.locator(`button[data-ui-id="call-composite-${name}-button"][aria-label="${what}"]`);
  }

  /** A tile by the name that it shows; `Person.sees` looks at its picture. */
  tile(name) {
    return this.page.locator('[data-ui-id="video-tile"]').filter({ hasText: name });
  }

  /** One's own picture, before the call or in it. */
  async seesOwnPicture() {
    const video = this.page.locator('[data-ui-id="call-composite-local-preview"] video');
    await until(`${this.name} sees a preview`, () => video.evaluate((element) => window.__watch.picture(element)));
  }

  async openChat() {
    const field = this.page.locator('#sendbox');
    if (!await field.isVisible()) await this.page.locator('[data-ui-id="call-with-chat-composite-chat-button"]').first().click();
    await field.waitFor();
  }

  async write(text) {
    await this.page.locator('#sendbox').fill(text);
    await this.page.locator('#sendbox').press('Enter');
    await this.reads(text);
  }

  /** In the chat pane. */
  reads(text) {
    return this.page.getByText(text, { exact: true }).first().waitFor();
  }

  /** The people pane; "Vera (you)" is `Vera` here. */
  async people() {
    const items = this.page.locator('[data-ui-id="participant-item"]');
    if (await items.count() === 0) await this.page.locator('[data-ui-id="common-call-composite-people-button"]').first().click();
    await items.first().waitFor();
    return (await items.evaluateAll((all) => all.map((item) => item.getAttribute('aria-label').split(',')[0]))).sort();
  }

  /** This notice stands and no other: the library's by their titles, or the example's own. */
  isToldOnly(words, options) {
    const notices = this.page.locator('[data-ui-id="notification-bar"], .room-notice');
    return until(`${this.name} is told only: ${words}`, async () => {
      const told = await notices.evaluateAll((all) => all.map((notice) => notice.innerText.trim().split('\n')[0]));
      return told.join() === words;
    }, options);
  }

  /** A notice that stands now. */
  isTold(words) {
    return this.page.locator('[data-ui-id="notification-bar"]').filter({ hasText: words }).first().waitFor();
  }

  /**
   * `act` brings them into another room than before. What the library asks about its chat on the way is answered
   * then: it throws when somebody is out again by that time and is refused.
   */
  async enters(room, act) {
    const answered = [this.answered('GET', 'participants'), this.answered('GET', 'readReceipts')];
    await act();
    await this.isTold(`You've joined Breakout room '${room}'`);
    await Promise.all(answered);
  }

  /** What comes by `act` in a room's chat is read, and its sender is told so. */
  async readsInRoom(text, act) {
    const told = this.answered('POST', 'readReceipts');
    await act();
    await Promise.all([this.reads(text), told]);
  }

  /** Nothing that was asked of a room's chat is under way. */
  roomIsQuiet() {
    return until('the room’s chat has answered', () => this.page.asking.size === 0);
  }

  /** `act`, while the chats of rooms answer a second late. */
  async withSlowRooms(act) {
    await this.page.route(/breakout/, async (route) => {
      await pass(1_000);
      await route.continue();
    });
    await act();
    await this.roomIsQuiet();
    await this.page.unroute(/breakout/);
  }

  /** How often {@link REFUSED} was told. */
  refusals() {
    return this.page.complaints.filter((text) => REFUSED.test(text)).length;
  }

  /** Nothing but {@link REFUSED}, and for each what it threw. */
  async nothingToComplainButRefusals() {
    await this.nothingToComplain(REFUSED, THROWN);
    const thrown = this.page.complaints.filter((text) => THROWN.test(text));
    assert.ok(thrown.length <= this.refusals(), `thrown without a refusal: ${thrown}`);
  }

  answered(method, what) {
    return this.page.waitForResponse((response) => {
      const { pathname } = new URL(response.url());
      return response.request().method() === method && pathname.includes('breakout') && pathname.endsWith(`/${what}`);
    });
  }

  /** The composite's pages so far; in a call since then. */
  pages() {
    return this.page.evaluate(() => window.__composite.pages);
  }

  /** In a room or back: the call never seemed to be over. */
  async neverLeft() {
    assert.deepEqual((await this.pages()).filter((page) => page !== 'call-page'), [], 'only the call is shown');
  }

  async hangUp(which) {
    await this.button('hangup').first().click();
    if (which) await this.page.getByRole('menuitem', { name: which }).click();
  }
}
