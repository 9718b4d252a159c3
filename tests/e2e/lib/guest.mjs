// A guest: opens a link, gives a name, waits.

import { openWatched, Person } from './person.mjs';

export class Guest extends Person {
  /** Opens the link and is ready to join. */
  static async open(browser, link, name, options) {
    const page = await openWatched(browser, link, options);
    const guest = new Guest(name, page);
    await guest.ready();
    return guest;
  }

  /** Opens the link and asks to join. */
  static async join(browser, link, name, options) {
    const guest = await Guest.open(browser, link, name, options);
    await guest.join();
    return guest;
  }

  /** The camera is on and shows something. */
  async ready() {
    await this.page.locator('.preview video').waitFor();
  }

  async join() {
    await this.page.fill('#name', this.name);
    await this.page.click('button.join');
  }

  async waits() {
    await this.page.locator('.waiting[data-phase="lobby"]').waitFor();
  }

  /** After the end: back to the first screen and in again. */
  async joinAgain() {
    await this.page.click('.end .again');
    await this.ready();
    await this.join();
  }
}
