/** A meeting on the page, from being let in to the end: puts stage, panel, controls and notices together. */
import { confirm } from './dialog.js';
import { watchDiagnostics } from './diagnostics.js';
import { el, setText } from './dom.js';
import { Controls } from './controls.js';
import { Info } from './info.js';
import { Listeners } from './listeners.js';
import { Lobby } from './lobby.js';
import { Notices } from './notices.js';
import { Panel } from './panel.js';
import { People } from './people.js';
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

export class Meeting {
  /** `organiser`: shows removing and ending for everyone to a member who may. */
  constructor({ sdk, call, media, selfName, subject, organiser, problems, announce }) {
    Object.assign(this, { sdk, call, media, subject, problems, announce });
    this.listeners = new Listeners();
    this.notices = new Notices();
    this.people = new People(call);
    this.lobby = new Lobby(call, problems);
    this.stage = new Stage({ sdk, people: this.people, media, selfName, problems, showPeople: () => this.panel.show('people') });
    this.shared = new SharedScreen({ sdk, people: this.people, problems, announce });
    this.roster = new Roster({ call, people: this.people, media, selfName, problems, mayRemove: () => organiser });
    this.info = new Info(call, problems);
    this.panel = new Panel({
      people: { title: 'People', elements: [this.lobby.element, this.roster.element] },
      info: { title: 'Information', elements: [this.info.element] },
    }, (name) => {
      this.controls.showPanel(name);
      this.tellWaiting();
    });
    this.controls = new Controls(media, {
      share: () => media.setSharing(!media.sharing),
      people: () => this.panel.toggle('people'),
      info: () => this.panel.toggle('info'),
      leave: () => this.leave(false),
      endForAll: organiser ? () => this.endForAll() : undefined,
    });
    this.alone = el('p', { class: 'alone small', hidden: true }, 'Nobody else is here yet.');
    const clock = el('span', { class: 'time small', 'aria-hidden': 'true' }, '00:00');
    this.heading = el('h1', { tabindex: '-1' }, subject);
    this.element = el('div', { class: 'meeting' },
      el('header', { class: 'head' }, this.heading, clock, el('span', { class: 'fill' }), helpButton(), themeButton(this.listeners)),
      el('div', { class: 'middle' }, this.notices.element, el('div', { class: 'stages' }, this.shared.element, this.stage.element), this.alone),
      this.panel.element, this.controls.element);
    this.keepClock(clock);
    this.follow();
    this.count();
    this.tellWaiting();
  }

  keepClock(clock) {
    const since = performance.now();
    const timer = setInterval(() => setText(clock, elapsed(since)), 1000);
    this.listeners.own(() => clearInterval(timer));
  }

  follow() {
    const { call, media, announce, listeners, notices, problems, sdk } = this;
    listeners.add(this.people, 'joined', ({ detail }) => {
      announce.say(`${detail.name} joined`);
      this.count();
    });
    listeners.add(this.people, 'left', ({ detail }) => {
      announce.say(`${detail.name} left`);
      this.count();
    });
    listeners.add(this.lobby, 'came', ({ detail }) => {
      announce.say(`${detail.name} is waiting to be let in`);
      this.count();
      this.tellWaiting();
    });
    listeners.add(this.lobby, 'gone', () => {
      this.count();
      this.tellWaiting();
    });
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
    listeners.add(call, 'mutedByOthers', () => {
      announce.say('Somebody muted you');
      notices.show('muted', 'Somebody in the meeting muted you.', { iconName: 'mic-off', buttons: [{ text: 'OK', act: () => notices.hide('muted') }] });
    });
    // A failure that nobody sees is worse than a bar: the newest one is shown until it is put away.
    listeners.add(problems, 'change', () => {
      const [newest] = problems.entries;
      if (newest && /could not|cannot/.test(newest.text)) {
        notices.show('problem', newest.text, { warn: true, buttons: [{ text: 'Close', act: () => notices.hide('problem') }] });
      }
    });
    watchDiagnostics({ sdk, call, listeners, notices, problems, announce });
    listenForShortcuts(listeners, {
      microphone: () => media.setMuted(!media.muted),
      camera: () => media.setCamera(!media.cameraOn),
      people: () => this.panel.toggle('people'),
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
    const people = this.people.list.length + 1;
    const waiting = this.lobby.waiting.length;
    this.controls.showCount(people, waiting);
    this.alone.hidden = people > 1;
    setTitle(this.subject, { waiting, live: true });
  }

  /** The bar about those who wait; not needed while the panel shows them. */
  tellWaiting() {
    const { waiting } = this.lobby;
    if (waiting.length === 0 || this.panel.open === 'people') {
      this.notices.hide('waiting-people');
      return;
    }
    const [first] = waiting;
    const text = waiting.length === 1 ? `${first.name} is waiting to be let in.` : `${first.name} and ${waiting.length - 1} more are waiting to be let in.`;
    const view = { text: 'View', act: () => this.panel.show('people') };
    const admit = waiting.length === 1
      ? { text: 'Admit', primary: true, act: () => this.lobby.answer(first, 'admit', `${first.name} could not be let in`) }
      : { text: 'Admit all', primary: true, act: () => this.lobby.admitAll() };
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
      await this.call.hangUp({ forEveryone });
    } catch (error) {
      button.disabled = false;
      this.problems.add(forEveryone ? 'The meeting could not be ended' : 'Leaving failed; it could not be told to the service', error);
    }
  }

  focus() {
    this.heading.focus();
  }

  dispose() {
    for (const part of [this.listeners, this.shared, this.stage, this.roster, this.lobby, this.info, this.controls, this.people]) part.dispose();
    document.querySelectorAll('dialog.question').forEach((dialog) => dialog.close('no'));
    this.element.remove();
  }
}
