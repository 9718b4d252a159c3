// What people do in the chat panel of the pages, and what they see of it.

import assert from 'node:assert/strict';
import { until } from './until.mjs';

export class ChatUser {
  /** `person`: an `Organiser` or a `Guest` who is in the meeting. */
  constructor(person) {
    this.person = person;
    this.name = person.name;
    this.page = person.page;
    this.panel = this.page.locator('.panel .chat');
    this.field = this.page.locator('#chat-message');
    this.button = this.page.locator('.control.chat');
  }

  async show() {
    if (await this.button.getAttribute('aria-expanded') !== 'true') await this.button.click();
    await this.panel.waitFor();
    return this;
  }

  async hide() {
    if (await this.button.getAttribute('aria-expanded') === 'true') await this.button.click();
    await this.panel.waitFor({ state: 'hidden' });
  }

  /** The panel has loaded and hears events. */
  async ready() {
    await this.field.waitFor();
    await until(`${this.name}'s chat is connected`, () => this.panel.locator('.chat-status').isHidden());
    return this;
  }

  async write(...texts) {
    for (const text of texts) {
      await this.field.fill(text);
      await this.field.press('Enter');
    }
  }

  row(text) {
    return this.panel.locator('li.message').filter({ hasText: text });
  }

  /** The texts in the log, oldest first. */
  texts() {
    return this.panel.locator('li.message .bubble').allTextContents();
  }

  async reads(...texts) {
    await until(`${this.name} reads ${JSON.stringify(texts)}`, async () => JSON.stringify(await this.texts()) === JSON.stringify(texts))
      .catch(async (error) => assert.deepEqual(await this.texts(), texts, error.message));
  }

  /** The quiet lines. */
  events() {
    return this.panel.locator('li.event span').allTextContents();
  }

  async hasEvent(words) {
    await until(`${this.name} sees the line ${words}`, async () => (await this.events()).some((line) => words.test(line)));
  }

  async sees(what, selector, words) {
    const place = this.panel.locator(selector);
    await until(`${this.name} sees ${what}`, async () => words.test((await place.allTextContents()).join('\n')));
  }

  async unreadIs(count) {
    await until(`${this.name} has ${count} unread`, async () => (await this.button.locator('.badge').textContent()) === (count ? `${count} new` : ''));
  }
}
