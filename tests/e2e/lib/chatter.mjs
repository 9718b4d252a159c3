// Somebody with the SDK's chat in a blank page: what was sent, what is told, in which order.

import { newGuest, openBlank } from './blank.mjs';
import { until } from './until.mjs';

const EVENTS = [
  'chatMessageReceived', 'chatMessageEdited', 'chatMessageDeleted', 'typingIndicatorReceived', 'readReceiptReceived', 'chatThreadCreated',
  'chatThreadDeleted', 'chatThreadPropertiesUpdated', 'participantsAdded', 'participantsRemoved',
];

export class Chatter {
  /** A new guest with the chat client. `scripts`: the plain script has calling beside it. */
  static async come(browser, service, name, { guest } = {}) {
    const self = new Chatter();
    self.name = name;
    guest ??= await newGuest(service, name);
    self.id = guest.userId;
    self.page = await openBlank(browser, service);
    await self.page.addScriptTag({ url: `${service.origin}/sdk/plenary.iife.js` });
    await self.page.evaluate(([origin, token]) => {
      window.credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
      window.client = new window.Plenary.ChatClient(origin, window.credential);
      window.told = [];
      window.sent = [];
      client.on('realTimeNotificationConnected', () => told.push({ event: 'connected' }));
      client.on('realTimeNotificationDisconnected', () => told.push({ event: 'disconnected' }));
    }, [service.origin, guest.token]);
    return self;
  }

  get person() {
    return { id: { communicationUserId: this.id }, displayName: this.name };
  }

  /** Runs in the page with the client and the thread; what it gives comes back as JSON would. */
  run(act, about) {
    return this.page.evaluate(async ([text, arg]) => {
      const value = await (0, eval)(`(${text})`)(window.client, window.thread, arg);
      return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
    }, [String(act), about]);
  }

  /** How it fails: `{name, code, statusCode, details, message}`. */
  fails(act, about) {
    return this.page.evaluate(async ([text, arg]) => {
      try {
        await (0, eval)(`(${text})`)(window.client, window.thread, arg);
        return 'it did not fail';
      } catch ({ name, code, statusCode, details, message }) {
        return { name, code, statusCode, details, message };
      }
    }, [String(act), about]);
  }

  async makesThread(topic, ...others) {
    this.threadId = await this.run(async (client, _, { topic, participants }) => {
      const { chatThread } = await client.createChatThread({ topic }, { participants });
      window.thread = client.getChatThreadClient(chatThread.id);
      return chatThread.id;
    }, { topic, participants: [this, ...others].map(({ person }) => person) });
    for (const other of others) await other.opens(this.threadId);
  }

  opens(threadId) {
    return this.run((client, _, id) => { window.thread = client.getChatThreadClient(id); }, threadId);
  }

  listens() {
    return this.run(async (client, _, events) => {
      await client.startRealtimeNotifications();
      for (const event of events) client.on(event, (payload) => window.told.push({ event, ...payload }));
    }, EVENTS);
  }

  /** Everything that was told, oldest first; times are texts. */
  told(event) {
    return this.run((_, __, name) => window.told.filter(({ event: one }) => !name || one === name), event);
  }

  hears(event, test = () => true) {
    return until(`${this.name} hears ${event}`, async () => (await this.told(event)).find(test));
  }

  /** Starts sending; the promise stays in the page. */
  writes(...texts) {
    return this.run((_, thread, contents) => {
      for (const content of contents) {
        const one = { content, state: 'sending' };
        window.sent.push(one);
        thread.sendMessage({ content }).then(
          ({ id }) => Object.assign(one, { state: 'sent', id }),
          ({ name, code, statusCode, message }) => Object.assign(one, { state: 'failed', name, code, statusCode, message }),
        );
      }
    }, texts);
  }

  sent() {
    return this.run(() => window.sent);
  }

  allAre(state) {
    return until(`all of ${this.name}'s messages are ${state}`, async () => {
      const sent = await this.sent();
      return sent.length > 0 && sent.every((one) => one.state === state) && sent;
    });
  }

  /** Texts of the thread, oldest first. */
  async history() {
    const messages = await this.run(async (_, thread) => {
      const found = [];
      for await (const message of thread.listMessages({ maxPageSize: 2 })) found.push(message);
      return found;
    });
    return messages.filter(({ type }) => type === 'text').map(({ content }) => content?.message).reverse();
  }
}
