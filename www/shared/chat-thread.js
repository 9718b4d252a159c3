/**
 * One chat thread as the page knows it: messages in order, what is being sent, who types, who has read.
 * A `change` event tells that something is different, `came` that somebody wrote (with the entry).
 */
import { DRAFT, entryOf, entryOfEvent, isMessage } from './chat-entry.js';
import { chatReason, isRefusal } from './chat-errors.js';
import { rawId } from './raw-id.js';

const PAGE = 30;
/** The service gives no more. */
const MOST_PER_PAGE = 200;
/** A gap longer than so many pages is not filled; what was before it is loaded again when scrolled to. */
const MOST_PAGES = 5;
/** Typing is told every 8 s; a little more, for the way. */
const TYPING_MS = 10_000;
const TELL_TYPING_MS = 8_000;
/** The service gives a thread's receipts 5 times in 10 s; who comes and goes in a hurry asks for them each time. */
const RECEIPTS_MS = 10_000;
/** The service takes 30 receipts a minute. */
const RECEIPT_MS = 2_500;

export class ChatThread extends EventTarget {
  /** `client`: the SDK's `ChatThreadClient`; `self`: the user's raw id. */
  constructor({ client, self, selfName }) {
    super();
    Object.assign(this, { client, self, selfName });
    this.entries = new Map();
    /** What is being sent, or could not be: `{key, text, state: {name: 'sending'} | {name: 'failed', reason}, at}`. */
    this.drafts = [];
    /** Raw id to the last message that they read. */
    this.receipts = new Map();
    this.typists = new Map();
    this.seen = 0;
    /** How far everybody has read: not asked for yet, asked for at that time, and whether it is known. */
    this.receiptsAsked = -Infinity;
    this.receiptsKnown = false;
    /** `{name: 'loading'} | {name: 'ready', older: 'some' | 'none' | 'loading' | 'failed'} | {name: 'failed', reason, refused}`. */
    this.state = { name: 'loading' };
    this.history = null;
    this.again = false;
    this.refreshing = null;
    this.abort = new AbortController();
    this.typedAt = 0;
    this.receiptTimer = 0;
    this.receipted = 0;
    this.hearable = true;
  }

  get options() {
    return { abortSignal: this.abort.signal };
  }

  /** Oldest first. */
  get list() {
    return [...this.entries.values()].sort((one, other) => one.order - other.order);
  }

  /** Nothing is called new before it is known what was read. */
  get unread() {
    if (!this.receiptsKnown) return 0;
    let count = 0;
    for (const entry of this.entries.values()) if (this.isNew(entry)) count += 1;
    return count;
  }

  isNew(entry) {
    return isMessage(entry) && entry.sender !== this.self && entry.order > this.seen;
  }

  changed() {
    this.dispatchEvent(new Event('change'));
  }

  /**
   * Loads what is newest; also after a time without events. Asked for while it runs it runs once more: what
   * is on its way may be from before events came.
   */
  refresh() {
    this.again = true;
    this.refreshing ??= this.loadAll();
    return this.refreshing;
  }

  async loadAll() {
    while (this.again && !this.abort.signal.aborted) {
      this.again = false;
      await this.load();
    }
    this.refreshing = null;
  }

  async load() {
    if (this.state.name === 'failed') this.state = { name: 'loading' };
    this.changed();
    try {
      await this.loadNewest();
      void this.loadReceipts();
    } catch (error) {
      if (this.abort.signal.aborted) return;
      // What is there stays readable through a drop; what is not theirs any more does not (D1).
      if (isRefusal(error)) this.entries.clear();
      if (isRefusal(error) || this.state.name !== 'ready') this.state = { name: 'failed', reason: chatReason(error), refused: isRefusal(error) };
    }
    this.changed();
  }

  /** Beside the messages, which do not wait for it. */
  async loadReceipts() {
    const now = Date.now();
    if (now - this.receiptsAsked < RECEIPTS_MS) return;
    try {
      // Where nobody wrote nobody has read; what comes is told by events.
      if (!this.list.some(isMessage)) return;
      this.receiptsAsked = now;
      for await (const { sender, chatMessageId } of this.client.listReadReceipts(this.options)) this.receipt(rawId(sender), chatMessageId);
    } catch {
      // Threads that are too large have none, and the messages are what matters.
    } finally {
      this.receiptsKnown = true;
      if (!this.abort.signal.aborted) this.changed();
    }
  }

  async loadNewest() {
    const history = this.historyOf(PAGE);
    const first = this.entries.size === 0;
    let [oldest, joined, done] = [Infinity, false, false];
    for (let page = 0; page < MOST_PAGES && !joined && !done; page += 1) {
      const value = await this.pageOf(history);
      done = !history.settings.continuationToken;
      joined = first || value.some(({ id }) => this.entries.has(id));
      for (const message of value) {
        oldest = Math.min(oldest, Number(message.id));
        this.merge(entryOf(message));
      }
    }
    if (!joined && !done) this.list.filter(({ order }) => order < oldest).forEach(({ id }) => this.entries.delete(id));
    const keep = joined && !first && this.history;
    if (!keep) this.history = history;
    this.state = { name: 'ready', older: keep ? this.state.older ?? 'some' : done ? 'none' : 'some' };
  }

  /** The list by pages; its settings say whether there is a next one. */
  historyOf(maxPageSize) {
    const settings = {};
    return { settings, pages: this.client.listMessages({ ...this.options, maxPageSize }).byPage(settings) };
  }

  async pageOf({ pages }) {
    const { value } = await pages.next();
    return value ?? [];
  }

