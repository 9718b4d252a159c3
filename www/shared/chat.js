/**
 * The chat of a stay: follows it from call to call (E5), hears what happens, and says so where the panel
 * does not show it. `unread` events tell that the count is another.
 */
import { htmlText } from './chat-html.js';
import { joinedEntry, leftEntry, topicEntry } from './chat-entry.js';
import { ChatPanel } from './chat-panel.js';
import { snippet } from './chat-text.js';
import { ChatThread } from './chat-thread.js';
import { Listeners } from './listeners.js';

/** How long a new message stands above the stage; the count on the button stays. */
const NOTICE_MS = 8_000;
/** Pauses between attempts to hear events, growing. */
const PAUSES_MS = [1_000, 2_000, 5_000, 15_000, 30_000];
const LABEL = '(External)';

const isGuest = (id) => id.startsWith('8:acs:');

export class Chat extends EventTarget {
  /** `self`: the user's raw id; `open()` shows the panel. */
  constructor({ sdk, credential, self, selfName, notices, announce, problems, open }) {
    super();
    Object.assign(this, { sdk, self, selfName, notices, announce, problems, open });
    this.client = new sdk.ChatClient(location.origin, credential);
    this.listeners = new Listeners();
    this.ofCall = new Listeners();
    this.threads = new Map();
    this.names = new Map();
    /** The one that is shown. */
    this.thread = null;
    this.shown = false;
    this.connected = false;
    this.ended = false;
    this.timers = new Set();
    this.panel = new ChatPanel(this);
    this.element = this.panel.element;
    this.listeners.add(document, 'visibilitychange', () => this.look());
    void this.listen(0);
  }

  get unread() {
    return this.thread?.unread ?? 0;
  }

