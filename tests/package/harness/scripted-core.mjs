/**
 * Stands in for the generated glue where the facade's own logic is tested: a `Core` that remembers
 * what it was asked and tells what the test says. The real core is in tests/browser and tests/e2e.
 */
export const loads = [];
export const cores = [];
/** What the next calls do instead of succeeding: method name -> function. */
export const script = {};

export default async function init(source) {
  loads.push(source);
  await script.init?.();
}

let core;

/** As the glue has it: one export for all methods. */
export function act(what, ...given) {
  if (what === 'begin') core = new Core(...given);
  else return core[what](...given);
}

class Core {
  constructor(onChange) {
    this.tell = onChange;
    this.asked = [];
    this.agents = 0;
    this.tracks = [];
    this.deviceList = [
      { id: 'cam1', name: 'Front', kind: 'camera', isSystemDefault: true },
      { id: 'mic1', name: 'Inner', kind: 'microphone', isSystemDefault: true },
      { id: 'mic2', name: 'Headset', kind: 'microphone', isSystemDefault: false },
      { id: 'speaker1', name: 'Inner', kind: 'speaker', isSystemDefault: true },
    ];
    cores.push(this);
  }

  note(method, ...args) {
    this.asked.push([method, ...args]);
    return script[method]?.(this, ...args);
  }

  named(method) {
    return this.asked.filter(([name]) => name === method);
  }

  async createAgent(options) {
    await this.note('createAgent', options);
    return { agent: (this.agents += 1), identity: '8:acs:resource_me', displayName: options.displayName };
  }

  async disposeAgent(agent) {
    await this.note('disposeAgent', agent);
  }

  join(agent, call, locator, options) {
    this.note('join', agent, call, locator, options);
  }

  /** Remembered under its word, without the call or the arguments that it has not. */
  async ask(call, what, ...about) {
    if (!call) return this[what](...about);
    await this.note(what, call, ...about);
    if (what === 'mute' || what === 'unmute') this.tell({ type: 'call', call, muted: what === 'mute' });
    return what === 'admitAll' ? { successCount: 2, failureCount: 1 } : undefined;
  }

  /** Sends at once and gives what comes. */
  outbox(ticket, what) {
    const does = { ask: 'post', answered: 'give', lost: 'give' }[what];
    return { actions: does ? [{ ticket, does }] : [] };
  }

  async openCamera(id) {
    await this.note('openCamera', id);
    const track = { id: `${id}-${this.tracks.length}`, stopped: false, stop() { this.stopped = true; } };
    this.tracks.push(track);
    return track;
  }

  async devices() {
    await this.note('devices');
    return this.deviceList.map((device) => ({ ...device }));
  }

  async askPermission(audio, video) {
    await this.note('askPermission', audio, video);
    return { audio, video };
  }

  openRemoteView(call, stream, scaling, mirrored) {
    this.note('openRemoteView', call, stream, scaling, mirrored);
    return this.view(scaling);
  }

  remoteTrack(call, stream) {
    return this.note('remoteTrack', call, stream);
  }

  view(scaling) {
    const view = { scaling, closed: 0 };
    (this.views ??= []).push(view);
    return view;
  }

  updateScaling(view, mode) {
    view.scaling = mode;
  }

  setRendered(view, ...size) {
    view.rendered = size;
  }

  closeView(view) {
    view.closed += 1;
  }

  dispose() {
    this.note('dispose');
  }
}

for (const method of ['shareScreen', 'selectMicrophone', 'selectSpeaker']) {
  Core.prototype[method] = async function (...args) {
    await this.note(method, ...args);
  };
}
