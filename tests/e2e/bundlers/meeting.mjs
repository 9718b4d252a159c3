// A meeting that a project's page comes into: Ada, a member, is there, and each page's guest is let in from
// the lobby, sees and hears her, is seen and heard, writes and reads, and leaves.

import assert from 'node:assert/strict';
import { startChromium } from '../harness/browser.mjs';
import { Service } from '../harness/service.mjs';
import { newGuest } from '../lib/blank.mjs';
import { Organiser } from '../lib/organiser.mjs';
import { openWatched, Person } from '../lib/person.mjs';
import { until } from '../lib/until.mjs';

export class Meeting {
  static async start(t, subject) {
    const meeting = new Meeting();
    meeting.service = await Service.start(t);
    meeting.browser = await startChromium(t);
    meeting.ada = await Organiser.signIn(meeting.browser, meeting.service);
    meeting.link = await meeting.ada.schedule(subject);
    await meeting.ada.start(subject);
    return meeting;
  }

  /** What the page of `app/meeting.js` is told, behind its address. */
  async invitation(name) {
    const guest = await newGuest(this.service, name);
    return `#${encodeURIComponent(JSON.stringify({ endpoint: this.service.origin, ...guest, displayName: name, meetingLink: this.link }))}`;
  }

  /** Opens the page for somebody, who asks to join. */
  async open(name, origin) {
    return new Person(name, await openWatched(this.browser, `${origin}/${await this.invitation(name)}`));
  }

  /** Opens the page for somebody and sees them through; gives them, still in the meeting. */
  async join(name, origin) {
    const guest = await this.open(name, origin);
    await this.letIn(guest);
    assert.equal(await guest.page.evaluate(() => window.app.environment.environment.browser), 'chrome', 'what is loaded later came');
    await until('both are counted', async () => await guest.page.evaluate(() => window.app.call.totalParticipantCount) === 2);
    await guest.page.evaluate((text) => window.app.write(text), `from ${name}`);
    await until(`${name} reads what they wrote`, () => guest.page.evaluate(() => document.querySelector('main').dataset.message)
      .then((message) => message?.includes(`from ${name}`)));
    return guest;
  }

  /** Whoever asked to join waits, and is let in; they and Ada see and hear each other. */
  async letIn(guest) {
    await guest.page.locator('main.waiting').waitFor({ state: 'attached' }).catch(async (cause) => {
      const violations = await guest.page.evaluate(() => window.__watch.violations);
      throw new Error(`${guest.name} does not wait in the lobby; the page says: ${[...guest.page.complaints, ...violations].join('; ') || 'nothing'}`, { cause });
    });
    await this.ada.admit(guest.name);
    await guest.page.locator('main.meeting-app').waitFor({ state: 'attached' });
    await Promise.all([guest.sees(this.ada.name), this.ada.sees(guest.name), guest.hears(), this.ada.hears()]);
  }

  /** The same with a page of Puppeteer's, to the end. */
  async joinInFirefox(name, page, origin) {
    await page.goto(`${origin}/${await this.invitation(name)}`);
    await page.waitForSelector('main.waiting', { timeout: 90_000 });
    await this.ada.admit(name);
    await page.waitForSelector('main.meeting-app .tile video');
    const picture = () => page.evaluate(() => window.__watch.picture(document.querySelector('.tile video')));
    const first = await until(`${name} sees a picture`, picture);
    await until('the picture moves', async () => {
      const now = await picture();
      return now && now !== first;
    });
    const energy = () => page.evaluate(async () => (await window.__watch.stats()).energy);
    const before = await energy();
    await until(`${name} hears somebody`, async () => await energy() > before);
    await Promise.all([this.ada.sees(name), this.ada.hears()]);
    assert.equal(await page.evaluate(() => window.app.environment.environment.browser), 'firefox');
    await page.evaluate(() => window.app.call.hangUp());
    await page.waitForSelector('main.ended');
    assert.deepEqual(await page.evaluate(() => window.__watch.violations), [], 'nothing is against the policy');
    await this.ada.rosterIs();
  }

  async hangUp(guest, staying = []) {
    await guest.page.evaluate(() => window.app.call.hangUp());
    await guest.page.locator('main.ended').waitFor({ state: 'attached' });
    await this.ada.rosterIs(...staying.map(({ name }) => name));
  }

  /** They hang up; nothing was logged as an error, and nothing is left open. `staying` are still there. */
  async leave(guest, staying) {
    await this.hangUp(guest, staying);
    await guest.nothingToComplain(/favicon\.ico/);
    assert.deepEqual(await guest.page.evaluate(() => window.app.agent.calls.length), 0);
    await guest.page.context().close();
  }
}
