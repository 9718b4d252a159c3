/** The organiser's console: sign in, schedule, start, let in, end. */
import { avatar } from '/shared/avatar.js';
import { CallFlow } from '/shared/call-flow.js';
import { credential } from '/shared/credential.js';
import { el, icon } from '/shared/dom.js';
import { endScreen } from '/shared/end-screen.js';
import { Listeners } from '/shared/listeners.js';
import { LocalMedia } from '/shared/local-media.js';
import { Meeting } from '/shared/meeting.js';
import { Preview } from '/shared/preview.js';
import { formError, start } from '/shared/start.js';
import { setTitle } from '/shared/title.js';
import { Waiting } from '/shared/waiting.js';
import { BreakoutPanel } from './breakout/panel.js';
import { RoomsStore } from './breakout/store.js';
import { MeetingList } from './meetings.js';
import { scheduleForm } from './schedule.js';
import { signIn, signInAs } from './sign-in.js';

/** The service is the one this page came from, whatever a token claims (S7). */
const CLIENT_OPTIONS = { endpoint: location.origin };
const RENEW_MS = 60_000;

class Console {
  constructor(parts) {
    Object.assign(this, parts);
    this.sdk = window.Plenary;
    this.session = null;
  }

  begin() {
    setTitle('Sign in');
    this.show(signIn((session) => {
      this.session = session;
      this.list = new MeetingList({
        open: (meeting) => this.prepare(meeting), announce: this.announce, accessToken: () => this.accessToken(),
      });
      this.desk = el('div', { class: 'screen desk' }, el('h1', { class: 'only-read' }, 'Organise meetings'), scheduleForm({
        accessToken: () => this.accessToken(),
        made: (meeting) => this.list.add(meeting),
      }), this.list.element);
      this.showMember();
      this.home();
    }));
  }

  showMember() {
    const { displayName } = this.session.member;
    document.querySelector('.top .fill').after(el('span', { class: 'row member' }, avatar(displayName), el('span', { class: 'words' }, displayName),
      el('button', { class: 'button plain compact sign-out', type: 'button', onclick: () => location.reload() }, 'Sign out')));
  }

  /** Both tokens run out together, and signing in again renews both. */
  async renew() {
    this.session = await signInAs(this.session.member.id);
    return this.session;
  }

  async accessToken() {
    if (Date.parse(this.session.communicationToken.expiresOn) - Date.now() < RENEW_MS) await this.renew();
    return this.session.accessToken;
  }

  home() {
    setTitle('Organise meetings');
    this.show(this.desk);
  }

  /** Camera and microphone before a meeting. */
  async prepare(meeting) {
    setTitle(meeting.subject);
    const client = new this.sdk.CallClient(CLIENT_OPTIONS);
    this.client = client;
    const error = el('p', { class: 'form-error', role: 'alert', hidden: true });
    const button = el('button', { class: 'button primary wide join', type: 'button', disabled: true, onclick: () => this.join(meeting, button, error) }, icon('camera'), 'Join');
    const heading = el('h1', { tabindex: '-1' }, meeting.subject);
    const screen = el('div', { class: 'screen two' },
      el('section', { class: 'card stack' }, heading, error, button,
        el('button', { class: 'button plain wide', type: 'button', onclick: () => this.abandon() }, 'Back')));
    this.show(screen);
    heading.focus();
    try {
      const media = new LocalMedia(this.sdk, await client.getDeviceManager(), this.problems);
      if (this.client !== client) return;
      this.media = media;
    } catch (failure) {
      this.problems.add('The meeting software could not be started', failure);
      formError(error, `The meeting software could not be started: ${failure.message}`);
      return;
    }
    this.preview = new Preview(this.sdk, this.media);
    this.preview.setName(this.session.member.displayName);
    screen.prepend(this.preview.element);
    button.disabled = false;
    await this.media.open();
  }

  async abandon() {
    await this.tidy();
    this.home();
  }

  async join(meeting, button, error) {
    formError(error, '');
    button.disabled = true;
    try {
      const tokens = credential(this.session.communicationToken, async () => (await this.renew()).communicationToken);
      this.tokens = tokens;
      this.agent ??= await this.client.createTeamsCallAgent(tokens);
      this.flow = new CallFlow({
        agent: this.agent, media: this.media, locator: { meetingLink: meeting.joinWebUrl },
        phase: (phase, call) => this.phase(phase, call, meeting), moved: (call) => this.goOn(call),
      });
    } catch (failure) {
      this.problems.add('Joining failed', failure);
      const numbers = failure.code === undefined ? '' : ` [${failure.code}/${failure.subCode ?? 0}]`;
      formError(error, `${failure.message}${numbers}`);
      button.disabled = false;
    }
  }

