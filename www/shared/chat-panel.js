/** The chat in the side panel: the log of a thread, who types, and the field to write in. */
import { isMessage } from './chat-entry.js';
import { chatReason } from './chat-errors.js';
import { Composer } from './chat-composer.js';
import { EventRow, MessageRow } from './chat-row.js';
import { nameList } from './chat-text.js';
import { confirm } from './dialog.js';
import { el, icon, setText } from './dom.js';

/** So near to the end counts as there. */
const NEAR_PX = 48;
/** So near to the beginning, older messages are loaded. */
const EARLY_PX = 120;
/** Messages of one person within such a time stand under one name. */
const GROUP_MS = 5 * 60_000;
/** Old messages are no news to a screen reader: so long after they were put in the log is silent. */
const SILENT_MS = 600;

export class ChatPanel {
  constructor(chat) {
    this.chat = chat;
    this.rows = new Map();
    this.writing = new Map();
    this.scheduled = false;
    this.atEnd = true;
    this.top = 0;
    this.where = el('p', { class: 'where small quiet' });
    this.status = el('p', { class: 'chat-status small', role: 'status', hidden: true });
    this.older = el('button', { class: 'button compact plain older', type: 'button', onclick: () => this.loadOlder() });
    this.list = el('ol', { class: 'messages' });
    this.empty = el('p', { class: 'nothing quiet', hidden: true }, 'Nobody has written anything yet.');
    this.log = el('div', {
      class: 'log', role: 'log', 'aria-label': 'Messages', 'aria-live': 'polite', 'aria-relevant': 'additions', tabindex: '0', onscroll: () => this.scrolled(),
    }, el('div', { class: 'early' }, this.older), this.empty, this.list);
    this.newer = el('button', { class: 'button compact primary newer', type: 'button', hidden: true, onclick: () => this.toEnd() }, icon('down'), 'New messages');
    this.trouble = el('div', { class: 'trouble', hidden: true });
    this.typing = el('p', { class: 'typing small quiet' });
    this.composer = new Composer({
      send: (text) => {
        this.atEnd = true;
        void chat.thread?.send(text);
      },
      save: (entry, text) => chat.thread.edit(entry, text).catch((error) => { throw new Error(chatReason(error), { cause: error }); }),
      types: () => void chat.thread?.types(),
      editLast: () => chat.thread?.list.findLast((entry) => entry.sender === chat.self && entry.kind === 'text'),
    });
    this.element = el('section', { class: 'chat', 'aria-label': 'Chat' }, this.where, this.status, this.trouble,
      el('div', { class: 'log-box' }, this.log, this.newer), this.typing, this.composer.element);
    // A panel that becomes wider or narrower, or a keyboard on the screen, does not move the reader.
    this.resized = new ResizeObserver(() => { if (this.atEnd) this.toEnd(); });
    this.resized.observe(this.log);
  }

  get seesNewest() {
    return this.chat.shown && this.atEnd && this.chat.thread?.state.name === 'ready';
  }

  /** Another thread: what was written in the one before stays with it. */
  turn() {
    const { thread } = this.chat;
    const held = this.composer.swap(this.writing.get(thread));
    if (this.turned) this.writing.set(this.turned, held);
    this.turned = thread;
    this.rows.clear();
    this.list.replaceChildren();
    this.atEnd = true;
    this.show();
  }

  /** The panel is opened or closed. */
  appear(yes) {
    if (!yes) {
      this.top = this.lastTop ?? 0;
      return;
    }
    this.draw();
    this.composer.grow();
    if (this.atEnd) this.toEnd();
    else this.log.scrollTop = this.top;
    // Who opens a chat by hand wants to write; on a phone the keyboard would cover what there is to read.
    if (!this.composer.element.hidden && matchMedia('(hover: hover)').matches) this.composer.text.focus();
  }