  after(ms, act) {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      act();
    }, ms);
    this.timers.add(timer);
    return timer;
  }

  async listen(attempt) {
    const { client } = this;
    try {
      await client.startRealtimeNotifications();
    } catch (error) {
      if (this.ended) return;
      if (attempt === 0) this.problems.add('New chat messages are not told yet', error);
      this.after(PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)], () => this.listen(attempt + 1));
      return;
    }
    if (this.ended) return void this.stop();
    const about = (act) => (event) => {
      const thread = this.threads.get(event.threadId);
      if (thread) act(thread, event);
    };
    for (const name of ['chatMessageReceived', 'chatMessageEdited', 'chatMessageDeleted']) {
      client.on(name, about((thread, event) => thread.hear(event)));
    }
    client.on('typingIndicatorReceived', about((thread, event) => thread.hearTyping(event)));
    client.on('readReceiptReceived', about((thread, event) => thread.hearReceipt(event)));
    client.on('participantsAdded', about((thread, event) => thread.record(joinedEntry(event))));
    client.on('participantsRemoved', about((thread, event) => {
      const entry = leftEntry(event);
      thread.gone(entry.people);
      thread.record(entry);
    }));
    client.on('chatThreadPropertiesUpdated', about((thread, event) => thread.record(topicEntry(event))));
    client.on('realTimeNotificationDisconnected', () => this.connection(false));
    client.on('realTimeNotificationConnected', () => this.connection(true));
    this.connection(true);
  }

  connection(yes) {
    this.connected = yes;
    // What was missed is told, within the service's limit; beyond it only looking helps.
    if (yes) void this.thread?.refresh();
    this.panel.show();
  }

  /** The call that is on now. `room()` gives the name of the breakout room that it is of, if any. */
  follow({ call, people, room }) {
    this.ofCall.dispose();
    this.call = call;
    this.room = room;
    const { info } = call;
    const look = () => this.place();
    info.onCallInfoChanged('callInfoChanged', look);
    this.ofCall.own(() => info.offCallInfoChanged('callInfoChanged', look));
    this.ofCall.add(call, 'stateChanged', look);
    this.ofCall.add(call.feature(this.sdk.Features.BreakoutRooms), 'breakoutRoomsUpdated', look);
    const learn = ({ id, name }) => this.names.set(id, name);
    for (const event of ['joined', 'changed']) this.ofCall.add(people, event, ({ detail }) => {
      if (this.names.get(detail.id) === detail.name) return;
      learn(detail);
      this.panel.show();
    });
    people.list.forEach(learn);
    this.place();
  }

  /** Which chat is theirs here (E5, B7). */
  place() {
    // The event that ended the chat is told to this listener, too.
    if (this.ended) return;
    const id = this.call.info.threadId;
    if (id !== this.thread?.client.threadId) {
      this.thread = id ? this.threadOf(id) : null;
      // It may have gone on without them.
      void this.thread?.refresh();
      this.notices.hide('chat');
      this.panel.turn();
    }
    this.panel.show();
    this.count();
  }

  threadOf(id) {
    const known = this.threads.get(id);
    if (known) return known;
    const thread = new ChatThread({ client: this.client.getChatThreadClient(id), self: this.self, selfName: this.selfName });
    this.threads.set(id, thread);
    this.listeners.add(thread, 'change', () => {
      if (thread !== this.thread) return;
      this.panel.show();
      this.count();
    });
    this.listeners.add(thread, 'came', ({ detail }) => this.came(thread, detail));
    return thread;
  }

  /** Where they are, in words. */
  get where() {
    const room = this.room?.();
    return room ? `Chat of the breakout room ${room}` : 'Chat of the meeting';
  }

  /** Why there is no chat here. */
  get why() {
    if (this.call?.state !== 'Connected' && this.call?.state !== 'LocalHold') return 'The chat is here once you are in the meeting.';
    return this.room?.()
      ? 'Guests have no chat in this breakout room. When you are back in the main meeting, its chat is here again.'
      : 'Guests have no chat in this meeting.';
  }

  /** As the roster has them; who left is called as they were in the chat, and labelled all the same (A3). */
  nameOf(id, written = '') {
    if (id === this.self) return 'You';
    const name = this.names.get(id) ?? written;
    if (!name) return '';
    return !isGuest(this.self) && isGuest(id) && !name.endsWith(LABEL) ? `${name} ${LABEL}` : name;
  }

  came(thread, entry) {
    if (thread !== this.thread || this.panel.seesNewest) return;
    // The panel's log tells it by itself.
    if (this.shown) return;
    const name = this.nameOf(entry.sender, entry.name) || 'Somebody';
    const words = snippet(entry.kind === 'html' ? htmlText(entry.text) : entry.text);
    this.announce.say(`New message of ${name}: ${words}`);
    clearTimeout(this.noticeTimer);
    const away = () => this.notices.hide('chat');
    this.notices.show('chat', `${name}: ${words}`, { iconName: 'chat', buttons: [{ text: 'Open chat', act: this.open }, { text: 'Close', act: away }] });
    // Not from under the pointer, nor while a key may press its button (WCAG 2.2.1).
    const soon = () => {
      this.noticeTimer = this.after(NOTICE_MS, () => (document.querySelector('.notice.chat:is(:hover, :focus-within)') ? soon() : away()));
    };
    soon();
  }

  count() {
    this.look();
    if (this.told === this.unread) return;
    this.told = this.unread;
    this.dispatchEvent(new Event('unread'));
  }

  /** What is before their eyes has been read. */
  look() {
    if (this.panel.seesNewest && document.visibilityState === 'visible') this.thread?.markSeen();
  }

  /** The panel is there, or is no longer. */
  show(yes) {
    if (this.shown === yes) return;
    this.shown = yes;
    if (yes) this.notices.hide('chat');
    this.panel.appear(yes);
    this.look();
  }

  async stop() {
    try {
      await this.client.stopRealtimeNotifications();
    } catch (error) {
      this.problems.add('Tidying up the chat failed', error);
    }
  }

  /** With the call ends the chat (D1): nothing of it stays in the page. */
  dispose() {
    this.ended = true;
    this.timers.forEach((timer) => clearTimeout(timer));
    this.ofCall.dispose();
    this.listeners.dispose();
    this.threads.forEach((thread) => thread.dispose());
    this.threads.clear();
    this.thread = null;
    this.panel.dispose();
    void this.stop();
  }
}
