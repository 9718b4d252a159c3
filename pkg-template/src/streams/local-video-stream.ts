import { disposed, invalidArgument } from '../errors.js';
import { Emitter } from '../events.js';
import { makeFeature, type FeatureFactory } from '../features/factory.js';
import type { MediaStreamType, VideoDeviceInfo } from '../types.js';
import { Camera, isMediaStream, type TrackUser, type VideoSource } from './camera.js';

/** Options of {@link LocalVideoStream}. */
export interface LocalVideoStreamOptions {
  /** Whether the end of the call also ends what `getMediaStream` gave; true unless said. */
  autoDisposeOnCallEnd?: boolean;
}

/** Events of {@link LocalVideoStream}. */
export interface LocalVideoStreamEvents {
  /** The stream has another source. */
  videoSourceChanged: (args: {
    /** The stream. */ source: LocalVideoStream;
  }) => void;
}

/**
 * A camera, or a video track of the application's own. The camera runs while a call, a view or
 * `getMediaStream` uses it, and stops with the last of them.
 */
export class LocalVideoStream extends Emitter<LocalVideoStreamEvents> {
  /** @internal */
  _source: VideoSource;
  /** @internal */
  _camera: Camera;
  /** @internal */
  _options: LocalVideoStreamOptions;
  /** @internal What `getMediaStream` gave. */
  _given: (TrackUser & { stream: MediaStream }) | undefined;
  /** @internal */
  _features = new Map<unknown, unknown>();
  /** @internal Set when it is shared as a screen. */
  _isScreen = false;
  /** @internal */
  _isDisposed = false;

  /**
   * @param source a camera from `DeviceManager.getCameras()`, or a `MediaStream` with a video track.
   * @throws CommunicationServicesError 400/59202 for anything else.
   */
  constructor(source: VideoDeviceInfo | MediaStream, options: LocalVideoStreamOptions = {}) {
    super();
    this._source = checked(source);
    this._camera = new Camera(source);
    this._options = options;
  }

  /** The camera; for an application's own stream the id and the label of its track. */
  get source(): VideoDeviceInfo {
    if (!isMediaStream(this._source)) return this._source;
    const track = this._source.getVideoTracks()[0];
    return { id: track?.id ?? this._source.id, name: track?.label ?? '', deviceType: this._isScreen ? 'ScreenSharing' : 'Virtual' };
  }

  /** `Video` for a camera, `RawMedia` for the application's own stream, `ScreenSharing` once that is shared. */
  get mediaStreamType(): MediaStreamType {
    if (this._isScreen) return 'ScreenSharing';
    return isMediaStream(this._source) ? 'RawMedia' : 'Video';
  }

  /**
   * Takes another camera, in every call and view that shows this stream.
   * @throws CommunicationServicesError when the camera cannot be opened; then the old one goes on.
   */
  async switchSource(source: VideoDeviceInfo | MediaStream): Promise<void> {
    if (this._isDisposed) throw disposed('LocalVideoStream');
    await this._camera._switchTo(checked(source));
    this._source = source;
    this._emit('videoSourceChanged', { source: this });
  }

  /**
   * The media itself; opens the camera, until {@link dispose} or the end of the call.
   * @throws CommunicationServicesError when the camera cannot be opened.
   */
  async getMediaStream(): Promise<MediaStream> {
    if (this._isDisposed) throw disposed('LocalVideoStream');
    if (isMediaStream(this._source)) return this._source;
    const given = (this._given ??= givenStream());
    const track = await this._camera.open(given);
    if (!given.stream.getTracks().includes(track)) given._replaced(track);
    return given.stream;
  }

  /** As {@link switchSource}, with a stream of the application's own. */
  setMediaStream(stream: MediaStream): Promise<void> {
    return this.switchSource(stream);
  }

  /** A feature of the stream, such as `Features.VideoEffects`; the same object every time. */
  feature<T>(factory: FeatureFactory<'video', T>): T {
    return makeFeature('video', factory, this._features, undefined);
  }

  /** Stops the camera, whoever uses it. */
  dispose(): void {
    this._isDisposed = true;
    this._given = undefined;
    this._camera._closeAll();
  }

  /** @internal */
  _callEnded(user: TrackUser): void {
    this._camera.close(user);
    if (this._given && this._options.autoDisposeOnCallEnd !== false) {
      this._camera.close(this._given);
      this._given = undefined;
    }
  }
}

/** Exists for compatibility: a {@link LocalVideoStream}. */
export class WbLocalVideoStream extends LocalVideoStream {}

function checked(source: VideoSource): VideoSource {
  if (source && (isMediaStream(source) || typeof source.id === 'string')) return source;
  throw invalidArgument('A LocalVideoStream needs a camera from getCameras() or a MediaStream.');
}

function givenStream(): TrackUser & { stream: MediaStream } {
  const stream = new MediaStream();
  return {
    stream,
    _replaced(track) {
      for (const old of stream.getTracks()) stream.removeTrack(old);
      stream.addTrack(track);
    },
  };
}
