// A member in the console: schedules, starts, lets in, removes, ends.

import { until } from './until.mjs';
import { openWatched, Person } from './person.mjs';

export class Organiser extends Person {
  /** Signs in as one of the development organisation's members, by name. */
  static async signIn(browser, service, which = 'Olivia', options = {}) {
    const page = await openWatched(browser, `${service.origin}/console/`, options);
    const button = page.locator('[data-member]').filter({ hasText: which }).first();
    const name = await button.locator('span').last().textContent().catch((error) => {
      throw new Error(`the members are not listed; the page says: ${page.complaints.join('; ') || 'nothing'}`, { cause: error });
    });
    await button.click();
    await page.locator('#subject').waitFor();
    return new Organiser(name, page);
  }

  /** Gives the link. `bypass` lets everybody in without waiting. */
  async schedule(subject, { bypass = false } = {}) {
    await this.page.fill('#subject', subject);
    if (bypass) await this.page.selectOption('#bypass', 'everyone');
    await this.page.click('.schedule');
    const link = this.page.locator('.meeting-card').filter({ hasText: subject }).locator('.link-row input');
    return link.inputValue();
  }

  async start(subject) {
    await this.page.locator('.meeting-card').filter({ hasText: subject }).locator('.start').click();
    await this.page.locator('.preview video').waitFor();
    await this.page.click('button.join');
    await this.inMeeting();
  }

  async seesWaiting(name) {
    await this.openPeople();
    await this.page.locator('.waiting-list li').filter({ hasText: name }).waitFor();
  }

  async admit(name) {
    await this.seesWaiting(name);
    await this.page.locator('.waiting-list li').filter({ hasText: name }).locator('.admit').click();
  }

  async reject(name) {
    await this.seesWaiting(name);
    await this.page.locator('.waiting-list li').filter({ hasText: name }).locator('.reject').click();
  }

  async admitAll(...names) {
    for (const name of names) await this.seesWaiting(name);
    await this.page.click('.admit-all');
  }

  async nobodyWaits() {
    await until('nobody waits', async () => await this.page.locator('.waiting-list li').count() === 0);
  }

  async remove(name) {
    await this.openPeople();
    await this.row(name).locator('.remove').click();
    await this.page.click('.question .confirm');
  }

  async endForEveryone() {
    await this.page.click('.controls .end-all');
    await this.page.click('.question .confirm');
  }
}