  /** Soon, and once for what happens together. */
  show() {
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      this.draw();
    });
  }

  draw() {
    const { thread } = this.chat;
    const { state } = thread ?? {};
    setText(this.where, thread ? this.chat.where : '');
    this.showTrouble(thread, state);
    const there = Boolean(thread) && !(state.name === 'failed' && state.refused);
    this.log.parentElement.hidden = this.composer.element.hidden = this.typing.hidden = !there;
    if (!there) {
      this.list.replaceChildren();
      this.rows.clear();
      return;
    }
    const waits = !this.chat.connected ? 'Connecting to the chat…' : state.name === 'loading' ? 'Loading messages…' : '';
    setText(this.status, waits);
    this.status.hidden = waits === '';
    this.drawList(thread);
    this.drawOlder(state);
    const typists = [...thread.typists].map(([id, { name }]) => this.chat.nameOf(id, name) || 'Somebody');
    setText(this.typing, typists.length === 0 ? '' : `${nameList(typists)} ${typists.length === 1 ? 'is' : 'are'} typing…`);
    this.empty.hidden = state.name !== 'ready' || state.older !== 'none' || [...this.rows.values()].some((row) => row instanceof MessageRow);
    if (this.chat.shown && this.atEnd) this.toEnd();
    this.newer.hidden = this.atEnd || thread.unread === 0;
    this.chat.look();
  }

  showTrouble(thread, state) {
    const text = !thread ? this.chat.why
      : state.name === 'failed' ? (state.refused ? state.reason : `The messages could not be loaded. ${state.reason}`) : '';
    if (this.troubleText === text) return;
    this.troubleText = text;
    this.trouble.hidden = text === '';
    if (!thread) this.status.hidden = true;
    this.trouble.replaceChildren(el('p', { role: 'status' }, text),
      ...(thread ? [el('button', { class: 'button compact reload', type: 'button', onclick: () => thread.refresh() }, 'Try again')] : []));
  }

  drawOlder({ name, older }) {
    this.older.hidden = name !== 'ready' || older === 'none';
    setText(this.older, older === 'failed' ? 'Older messages could not be loaded. Try again' : 'Older messages');
    this.older.toggleAttribute('aria-busy', older === 'loading');
  }

  drawList(thread) {
    const views = this.views(thread);
    const first = this.list.firstElementChild?.dataset.id;
    const fromEnd = this.log.scrollHeight - this.log.scrollTop;
    const wanted = new Set(views.map(({ id }) => id));
    for (const [id, row] of this.rows) {
      if (wanted.has(id)) continue;
      this.rows.delete(id);
      const focused = row.element.contains(document.activeElement);
      row.element.remove();
      if (focused) this.lost();
    }
    const old = first === undefined || (first !== views[0]?.id && wanted.has(first));
    if (old) this.silence();
    let after = null;
    for (const view of views) {
      let row = this.rows.get(view.id);
      if (row && row.is !== view.is) {
        row.element.remove();
        row = undefined;
      }
      if (row) row.show(view);
      else {
        row = view.is === 'event' ? new EventRow(view) : new MessageRow(view, this.acts(view.id));
        row.is = view.is;
        this.rows.set(view.id, row);
      }
      const place = after ? after.nextElementSibling : this.list.firstElementChild;
      if (place !== row.element) this.list.insertBefore(row.element, place);
      after = row.element;
    }
    // What was put in above does not move what is being read.
    if (old && first !== undefined && !this.atEnd) this.log.scrollTop = this.log.scrollHeight - fromEnd;
  }

  silence() {
    this.log.setAttribute('aria-live', 'off');
    clearTimeout(this.silent);
    this.silent = this.chat.after(SILENT_MS, () => this.log.setAttribute('aria-live', 'polite'));
  }

  /** What is shown, oldest first; drafts last. */
  views(thread) {
    const { self } = this.chat;
    const { list } = thread;
    const lastRead = list.findLast((entry) => isMessage(entry) && entry.sender === self && thread.readersOf(entry).length > 0);
    let before = null;
    const views = [];
    for (const entry of list) {
      if (!isMessage(entry) && entry.kind !== 'deleted') {
        const words = this.eventWords(entry);
        if (words) views.push({ is: 'event', id: entry.id, words, at: entry.at });
        before = null;
        continue;
      }
      const mine = entry.sender === self;
      const grouped = before?.sender === entry.sender && entry.order - before.order < GROUP_MS;
      const readers = entry === lastRead ? this.seenBy(thread, entry) : '';
      views.push({ ...entry, is: 'message', mine, grouped, readers, name: this.chat.nameOf(entry.sender, entry.name) || 'Somebody' });
      before = entry;
    }
    for (const { key, text, at, state } of thread.drafts) {
      views.push({ is: 'draft', id: key, kind: 'text', text, at, state, mine: true, name: 'You', readers: '', edited: false, grouped: before?.sender === self });
    }
    return views;
  }

  seenBy(thread, entry) {
    const names = thread.readersOf(entry).map((id) => this.chat.nameOf(id)).filter(Boolean);
    return names.length > 0 ? `Seen by ${nameList(names)}` : `Seen by ${thread.readersOf(entry).length}`;
  }

  eventWords({ kind, people, text }) {
    if (kind === 'topic') return text ? `The chat is called “${text}” now` : '';
    const names = people.map(({ id, name }) => this.chat.nameOf(id, name)).filter(Boolean);
    if (names.length === 0) return '';
    return `${nameList(names)} ${kind === 'joined' ? 'joined' : 'left'} the chat`;
  }

  acts(id) {
    const { chat } = this;
    const draft = () => chat.thread?.drafts.find(({ key }) => key === id);
    return {
      edit: () => this.composer.edit(chat.thread.entries.get(id)),
      remove: () => this.remove(chat.thread, chat.thread.entries.get(id)),
      again: () => { const found = draft(); if (found) void chat.thread.deliver(found); },
      discard: () => { const found = draft(); if (found) chat.thread.discard(found); },
      lost: () => this.lost(),
    };
  }

  /** The pressed button is gone: keyboard users go on where they write. */
  lost() {
    this.composer.text.focus();
  }

  async remove(thread, entry) {
    const sure = await confirm({ title: 'Delete this message?', text: 'Nobody can read it any more. That a message was here stays visible.', action: 'Delete' });
    if (!sure) return;
    this.lost();
    try {
      await thread.remove(entry);
    } catch (error) {
      this.chat.problems.add(`The message could not be deleted. ${chatReason(error)}`, { code: error.code });
    }
  }

  async loadOlder() {
    const focused = document.activeElement === this.older;
    await this.chat.thread?.loadOlder();
    if (focused && this.older.hidden) this.log.focus();
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.log;
    // Taken out of the page it stands at 0, which says nothing.
    if (!this.chat.shown || clientHeight === 0) return;
    this.lastTop = scrollTop;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    if (atEnd !== this.atEnd) {
      this.atEnd = atEnd;
      if (atEnd) this.newer.hidden = true;
      this.chat.look();
    }
    if (scrollTop < EARLY_PX && scrollHeight > clientHeight && !atEnd && this.chat.thread?.state.older === 'some') void this.loadOlder();
  }

  toEnd() {
    this.atEnd = true;
    this.log.scrollTop = this.log.scrollHeight;
    if (!this.newer.hidden) {
      const focused = document.activeElement === this.newer;
      this.newer.hidden = true;
      if (focused) this.lost();
      this.chat.look();
    }
  }

  dispose() {
    this.resized.disconnect();
    this.rows.clear();
    this.element.remove();
  }
}
