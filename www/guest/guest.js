/** The guest's page: preview and name, waiting, the meeting, the end. */
import { CallFlow } from '/shared/call-flow.js';
import { credential } from '/shared/credential.js';
import { el } from '/shared/dom.js';
import { endScreen } from '/shared/end-screen.js';
import { Listeners } from '/shared/listeners.js';
import { LocalMedia } from '/shared/local-media.js';
import { Meeting } from '/shared/meeting.js';
import { Preview } from '/shared/preview.js';
import { post } from '/shared/requests.js';
import { start } from '/shared/start.js';
import { setTitle } from '/shared/title.js';
import { Waiting } from '/shared/waiting.js';
import { JoinForm } from './join-form.js';
import { takeLink } from './link.js';

/** The service is the one this page came from, whatever a token claims (S7). */
const CLIENT_OPTIONS = { endpoint: location.origin };

/**
 * Stands in for an application's own backend: it alone may ask the identity API for tokens. A guest
 * stays the same identity for as long as the page is open.
 */
async function guestCredential(displayName, before) {
  if (before && Date.parse(before.expiresOn) - Date.now() > 60_000) return before;
  return post('/dev/guests', { displayName });
}

class GuestPage {
  constructor(parts) {
    Object.assign(this, parts);
    this.sdk = window.Plenary;
    this.link = takeLink();
    this.name = undefined;
    this.guest = null;
    this.agent = null;
  }

  /** The first screen; also after "Join again". */
  async prepare() {
    setTitle('Join a meeting');
    this.client = new this.sdk.CallClient(CLIENT_OPTIONS);
    const form = new JoinForm({
      link: this.link, name: this.name,
      named: (name) => this.preview?.setName(name),
      join: (wanted) => this.join(wanted),
    });
    this.form = form;
    const screen = el('div', { class: 'screen two' }, form.element);
    this.show(screen);
    try {
      this.media = new LocalMedia(this.sdk, await this.client.getDeviceManager(), this.problems);
    } catch (error) {
      this.problems.add('The meeting software could not be started', error);
      screen.prepend(el('p', { class: 'form-error', role: 'alert' }, `The meeting software could not be started: ${error.message}`));
      form.button.disabled = true;
      return;
    }
    this.preview = new Preview(this.sdk, this.media);
    this.preview.setName(form.name.value.trim());
    screen.prepend(this.preview.element);
    form.name.focus({ preventScroll: true });
    await this.media.open();
  }

  async join({ name, locator }) {
    this.name = name;
    if (!this.media) return;
    setTitle('Connecting');
    try {
      this.guest = await guestCredential(name, this.guest);
      // The stand-in cannot give the same guest a second token; its first one lasts for half a day.
      const tokens = credential(this.guest, async () => { throw new Error('Your access has run out. Join again.'); });
      this.tokens = tokens;
      this.agent ??= await this.client.createCallAgent(tokens, { displayName: name });
      this.flow = new CallFlow({
        agent: this.agent, locator, media: this.media,
        phase: (phase, call) => this.phase(phase, call), moved: (call) => this.meeting.moveTo(call),
      });
    } catch (error) {
      setTitle('Join a meeting');
      this.problems.add('Joining failed', error);
      // The next attempt starts from a new agent: the name may have changed.
      const { agent } = this;
      this.agent = null;
      await agent?.dispose();
      throw error;
    }
  }

  phase(phase, call) {
    if (phase === 'connecting' || phase === 'lobby') this.wait(phase);
    else if (phase === 'connected') this.meet(call);
    else void this.ended(call);
  }

  wait(phase) {
    if (this.meeting) return;
    if (!this.waiting) {
      this.waiting = new Waiting(() => this.flow.leave());
      this.show(el('div', { class: 'screen two' }, this.preview.element, this.waiting.element));
      this.waiting.title.focus();
    }
    this.waiting.show(phase);
    setTitle(phase === 'lobby' ? 'Waiting to be let in' : 'Connecting');
  }

  meet(call) {
    if (this.meeting) return;
    this.preview.dispose();
    this.announce.say('You are in the meeting');
    this.meeting = new Meeting({
      sdk: this.sdk, call, media: this.media, selfName: this.name, subject: 'Meeting', organiser: false,
      problems: this.problems, announce: this.announce, hangUp: (options) => this.flow.hangUp(options),
      chat: { credential: this.tokens, self: this.guest.userId },
    });
    this.show(this.meeting.element, { meeting: true });
    this.meeting.focus();
  }

  /** Nothing of the meeting stays behind: views, camera, agent, client. */
  async ended(call) {
    const reason = { ...call.callEndReason };
    const listeners = new Listeners();
    const screen = endScreen({
      reason, problems: this.problems, listeners,
      again: () => {
        listeners.dispose();
        void this.prepare();
      },
    });
    this.meeting?.dispose();
    this.preview.dispose();
    this.media.dispose();
    const { agent, client } = this;
    this.agent = this.client = this.media = this.preview = this.meeting = this.waiting = this.flow = null;
    this.show(screen.element);
    setTitle(screen.title);
    this.announce.say(screen.title);
    screen.focus();
    try {
      await agent.dispose();
      await client.dispose();
    } catch (error) {
      this.problems.add('Tidying up failed', error);
    }
  }
}

const parts = start();
if (parts) await new GuestPage(parts).prepare();
