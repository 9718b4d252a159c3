/**
 * One attempt at a meeting, without any picture of it: joins, says which phase it is in, and tidies
 * up after the end. Phases: `connecting`, `lobby`, `connected`, `ended`.
 */
import { Listeners } from './listeners.js';

const PHASES = {
  None: 'connecting', Connecting: 'connecting', Ringing: 'connecting', EarlyMedia: 'connecting',
  InLobby: 'lobby', Connected: 'connected', LocalHold: 'connected', RemoteHold: 'connected',
  Disconnecting: 'leaving', Disconnected: 'ended',
};

export class CallFlow {
  /** `phase(name, call)` is called on every change of phase, `ended` last and once. */
  constructor({ agent, locator, media, phase }) {
    this.media = media;
    this.listeners = new Listeners();
    this.told = null;
    this.phase = phase;
    this.call = agent.join(locator, media.joinOptions());
    media.attach(this.call);
    this.listeners.add(this.call, 'stateChanged', () => this.tell());
    // A page that goes away says so, instead of being missed after a while.
    this.listeners.add(window, 'pagehide', () => { void this.call.hangUp().catch(() => {}); });
    this.tell();
  }

  tell() {
    const name = PHASES[this.call.state] ?? 'connecting';
    if (name === this.told || this.told === 'ended' || name === 'leaving') return;
    this.told = name;
    if (name === 'ended') {
      this.listeners.dispose();
      this.media.detach();
    }
    this.phase(name, this.call);
  }

  async leave() {
    try {
      await this.call.hangUp();
    } catch {
      // It was over already.
    }
  }
}
