// What people do with breakout rooms on the pages: who takes part, and who manages them.

import { until } from './until.mjs';

/** They are in a room, by the page's own bar. */
export async function inRoom(person, room) {
  await until(`${person.name} is in ${room}`, async () =>
    await person.page.locator('.place').isVisible() && (await person.page.locator('.place strong').textContent()) === room);
}

export async function inMain(person) {
  await until(`${person.name} is in the main meeting`, () => person.page.locator('.place').isHidden());
}

/** A notice with these words. */
export async function isTold(person, subject, words) {
  const text = person.page.locator(`.notice.${subject} .text`);
  await until(`${person.name} is told: ${words}`, async () => words.test(await text.textContent({ timeout: 200 })));
}

/** Both see and hear each other; nobody else is in either roster. */
export async function together(one, other) {
  await Promise.all([one.rosterIs(other.name), other.rosterIs(one.name)]);
  await Promise.all([one.sees(other.name), other.sees(one.name), one.hears(), other.hears()]);
}

export const clickReturn = (person) => person.page.locator('.place .return').click();

/** The panel of who manages the rooms. */
export class Rooms {
  constructor(organiser) {
    this.organiser = organiser;
    this.page = organiser.page;
    this.panel = organiser.page.locator('.panel .breakout');
  }

  async show() {
    const button = this.page.locator('.control.rooms');
    if (await button.getAttribute('aria-expanded') !== 'true') await button.click();
    await this.panel.waitFor();
    return this;
  }

  async make(count) {
    await this.page.fill('#room-count', String(count));
    await this.panel.locator('.create').click();
    await until(`${count} rooms are shown`, async () => await this.panel.locator('[data-room]').count() === count);
  }

  room(name) {
    return this.panel.locator('[data-room]').filter({ has: this.page.getByRole('heading', { name, exact: true }) });
  }

  row(person) {
    return this.panel.locator('li[data-person]').filter({ hasText: person });
  }

  /** By the select, as keyboards and screen readers do. */
  async assign(person, room) {
    await this.row(person).locator('select').selectOption({ label: room });
    await this.has(room, person);
  }

  /** By hand: pressed, moved a little, and only then to where it goes. */
  async drag(person, room) {
    const target = this.room(room).locator('h3');
    await target.scrollIntoViewIfNeeded();
    const { mouse } = this.page;
    const middle = async (locator) => {
      const { x, y, width, height } = await locator.boundingBox();
      return [x + width / 2, y + height / 2];
    };
    const [x, y] = await middle(this.row(person).locator('.avatar'));
    await mouse.move(x, y);
    await mouse.down();
    await mouse.move(x + 8, y + 8, { steps: 3 });
    await mouse.move(...await middle(target), { steps: 5 });
    await mouse.up();
    await this.has(room, person);
  }

  async has(room, person) {
    await this.room(room).locator('li[data-person]').filter({ hasText: person }).waitFor();
  }

  async openAll(minutes) {
    if (minutes) await this.page.fill('#room-minutes', String(minutes));
    await this.press('Open all rooms');
  }

  closeAll() {
    return this.press('Close all rooms');
  }

  async press(name) {
    await this.panel.getByRole('button', { name, exact: true }).click();
  }

  async state(room, words) {
    await until(`${room} is ${words}`, async () => words.test(await this.room(room).locator('.chip').textContent()));
  }

  async setting(name, on) {
    const box = this.panel.getByRole('checkbox', { name });
    if (!await box.isVisible()) await this.panel.locator('.rooms-settings summary').click();
    await box.setChecked(on);
    await until(`${name}: ${on}`, async () => !await this.panel.evaluate((panel) => panel.hasAttribute('aria-busy')) && await box.isChecked() === on);
  }
}