  phase(phase, call, meeting) {
    if (phase === 'ended') {
      void this.ended(call, meeting);
    } else if (this.meeting) {
      // Connected again after a drop: the meeting is on the page already.
    } else if (phase === 'connected') {
      this.preview.dispose();
      this.rooms = this.breakoutPanel(meeting);
      this.meeting = new Meeting({
        sdk: this.sdk, call, media: this.media, selfName: this.session.member.displayName, subject: meeting.subject,
        organiser: true, problems: this.problems, announce: this.announce, hangUp: (options) => this.flow.hangUp(options),
        chat: { credential: this.tokens, self: this.session.member.rawId },
        rooms: { element: this.rooms.element, shown: (yes) => this.rooms.store.watch(yes) },
      });
      this.followRooms(call);
      this.show(this.meeting.element, { meeting: true });
      this.meeting.focus();
    } else {
      this.waiting ??= new Waiting(() => this.flow.leave());
      if (!this.waiting.element.isConnected) {
        this.show(el('div', { class: 'screen two' }, this.preview.element, this.waiting.element));
        this.waiting.title.focus();
      }
      this.waiting.show(phase);
    }
  }

  breakoutPanel(meeting) {
    const store = new RoomsStore(meeting, () => this.accessToken());
    const panel = new BreakoutPanel({
      store, meeting, announce: this.announce, self: this.session.member.rawId,
      visit: (threadId) => this.meeting.breakout.visit(threadId),
    });
    panel.listeners.add(store, 'manages', () => this.tellManages(store.manages));
    void store.look();
    return panel;
  }

  /** Appointed, or withdrawn, in the middle of the meeting (E4). */
  tellManages(yes) {
    const { notices, panel } = this.meeting;
    const text = yes ? 'You can manage the breakout rooms now.' : 'You do not manage the breakout rooms any more.';
    this.announce.say(text);
    const put = { text: 'OK', act: () => notices.hide('manages') };
    const open = { text: 'Show the rooms', primary: true, act: () => {
      notices.hide('manages');
      panel.show('rooms');
    } };
    notices.show('manages', text, { iconName: 'rooms', buttons: yes && panel.open !== 'rooms' ? [open, put] : [put] });
  }

  goOn(call) {
    this.meeting.moveTo(call);
    this.followRooms(call);
  }

  /** Whatever a call tells of rooms and people is a reason to look again. */
  followRooms(call) {
    const { listeners, store } = this.rooms;
    const feature = call.feature(this.sdk.Features.BreakoutRooms);
    listeners.add(feature, 'breakoutRoomsUpdated', () => {
      // Who manages the rooms is told their invitees (E2): that is how one learns of it at once.
      const manages = feature.breakoutRooms?.some(({ invitees }) => invitees) ?? store.manages;
      if (manages === store.manages) store.touch();
      else void store.look();
    });
    listeners.add(call, 'remoteParticipantsUpdated', () => store.touch());
    store.touch();
  }

  async ended(call, meeting) {
    const reason = { ...call.callEndReason };
    const listeners = new Listeners();
    const leave = (next) => () => {
      listeners.dispose();
      next();
    };
    const screen = endScreen({
      reason, problems: this.problems, listeners,
      again: leave(() => this.prepare(meeting)), back: leave(() => this.home()),
    });
    const tidied = this.tidy();
    this.show(screen.element);
    setTitle(screen.title);
    this.announce.say(screen.title);
    screen.focus();
    await tidied;
  }

  /** Nothing of a meeting stays behind: views, camera, agent, client. */
  async tidy() {
    const { agent, client, media, preview, meeting, rooms } = this;
    this.rooms = this.agent = this.client = this.media = this.preview = this.meeting = this.waiting = this.flow = null;
    meeting?.dispose();
    rooms?.dispose();
    preview?.dispose();
    media?.dispose();
    try {
      await agent?.dispose();
      await client?.dispose();
    } catch (error) {
      this.problems.add('Tidying up failed', error);
    }
  }
}

const parts = start();
if (parts) new Console(parts).begin();
