/**
 * The own camera and microphone, before and during a call: which devices there are, which are chosen,
 * what is on. Before a call it only remembers what the call shall start with; once attached it acts
 * on the call and follows it.
 */
import { Listeners } from './listeners.js';

/** Of the error when the user picks no screen. */
const NOTHING_PICKED = 59142;

export class LocalMedia extends EventTarget {
  constructor(sdk, deviceManager, problems) {
    super();
    this.sdk = sdk;
    this.devices = deviceManager;
    this.problems = problems;
    this.listeners = new Listeners();
    this.callListeners = new Listeners();
    this.call = null;
    this.muted = false;
    this.stream = null;
    this.camera = null;
    this.cameras = [];
    this.microphones = [];
    this.speakers = [];
    this.allowed = { audio: false, video: false };
    this.notice = '';
    this.busy = { camera: false, microphone: false, screen: false };
  }

  /** Asks for permission, lists the devices, turns the camera on if there is one. */
  async open() {
    this.listeners.add(this.devices, 'videoDevicesUpdated', () => this.list());
    this.listeners.add(this.devices, 'audioDevicesUpdated', () => this.list());
    this.listeners.add(this.devices, 'selectedMicrophoneChanged', () => this.changed());
    this.listeners.add(this.devices, 'selectedSpeakerChanged', () => this.changed());
    try {
      this.allowed = { ...await this.devices.askDevicePermission({ audio: true, video: true }) };
    } catch (error) {
      this.problems.add('The browser did not give access to camera and microphone', error);
    }
    if (!this.allowed.audio) this.muted = true;
    this.notice = this.permissionNotice();
    await this.list();
    if (this.allowed.video && this.cameras.length > 0) await this.setCamera(true);
    this.changed();
  }

  permissionNotice() {
    const { audio, video } = this.allowed;
    if (audio && video) return '';
    const what = !audio && !video ? 'camera and microphone' : audio ? 'camera' : 'microphone';
    return `The ${what} cannot be used: there is none, another program has it, or this page may not use it. Check the symbol in the address bar. You can join all the same.`;
  }

  async list() {
    try {
      this.cameras = await this.devices.getCameras();
      this.microphones = await this.devices.getMicrophones();
      this.speakers = this.devices.isSpeakerSelectionAvailable ? await this.devices.getSpeakers() : [];
    } catch (error) {
      this.problems.add('The devices could not be listed', error);
    }
    if (!this.cameras.some(({ id }) => id === this.camera?.id)) this.camera = this.cameras[0] ?? null;
    this.changed();
  }

  get cameraOn() {
    return this.stream !== null;
  }

  get sharing() {
    return this.call?.isScreenSharingOn ?? false;
  }

  /** The service decides; this is what it said last. */
  get mayShare() {
    return this.call?.feature(this.sdk.Features.Capabilities).capabilities.shareScreen.isPresent ?? false;
  }

  get microphone() {
    return this.devices.selectedMicrophone;
  }

  get speaker() {
    return this.devices.selectedSpeaker;
  }

  /** What `join` is to start with. */
  joinOptions() {
    return {
      audioOptions: { muted: this.muted },
      videoOptions: this.stream ? { localVideoStreams: [this.stream] } : {},
    };
  }

  /** Also to the call that goes on with another one's media; what was on stays on. */
  attach(call) {
    this.call = call;
    this.muted = call.isMuted;
    this.callListeners.add(call, 'isMutedChanged', () => {
      this.muted = call.isMuted;
      this.changed();
    });
    this.callListeners.add(call, 'isScreenSharingOnChanged', () => this.changed());
    this.callListeners.add(call.feature(this.sdk.Features.Capabilities), 'capabilitiesChanged', () => this.changed());
    this.callListeners.add(call, 'localVideoStreamsUpdated', ({ removed }) => {
      if (this.stream && removed.includes(this.stream) && !this.busy.camera) {
        this.stream = null;
        this.changed();
      }
    });
    this.changed();
  }

  /** The browser asks what to share; who picks nothing has changed their mind. */
  setSharing(on) {
    return this.once('screen', on ? 'The screen could not be shared' : 'Sharing could not be stopped', async () => {
      if (!on) return this.call?.stopScreenSharing();
      try {
        await this.call?.startScreenSharing();
      } catch (error) {
        if (error.subCode !== NOTHING_PICKED) throw error;
      }
    });
  }

  detach() {
    this.callListeners.dispose();
    this.call = null;
  }

  setMuted(muted) {
    return this.once('microphone', muted ? 'The microphone could not be muted' : 'The microphone could not be turned on', async () => {
      if (this.call) await (muted ? this.call.mute() : this.call.unmute());
      this.muted = muted;
    });
  }

  setCamera(on) {
    return this.once('camera', on ? 'The camera could not be turned on' : 'The camera could not be turned off', async () => {
      if (on === this.cameraOn) return;
      if (on) {
        if (!this.camera) throw new Error('There is no camera');
        const stream = new this.sdk.LocalVideoStream(this.camera);
        if (this.call) await this.call.startVideo(stream);
        this.stream = stream;
      } else {
        const stream = this.stream;
        this.stream = null;
        // Views first: they hold the camera, too.
        this.changed();
        if (this.call) await this.call.stopVideo(stream);
        stream.dispose();
      }
    });
  }

  /** The camera was on and did not open, or vanished. */
  cameraFailed(error) {
    this.problems.add('The camera could not be turned on', error);
    this.notice = 'The camera could not be turned on. Is another program using it?';
    void this.setCamera(false);
  }

  selectCamera(id) {
    return this.once('camera', 'The camera could not be changed', async () => {
      const camera = this.cameras.find((device) => device.id === id);
      if (!camera) return;
      if (this.stream) await this.stream.switchSource(camera);
      this.camera = camera;
    });
  }

  selectMicrophone(id) {
    return this.once('microphone', 'The microphone could not be changed', async () => {
      const microphone = this.microphones.find((device) => device.id === id);
      if (microphone) await this.devices.selectMicrophone(microphone);
    });
  }

  selectSpeaker(id) {
    return this.once('microphone', 'The speaker could not be changed', async () => {
      const speaker = this.speakers.find((device) => device.id === id);
      if (speaker) await this.devices.selectSpeaker(speaker);
    });
  }

  /** One action per device at a time; a failure is told and changes nothing. */
  async once(device, sentence, action) {
    if (this.busy[device]) return;
    this.busy[device] = true;
    this.changed();
    try {
      await action();
      this.notice = '';
    } catch (error) {
      this.problems.add(sentence, error);
      this.notice = `${sentence}. ${error.message ?? ''}`.trim();
    } finally {
      this.busy[device] = false;
      this.changed();
    }
  }

  changed() {
    this.dispatchEvent(new Event('change'));
  }

  dispose() {
    this.detach();
    this.listeners.dispose();
    const stream = this.stream;
    this.stream = null;
    this.changed();
    stream?.dispose();
  }
}
