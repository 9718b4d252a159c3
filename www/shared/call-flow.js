/**
 * One stay in a meeting, without any picture of it: joins, says which phase it is in, follows it from call
 * to call as the user goes to breakout rooms and back (E9), and tidies up after the end. Phases:
 * `connecting`, `lobby`, `connected`, `ended`.
 */
import { Listeners } from './listeners.js';

const PHASES = {
  None: 'connecting', Connecting: 'connecting', Ringing: 'connecting', EarlyMedia: 'connecting',
  InLobby: 'lobby', Connected: 'connected', LocalHold: 'connected', RemoteHold: 'connected',
  Disconnecting: 'leaving', Disconnected: 'ended',
};

export class CallFlow {
  /**
   * `phase(name, call)` is called on every change of phase, `ended` last and once; `moved(call)` when the
   * stay goes on in another call.
   */
  constructor({ agent, locator, media, phase, moved }) {
    this.agent = agent;
    this.media = media;
    this.listeners = new Listeners();
    this.told = null;
    this.phase = phase;
    this.moved = moved;
    /** In the order of coming: of a manager's two, the one on hold is the first. */
    this.calls = [];
    this.call = agent.join(locator, media.joinOptions());
    media.attach(this.call);
    this.watch(this.call);
    this.listeners.add(agent, 'callsUpdated', ({ added }) => added.forEach((call) => this.watch(call)));
    // A page that goes away says so, instead of being missed after a while.
    this.listeners.add(window, 'pagehide', () => { void this.hangUp().catch(() => {}); });
    this.tell();
  }

  watch(call) {
    if (this.calls.includes(call)) return;
    this.calls.push(call);
    this.listeners.add(call, 'stateChanged', () => this.tell());
  }

  tell() {
    if (this.told === 'ended') return;
    const next = this.calls.findLast(({ state }) => state === 'Connected');
    if (next && next !== this.call) this.goOn(next);
    const name = PHASES[this.call.state] ?? 'connecting';
    if (name === this.told || name === 'leaving') return;
    this.told = name;
    if (name === 'ended') {
      this.listeners.dispose();
      this.media.detach();
    }
    this.phase(name, this.call);
  }

  goOn(call) {
    this.calls = this.calls.filter(({ state }) => state !== 'Disconnected');
    this.call = call;
    this.media.detach();
    this.media.attach(call);
    if (this.told === 'connected') this.moved(call);
  }

  /** Leaves altogether: what is on hold goes first, or leaving the room would lead back to it (E9). */
  async hangUp({ forEveryone = false } = {}) {
    if (forEveryone) return this.call.hangUp({ forEveryone });
    const held = this.calls.filter(({ state }) => state === 'LocalHold');
    await Promise.all([...held, this.call].map((call) => call.hangUp()));
  }

  async leave() {
    try {
      await this.hangUp();
    } catch {
      // It was over already.
    }
  }
}
