import { invalidArgument, settled, wrongState } from '../errors.js';
import { Emitter } from '../events.js';
import { makeFeature, type FeatureFactory } from '../features/factory.js';
import { later } from '../loading.js';
import { loadedCore } from '../runtime.js';
import type { AudioDeviceInfo, MediaStreamType } from '../types.js';
import { Volume } from './volume.js';

/** Events of {@link LocalAudioStream}. */
export interface LocalAudioStreamEvents {
  /** The stream has another source. */
  audioSourceChanged: (args: {
    /** The stream. */ source: LocalAudioStream;
  }) => void;
}

/** Options of {@link LocalAudioStream}. */
export interface LocalAudioStreamOptions {
  /** Whether the end of the call also ends what `getMediaStream` and `getVolume` opened; true unless said. */
  autoDisposeOnCallEnd?: boolean;
}

/** A microphone, or an audio track of the application's own. */
export class LocalAudioStream extends Emitter<LocalAudioStreamEvents> {
  /** @internal */
  _source: AudioDeviceInfo | MediaStream;
  /** @internal */
  _options: LocalAudioStreamOptions;
  /** @internal Calls that send it. */
  _users = new Set<{ _replaced(stream: LocalAudioStream): Promise<void> }>();
  /** @internal */
  _features = new Map<unknown, unknown>();
  /** @internal What `getMediaStream` opened. */
  _opened: Promise<MediaStream> | undefined;
  /** @internal */
  _volume: Volume | undefined;

  /**
   * @param source a microphone from `DeviceManager.getMicrophones()`, or a `MediaStream` with an audio track.
   * @throws CommunicationServicesError 400/59202 for anything else.
   */
  constructor(source: AudioDeviceInfo | MediaStream, options: LocalAudioStreamOptions = {}) {
    super();
    this._source = checked(source);
    this._options = options;
  }

  /** The microphone; for an application's own stream the id and the label of its track. */
  get source(): AudioDeviceInfo {
    if (!isMediaStream(this._source)) return this._source;
    const track = this._source.getAudioTracks()[0];
    return { id: track?.id ?? this._source.id, name: track?.label ?? '', isSystemDefault: false, deviceType: 'Virtual' };
  }

  /** `Audio`. */
  get mediaStreamType(): MediaStreamType {
    return 'Audio';
  }

  /**
   * Takes another microphone, in every call that sends this stream.
   * @throws CommunicationServicesError when the microphone cannot be opened; then the old one goes on.
   */
  async switchSource(source: AudioDeviceInfo | MediaStream): Promise<void> {
    const before = this._source;
    this._source = checked(source);
    try {
      await Promise.all([...this._users].map((user) => user._replaced(this)));
    } catch (error) {
      this._source = before;
      throw error;
    }
    this._release();
    this._emit('audioSourceChanged', { source: this });
  }

  /**
   * The media itself; opens the microphone, until {@link dispose}, {@link switchSource} or the end of the call.
   * @throws CommunicationServicesError when the microphone cannot be opened.
   */
  async getMediaStream(): Promise<MediaStream> {
    const source = this._source;
    if (isMediaStream(source)) return source;
    const opened = (this._opened ??= settled(async () => (await loadedCore()).ask('', 'openMicrophone', source.id)).then((track) => new MediaStream([track])));
    opened.catch(() => { if (this._opened === opened) this._opened = undefined; });
    return opened;
  }

  /** As {@link switchSource}, with a stream of the application's own. */
  setMediaStream(stream: MediaStream): Promise<void> {
    return this.switchSource(stream);
  }

  /**
   * Its loudness, muted or not; opens the microphone, until {@link dispose}, {@link switchSource} or the end of the call.
   * @throws CommunicationServicesError when the microphone cannot be opened, or is let go of meanwhile.
   */
  async getVolume(): Promise<Volume> {
    const [{ meter }, stream] = await Promise.all([later(), this.getMediaStream()]);
    const source = this._source;
    if ((isMediaStream(source) ? source : await this._opened) !== stream) throw wrongState('The microphone was let go of.');
    return (this._volume ??= new Volume(meter, stream));
  }

  /** A feature of the stream, such as `Features.AudioEffects`; the same object every time. */
  feature<T>(factory: FeatureFactory<'audio', T>): T {
    return makeFeature('audio', factory, this._features, undefined);
  }

  /** Lets go of the source; an application's own track is not stopped. */
  dispose(): void {
    this._users.clear();
    this._release();
  }

  /** @internal Gives back what {@link getMediaStream} and {@link getVolume} opened. */
  _release(): void {
    this._volume?._stop();
    this._opened?.then((stream) => stream.getTracks().forEach((track) => track.stop()), () => {});
    this._volume = this._opened = undefined;
  }

  /** @internal The application's own track, or the device. */
  _sent(): MediaStreamTrack | string | undefined {
    return isMediaStream(this._source) ? this._source.getAudioTracks()[0] : this._source.id;
  }

  /** @internal Makes a running call send this. */
  async _sendIn(callId: string): Promise<void> {
    const sent = this._sent();
    if (sent === undefined) throw wrongState('This MediaStream has no audio track.');
    await settled(async () => (await loadedCore()).ask(callId, 'setMicrophone', sent));
  }
}

function isMediaStream(source: AudioDeviceInfo | MediaStream): source is MediaStream {
  return typeof (source as Partial<MediaStream>).getAudioTracks === 'function';
}

function checked(source: AudioDeviceInfo | MediaStream): AudioDeviceInfo | MediaStream {
  if (source && (isMediaStream(source) || typeof source.id === 'string')) return source;
  throw invalidArgument('A LocalAudioStream needs a microphone from getMicrophones() or a MediaStream.');
}
