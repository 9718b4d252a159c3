import { invalidArgument, notSupported, settled, wrongState } from '../errors.js';
import { Emitter, type PropertyChangedEvent } from '../events.js';
import { makeFeature, type FeatureFactory } from '../features/factory.js';
import { loadedCore } from '../runtime.js';
import type { AudioDeviceInfo, MediaStreamType } from '../types.js';

/** Loudness of a stream. */
export interface Volume {
  /** 0 to 100. */
  readonly level: number;
  /** Calls `listener` when `level` changed. */
  on(event: 'levelChanged', listener: PropertyChangedEvent): void;
  /** Takes `on` back. */
  off(event: 'levelChanged', listener: PropertyChangedEvent): void;
}

/** Events of {@link LocalAudioStream}. */
export interface LocalAudioStreamEvents {
  /** The stream has another source. */
  audioSourceChanged: (args: { source: LocalAudioStream }) => void;
}

/** A microphone, or an audio track of the application's own. */
export class LocalAudioStream extends Emitter<LocalAudioStreamEvents> {
  /** @internal */
  _source: AudioDeviceInfo | MediaStream;
  /** @internal Calls that send it. */
  _users = new Set<{ replaced(stream: LocalAudioStream): Promise<void> }>();
  /** @internal */
  _features = new Map<unknown, unknown>();

  /**
   * @param source a microphone from `DeviceManager.getMicrophones()`, or a `MediaStream` with an audio track.
   * @throws CommunicationServicesError 400/59202 for anything else.
   */
  constructor(source: AudioDeviceInfo | MediaStream) {
    super();
    this._source = checked(source);
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

  /** Takes another microphone, in every call that sends this stream. */
  async switchSource(source: AudioDeviceInfo | MediaStream): Promise<void> {
    this._source = checked(source);
    await Promise.all([...this._users].map((user) => user.replaced(this)));
    this._emit('audioSourceChanged', { source: this });
  }

  /**
   * The media itself.
   * @throws CommunicationServicesError 501/59200 for a microphone; `getUserMedia` gives its stream.
   */
  async getMediaStream(): Promise<MediaStream> {
    if (isMediaStream(this._source)) return this._source;
    throw notSupported('The MediaStream of a microphone', 'use getUserMedia with the id of the microphone');
  }

  /** As {@link switchSource}, with a stream of the application's own. */
  setMediaStream(stream: MediaStream): Promise<void> {
    return this.switchSource(stream);
  }

  /** @throws CommunicationServicesError 501/59200: not supported yet. */
  async getVolume(): Promise<Volume> {
    throw notSupported('Volume');
  }

  /** A feature of the stream, such as `Features.AudioEffects`; the same object every time. */
  feature<T>(factory: FeatureFactory<'audio', T>): T {
    return makeFeature('audio', factory, this._features, undefined);
  }

  /** Lets go of the source; an application's own track is not stopped. */
  dispose(): void {
    this._users.clear();
  }

  /** @internal The application's own track, if it is one. */
  _track(): MediaStreamTrack | undefined {
    return isMediaStream(this._source) ? this._source.getAudioTracks()[0] : undefined;
  }

  /** @internal Makes a running call send this. */
  async _sendIn(callId: string): Promise<void> {
    await settled(async () => {
      const core = await loadedCore();
      if (!isMediaStream(this._source)) return core.ask('', 'selectMicrophone', this._source.id);
      const track = this._track();
      if (!track) throw wrongState('This MediaStream has no audio track.');
      return core.ask(callId, 'setMicrophone', track);
    });
  }
}

function isMediaStream(source: AudioDeviceInfo | MediaStream): source is MediaStream {
  return typeof (source as Partial<MediaStream>).getAudioTracks === 'function';
}

function checked(source: AudioDeviceInfo | MediaStream): AudioDeviceInfo | MediaStream {
  if (source && (isMediaStream(source) || typeof source.id === 'string')) return source;
  throw invalidArgument('A LocalAudioStream needs a microphone from getMicrophones() or a MediaStream.');
}
