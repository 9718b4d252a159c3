import type { DeviceInfo } from '../core.js';
import { settled } from '../errors.js';
import { Emitter, type CollectionUpdatedEvent, type PropertyChangedEvent } from '../events.js';
import { chosen, deviceManagers, loadedCore, type DevicesSink } from '../runtime.js';
import type { AudioDeviceInfo, DeviceAccess, PermissionConstraints, VideoDeviceInfo } from '../types.js';

/** Events of {@link DeviceManager}. */
export interface DeviceManagerEvents {
  /** Cameras came or went, or got their names. */
  videoDevicesUpdated: CollectionUpdatedEvent<VideoDeviceInfo>;
  /** Microphones or speakers came or went, or got their names. */
  audioDevicesUpdated: CollectionUpdatedEvent<AudioDeviceInfo>;
  /** `selectedMicrophone` changed. */
  selectedMicrophoneChanged: PropertyChangedEvent;
  /** `selectedSpeaker` changed. */
  selectedSpeakerChanged: PropertyChangedEvent;
}

/** Cameras, microphones, speakers. The choice of microphone and speaker is the page's. */
export class DeviceManager extends Emitter<DeviceManagerEvents> {
  /** Whether the browser lets a page choose the speaker. */
  readonly isSpeakerSelectionAvailable: boolean;
  /** The microphone that calls use: the chosen one while it is there, else the system's. */
  selectedMicrophone: AudioDeviceInfo | undefined;
  /** The speaker that calls use: the chosen one while it is there, else the system's. */
  selectedSpeaker: AudioDeviceInfo | undefined;
  /** @internal Replaced, never changed. */
  _devices: ReadonlyArray<DeviceInfo> = [];
  /** @internal */
  _sink: DevicesSink = { apply: () => void this._refresh().catch(() => {}) };
  /** @internal This object, also where methods run with a Proxy as `this` (2.1.3). */
  _self: DeviceManager;

  /** @internal */
  constructor() {
    super();
    this._self = this;
    this.isSpeakerSelectionAvailable = typeof HTMLMediaElement === 'function' && 'setSinkId' in HTMLMediaElement.prototype;
  }

  /** @internal */
  static async _open(): Promise<DeviceManager> {
    const manager = new DeviceManager();
    await manager._refresh();
    deviceManagers.add(manager._sink);
    return manager;
  }

  /** The cameras, without asking for permission; without it their names are empty. */
  async getCameras(): Promise<VideoDeviceInfo[]> {
    await this._self._refresh();
    return camerasOf(this._devices);
  }

  /** The microphones, without asking for permission; without it their names are empty. */
  async getMicrophones(): Promise<AudioDeviceInfo[]> {
    await this._self._refresh();
    return audioOf(this._devices, 'microphone');
  }

  /** The speakers; empty where the browser does not list them. */
  async getSpeakers(): Promise<AudioDeviceInfo[]> {
    await this._self._refresh();
    return audioOf(this._devices, 'speaker');
  }

  /**
   * Takes a microphone for all calls, present and future, that were not given a `LocalAudioStream`.
   */
  async selectMicrophone(microphone: AudioDeviceInfo): Promise<void> {
    await settled(async () => (await loadedCore()).ask('', 'selectMicrophone', microphone.id));
    chosen.microphone = microphone.id;
    await this._self._refreshAll();
  }

  /**
   * Takes a speaker for all calls, present and future.
   * @throws CommunicationServicesError where the browser does not let a page choose.
   */
  async selectSpeaker(speaker: AudioDeviceInfo): Promise<void> {
    await settled(async () => (await loadedCore()).ask('', 'selectSpeaker', speaker.id));
    chosen.speaker = speaker.id;
    await this._self._refreshAll();
  }

  /** Asks the user, with one prompt and only where needed. Refusal is an answer, no error. */
  async askDevicePermission(constraints: PermissionConstraints): Promise<DeviceAccess> {
    const audio = constraints?.audio === true;
    const video = constraints?.video === true;
    const access = await settled(async () => (await loadedCore()).askPermission(audio, video));
    await this._self._refresh();
    return { audio: access.audio, video: access.video };
  }

  /** Accepted for compatibility: devices open fast enough. */
  async startPreheatDevices(_constraints?: Partial<PermissionConstraints>): Promise<void> {}

  /** Accepted for compatibility. */
  async stopPreheatDevices(_constraints?: Partial<PermissionConstraints>): Promise<void> {}

  /** @internal Reads the list again and tells what is different. */
  async _refresh(): Promise<void> {
    const devices = await settled(async () => (await loadedCore()).ask('', 'devices'));
    const old = this._devices;
    this._devices = devices;
    const microphone = selected(audioOf(devices, 'microphone'), chosen.microphone);
    const speaker = selected(audioOf(devices, 'speaker'), chosen.speaker);
    const newMicrophone = !same(this.selectedMicrophone, microphone);
    const newSpeaker = !same(this.selectedSpeaker, speaker);
    if (newMicrophone) this.selectedMicrophone = microphone;
    if (newSpeaker) this.selectedSpeaker = speaker;

    const video = difference(camerasOf(old), camerasOf(devices));
    const audio = difference(allAudioOf(old), allAudioOf(devices));
    if (video) this._emit('videoDevicesUpdated', video);
    if (audio) this._emit('audioDevicesUpdated', audio);
    if (newMicrophone) this._emit('selectedMicrophoneChanged');
    if (newSpeaker) this._emit('selectedSpeakerChanged');
  }

  /** @internal The choice is the page's, so every client's manager tells it. */
  async _refreshAll(): Promise<void> {
    for (const sink of [...deviceManagers]) {
      if (sink !== this._sink) sink.apply({ type: 'devices', audio: true, video: false });
    }
    await this._refresh();
  }

  /** @internal */
  _dispose(): void {
    deviceManagers.delete(this._self._sink);
  }
}

function camerasOf(devices: ReadonlyArray<DeviceInfo>): VideoDeviceInfo[] {
  return devices
    .filter((device) => device.kind === 'camera')
    .map(({ id, name }) => ({ id, name, deviceType: 'UsbCamera' }));
}

function audioOf(devices: ReadonlyArray<DeviceInfo>, kind: 'microphone' | 'speaker'): AudioDeviceInfo[] {
  return devices
    .filter((device) => device.kind === kind)
    .map(({ id, name, isSystemDefault }) => ({
      id, name, isSystemDefault, deviceType: kind === 'microphone' ? 'Microphone' : 'Speaker',
    }));
}

function allAudioOf(devices: ReadonlyArray<DeviceInfo>): AudioDeviceInfo[] {
  return [...audioOf(devices, 'microphone'), ...audioOf(devices, 'speaker')];
}

function selected(devices: AudioDeviceInfo[], id: string | undefined): AudioDeviceInfo | undefined {
  return devices.find((device) => device.id === id) ?? devices.find((device) => device.isSystemDefault) ?? devices[0];
}

function same(a: AudioDeviceInfo | undefined, b: AudioDeviceInfo | undefined): boolean {
  return a?.id === b?.id && a?.name === b?.name;
}

function difference<D extends { id: string; name: string; deviceType: string }>(
  old: D[],
  now: D[],
): { added: D[]; removed: D[] } | undefined {
  const key = (device: D) => JSON.stringify([device.deviceType, device.id, device.name]);
  const [before, after] = [new Set(old.map(key)), new Set(now.map(key))];
  const added = now.filter((device) => !before.has(key(device)));
  const removed = old.filter((device) => !after.has(key(device)));
  return added.length > 0 || removed.length > 0 ? { added, removed } : undefined;
}