  async loadOlder() {
    if (this.state.name !== 'ready' || !['some', 'failed'].includes(this.state.older)) return;
    this.state = { name: 'ready', older: 'loading' };
    this.changed();
    try {
      const value = await this.pageOf(this.history);
      value.forEach((message) => this.merge(entryOf(message)));
      this.state = { name: 'ready', older: this.history.settings.continuationToken ? 'some' : 'none' };
    } catch {
      // A list that failed is over: it begins again, and goes on to where it was.
      if (this.abort.signal.aborted) return;
      this.history = this.historyOf(Math.min(MOST_PER_PAGE, this.entries.size + PAGE));
      this.state = { name: 'ready', older: 'failed' };
    }
    this.changed();
  }

  /** Newer versions replace older ones; a draft that has come back is one no longer. */
  merge(entry) {
    if (!entry) return false;
    const before = this.entries.get(entry.id);
    if (before && before.version >= entry.version) return false;
    this.entries.set(entry.id, { ...entry, name: entry.name || before?.name || '', draft: entry.draft ?? before?.draft });
    if (entry.draft && entry.sender === this.self) this.drop(entry.draft);
    return !before;
  }

  /** An event about a message. */
  hear(event) {
    const entry = entryOfEvent(event);
    // A change of what has not been loaded yet comes with it.
    const isChange = entry.edited || entry.kind === 'deleted';
    if (isChange && this.state.name === 'ready' && !this.entries.has(entry.id)) return;
    this.typists.get(entry.sender)?.stop();
    const fresh = this.merge(entry);
    this.changed();
    if (fresh && this.isNew(entry)) this.dispatchEvent(new CustomEvent('came', { detail: entry }));
  }

  /** Somebody joined or left, or the topic is another. */
  record(entry) {
    if (this.merge(entry)) this.changed();
  }

  send(text) {
    const draft = { key: crypto.randomUUID(), text, at: new Date(), state: { name: 'sending' } };
    this.drafts.push(draft);
    return this.deliver(draft);
  }

  /** Sends; again after it failed. */
  async deliver(draft) {
    draft.state = { name: 'sending' };
    this.typedAt = 0;
    this.changed();
    try {
      const { id } = await this.client.sendMessage(
        { content: draft.text }, { ...this.options, senderDisplayName: this.selfName, metadata: { [DRAFT]: draft.key } });
      // Version 0: the event tells it better.
      const sent = { id, order: Number(id), version: 0, at: new Date(Number(id)), kind: 'text', text: draft.text, sender: this.self, name: this.selfName, edited: false };
      this.merge({ ...sent, draft: draft.key });
      this.drop(draft.key);
    } catch (error) {
      if (this.abort.signal.aborted) return;
      draft.state = { name: 'failed', reason: chatReason(error) };
    }
    this.changed();
  }

  drop(key) {
    this.drafts = this.drafts.filter((draft) => draft.key !== key);
  }

  discard(draft) {
    this.drop(draft.key);
    this.changed();
  }

  edit({ id }, content) {
    return this.client.updateMessage(id, { ...this.options, content });
  }

  remove({ id }) {
    return this.client.deleteMessage(id, this.options);
  }

  /** The user is typing; others are told so now and then. */
  async types() {
    const now = Date.now();
    if (!this.hearable || now - this.typedAt < TELL_TYPING_MS) return;
    this.typedAt = now;
    await this.whisper(() => this.client.sendTypingNotification({ ...this.options, senderDisplayName: this.selfName }));
  }

  /** Everything up to here has been seen. */
  markSeen() {
    const newest = this.list.findLast((entry) => isMessage(entry) && entry.sender !== this.self);
    if (!newest || newest.order <= this.seen) return;
    this.seen = newest.order;
    this.changed();
    if (!this.receiptTimer) void this.tellSeen();
  }

  async tellSeen() {
    if (!this.hearable || this.receipted >= this.seen) return;
    const id = this.seen;
    this.receipted = id;
    this.receiptTimer = setTimeout(() => {
      this.receiptTimer = 0;
      void this.tellSeen();
    }, RECEIPT_MS);
    await this.whisper(() => this.client.sendReadReceipt({ chatMessageId: String(id) }, this.options));
  }

  /** What nobody misses when it does not arrive. */
  async whisper(act) {
    try {
      await act();
    } catch (error) {
      if (error?.code === 'ThreadTooLarge') this.hearable = false;
    }
  }

  receipt(who, messageId) {
    const read = Number(messageId);
    if (who === this.self) this.seen = Math.max(this.seen, read);
    else if (read > (this.receipts.get(who) ?? 0)) this.receipts.set(who, read);
  }

  hearReceipt({ sender, chatMessageId }) {
    this.receipt(rawId(sender), chatMessageId);
    this.changed();
  }

  /** Raw ids of who has read a message of one's own. */
  readersOf({ order }) {
    return [...this.receipts].filter(([, read]) => read >= order).map(([who]) => who);
  }

  hearTyping({ sender, senderDisplayName }) {
    const id = rawId(sender);
    if (id === this.self) return;
    this.typists.get(id)?.stop();
    const stop = () => {
      clearTimeout(timer);
      this.typists.delete(id);
    };
    const timer = setTimeout(() => {
      stop();
      this.changed();
    }, TYPING_MS);
    this.typists.set(id, { name: senderDisplayName, stop });
    this.changed();
  }

  /** Who has left does not type. */
  gone(people) {
    people.forEach(({ id }) => this.typists.get(id)?.stop());
  }

  /** What waits to be sent is given up: who has left can say nothing any more (D1). */
  dispose() {
    this.abort.abort();
    clearTimeout(this.receiptTimer);
    this.typists.forEach(({ stop }) => stop());
    this.entries.clear();
    this.drafts = [];
  }
}
