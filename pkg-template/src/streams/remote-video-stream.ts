import type { StreamInfo } from '../core.js';
import { settled, wrongState } from '../errors.js';
import { Emitter, type PropertyChangedEvent } from '../events.js';
import { currentCore } from '../runtime.js';
import type { MediaStreamType, StreamSize } from '../types.js';

/** Events of {@link RemoteVideoStream}. */
export interface RemoteVideoStreamEvents {
  /** `isAvailable` changed. */
  isAvailableChanged: PropertyChangedEvent;
  /** `isReceiving` changed. */
  isReceivingChanged: PropertyChangedEvent;
  /** `size` changed. */
  sizeChanged: PropertyChangedEvent;
}

/** A slot and its key frame come within a round trip or two. */
const PATIENCE_MS = 3_000;

/** Camera or screen of a remote participant. */
export class RemoteVideoStream extends Emitter<RemoteVideoStreamEvents> {
  /** @internal */
  _callId: string;
  /** @internal */
  _info: StreamInfo;

  /** @internal */
  constructor(callId: string, info: StreamInfo) {
    super();
    this._callId = callId;
    this._info = info;
  }

  /** Unique in the page; a later stream has a higher one. */
  get id(): number {
    return this._info.id;
  }

  /** `Video` or `ScreenSharing`. */
  get mediaStreamType(): MediaStreamType {
    return this._info.mediaStreamType;
  }

  /** Whether the participant sends it. */
  get isAvailable(): boolean {
    return this._info.available;
  }

  /** Whether frames arrive. */
  get isReceiving(): boolean {
    return this._info.receiving;
  }

  /** Size of the picture that arrives. */
  get size(): StreamSize {
    return { width: this._info.width, height: this._info.height };
  }

  /**
   * The media itself, for drawing or analysing it. From now on the stream is received whether a view
   * shows it or not; if it is not yet, this waits a moment for it.
   * @throws CommunicationServicesError 412/59203 when nothing is received for it.
   */
  async getMediaStream(): Promise<MediaStream> {
    const received = () => settled(() => currentCore()?.remoteTrack(this._callId, this._info.id));
    let track = await received();
    if (!track && this.isAvailable) {
      await this._received();
      track = await received();
    }
    if (!track) throw wrongState('This stream is not received now; wait until isReceiving is true, or show it with a VideoStreamRenderer.');
    return new MediaStream([track]);
  }

  /** @internal Until it is received, is gone, or it takes too long. */
  _received(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.off('isReceivingChanged', done);
        this.off('isAvailableChanged', done);
        resolve();
      };
      const timer = setTimeout(done, PATIENCE_MS);
      this.on('isReceivingChanged', done);
      this.on('isAvailableChanged', done);
    });
  }

  /** @internal */
  _update(info: StreamInfo): void {
    const old = this._info;
    this._info = info;
    if (old.available !== info.available) this._emit('isAvailableChanged');
    if (old.receiving !== info.receiving) this._emit('isReceivingChanged');
    if (old.width !== info.width || old.height !== info.height) this._emit('sizeChanged');
  }

  /** @internal */
  _gone(): void {
    this._update({ ...this._info, available: false, receiving: false });
  }
}
