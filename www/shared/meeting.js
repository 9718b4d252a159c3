/** A meeting on the page, from being let in to the end: puts stage, panel, controls and notices together. */
import { confirm } from './dialog.js';
import { BreakoutPlace } from './breakout.js';
import { Chat } from './chat.js';
import { watchDiagnostics } from './diagnostics.js';
import { el, setText } from './dom.js';
import { Controls } from './controls.js';
import { Hands } from './hands.js';
import { Info } from './info.js';
import { Listeners } from './listeners.js';
import { Lobby } from './lobby.js';
import { Notices } from './notices.js';
import { Panel } from './panel.js';
import { People } from './people.js';
import { Reactions } from './reactions.js';
import { RecordingNotice } from './recording.js';
import { Roster } from './roster.js';
import { SharedScreen } from './shared-screen.js';
import { helpButton, listenForShortcuts, showHelp } from './shortcuts.js';
import { Stage } from './stage.js';
import { themeButton } from './theme.js';
import { setTitle } from './title.js';

function elapsed(since) {
  const seconds = Math.floor((performance.now() - since) / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const text = parts.map((part) => String(part).padStart(2, '0')).join(':');
  return text.startsWith('00:') ? text.slice(3) : text;
}

/** What belongs to one call, and goes when the stay goes on in another one. */
class Place {
  constructor({ sdk, call, media, selfName, self, problems, announce, organiser }) {
    this.call = call;
    this.listeners = new Listeners();
    this.people = new People(call);
    this.lobby = new Lobby(call, problems);
    this.hands = new Hands({ sdk, call, people: this.people, self, announce, problems });
    this.roster = new Roster({ call, people: this.people, media, selfName, problems, hands: this.hands, mayRemove: () => organiser });
    this.info = new Info(call, problems);
  }

  dispose() {
    for (const part of [this.listeners, this.roster, this.hands, this.lobby, this.info, this.people]) part.dispose();
  }
}

export class Meeting {
  /**
   * `organiser`: shows removing and ending for everyone to a member who may. `hangUp({forEveryone})`
   * leaves. `chat`: `{credential, self}`, the user's tokens and raw id. `rooms`: a further panel `{element, shown(yes)}` for who manages the breakout rooms.
   */
  constructor({ sdk, call, media, selfName, subject, organiser, problems, announce, hangUp, chat, rooms }) {
    Object.assign(this, { sdk, media, selfName, self: chat.self, subject, organiser, problems, announce, hangUp });
    this.listeners = new Listeners();
    this.notices = new Notices();
    this.place = new Place({ ...this, call });
    const { people } = this.place;
    this.stage = new Stage({ sdk, people, media, selfName, problems, showPeople: () => this.panel.show('people') });
    this.shared = new SharedScreen({ sdk, people, problems, announce });
    this.breakout = new BreakoutPlace({ sdk, notices: this.notices, announce, problems });
    this.reactions = new Reactions({ sdk, announce, problems });
    this.recording = new RecordingNotice({ sdk, notices: this.notices, announce });
    this.chat = new Chat({ sdk, ...chat, selfName, notices: this.notices, announce, problems, open: () => this.panel.show('chat') });
    this.panel = new Panel({
      ...this.panelBodies(),
      chat: { title: 'Chat', elements: [this.chat.element] },
      ...(rooms && { rooms: { title: 'Breakout rooms', elements: [rooms.element] } }),
    }, (name) => {
      this.controls.showPanel(name);
      this.chat.show(name === 'chat');
      rooms?.shown(name === 'rooms');
      this.tellWaiting();
    });
    this.controls = new Controls(media, {
      share: () => media.setSharing(!media.sharing),
      hand: () => this.place.hands.toggle(),
      react: this.reactions.control,
      people: () => this.panel.toggle('people'),
      chat: () => this.panel.toggle('chat'),
      rooms: rooms && (() => this.panel.toggle('rooms')),
      info: () => this.panel.toggle('info'),
      leave: () => this.leave(false),
      endForAll: organiser ? () => this.endForAll() : undefined,
    });
    this.alone = el('p', { class: 'alone small', hidden: true }, 'Nobody else is here yet.');
    const clock = el('span', { class: 'time small', 'aria-hidden': 'true' }, '00:00');
    this.heading = el('h1', { tabindex: '-1' }, subject);
    this.element = el('div', { class: 'meeting' },
      el('header', { class: 'head' }, this.heading, clock, el('span', { class: 'fill' }), helpButton(), themeButton(this.listeners)),
      el('div', { class: 'middle' }, this.breakout.element, this.breakout.elsewhere, this.notices.element,
        el('div', { class: 'stages' }, this.shared.element, this.stage.element), this.reactions.element, this.alone),
      this.panel.element, this.controls.element);
    this.keepClock(clock);
    this.follow();
    this.followPlace();
  }

  panelBodies() {
    const { lobby, hands, roster, info } = this.place;
    return {
      people: { title: 'People', elements: [lobby.element, hands.element, roster.element] },
      info: { title: 'Information', elements: [info.element] },
    };
  }

  /** The stay goes on in a breakout room, or back in the main meeting (E9): other people, the same devices. */
  moveTo(call) {
    const before = this.place;
    this.place = new Place({ ...this, call });
    this.stage.follow(this.place.people);
    this.shared.follow(this.place.people);
    this.panel.replace(this.panelBodies());
    before.dispose();
    for (const subject of ['muted', 'waiting-people', 'reconnecting']) this.notices.hide(subject);
    this.followPlace();
  }

  keepClock(clock) {
    const since = performance.now();
    const timer = setInterval(() => setText(clock, elapsed(since)), 1000);
    this.listeners.own(() => clearInterval(timer));
  }

  /** The people, the lobby and the connection of the call that is on. */
  followPlace() {
    const { announce, notices, problems, sdk } = this;
    const { call, listeners, people, lobby, hands } = this.place;
    const showHand = () => this.controls.showHand(hands.mayRaise, hands.raised);
    listeners.add(hands, 'change', showHand);
    showHand();
    this.reactions.follow(call, hands);
    this.recording.follow(call, listeners);
    listeners.add(people, 'joined', ({ detail }) => {
      announce.say(`${detail.name} joined`);
      this.count();
    });
    listeners.add(people, 'left', ({ detail }) => {
      announce.say(`${detail.name} left`);
      this.count();
    });
    listeners.add(lobby, 'came', ({ detail }) => {
      announce.say(`${detail.name} is waiting to be let in`);
      this.count();
      this.tellWaiting();
    });
    listeners.add(lobby, 'gone', () => {
      this.count();
      this.tellWaiting();
    });
    listeners.add(call, 'mutedByOthers', () => {
      announce.say('Somebody muted you');
      notices.show('muted', 'Somebody in the meeting muted you.', { iconName: 'mic-off', buttons: [{ text: 'OK', act: () => notices.hide('muted') }] });
    });
    watchDiagnostics({ sdk, call, listeners, notices, problems, announce });
    this.breakout.follow(call);
    this.chat.follow({ call, people, room: () => this.breakout.room });
    this.count();
    this.tellWaiting();
  }

  follow() {
    const { media, announce, listeners, notices, problems } = this;
    let muted = media.muted;
    let { cameraOn, sharing } = media;
    listeners.add(media, 'change', () => {
      if (media.muted !== muted) announce.say(media.muted ? 'You are muted' : 'Your microphone is on');
      if (media.cameraOn !== cameraOn) announce.say(media.cameraOn ? 'Your camera is on' : 'Your camera is off');
      if (media.sharing !== sharing) this.tellSharing();
      ({ muted, cameraOn, sharing } = media);
      if (media.notice) notices.show('media', media.notice, { warn: true });
      else notices.hide('media');
    });
    listeners.add(this.chat, 'unread', () => this.count());
    // A failure that nobody sees is worse than a bar: the newest one is shown until it is put away.
    listeners.add(problems, 'change', () => {
      const [newest] = problems.entries;
      if (newest && /could not|cannot/.test(newest.text)) {
        notices.show('problem', newest.text, { warn: true, buttons: [{ text: 'Close', act: () => notices.hide('problem') }] });
      }
    });
    listenForShortcuts(listeners, {
      microphone: () => media.setMuted(!media.muted),
      camera: () => media.setCamera(!media.cameraOn),
      people: () => this.panel.toggle('people'),
      chat: () => this.panel.toggle('chat'),
      info: () => this.panel.toggle('info'),
      help: showHelp,
    });
  }

  /** Who shares must not forget it. */
  tellSharing() {
    const { media, announce, notices } = this;
    announce.say(media.sharing ? 'You are sharing your screen' : 'Your screen is no longer shared');
    if (!media.sharing) return notices.hide('sharing');
    const stop = { text: 'Stop sharing', primary: true, act: () => media.setSharing(false) };
    notices.show('sharing', 'You are sharing your screen with everybody.', { iconName: 'screen', buttons: [stop] });
  }

  count() {
    const people = this.place.people.list.length + 1;
    const waiting = this.place.lobby.waiting.length;
    this.controls.showCount(people, waiting);
    const { unread } = this.chat;
    this.controls.showUnread(unread);
    this.alone.hidden = people > 1;
    setTitle(this.breakout.room ?? this.subject, { waiting, unread, live: true });
  }

  /** The bar about those who wait; not needed while the panel shows them. */
  tellWaiting() {
    const { lobby } = this.place;
    const { waiting } = lobby;
    if (waiting.length === 0 || this.panel.open === 'people') {
      this.notices.hide('waiting-people');
      return;
    }
    const [first] = waiting;
    const text = waiting.length === 1 ? `${first.name} is waiting to be let in.` : `${first.name} and ${waiting.length - 1} more are waiting to be let in.`;
    const view = { text: 'View', act: () => this.panel.show('people') };
    const admit = waiting.length === 1
      ? { text: 'Admit', primary: true, act: () => lobby.answer(first, 'admit', `${first.name} could not be let in`) }
      : { text: 'Admit all', primary: true, act: () => lobby.admitAll() };
    this.notices.show('waiting-people', text, { iconName: 'door', buttons: [view, admit] });
  }

  async endForAll() {
    const sure = await confirm({ title: 'End the meeting for everyone?', text: 'Everybody leaves, also those who wait.', action: 'End for everyone' });
    if (sure) await this.leave(true);
  }

  async leave(forEveryone) {
    const { button } = this.controls.leave;
    button.disabled = true;
    try {
      await this.hangUp({ forEveryone });
    } catch (error) {
      button.disabled = false;
      this.problems.add(forEveryone ? 'The meeting could not be ended' : 'Leaving failed; it could not be told to the service', error);
    }
  }

  focus() {
    this.heading.focus();
  }

  dispose() {
    for (const part of [this.listeners, this.breakout, this.chat, this.reactions, this.shared, this.stage, this.place, this.controls]) part.dispose();
    document.querySelectorAll('dialog.question').forEach((dialog) => dialog.close('no'));
    this.element.remove();
  }
}
