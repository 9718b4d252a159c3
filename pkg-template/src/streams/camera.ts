/**
 * A local video track and who uses it. A camera is opened for its first user and stopped after its
 * last, so that its light tells the truth; a track of the application's own is never stopped here.
 */
import { settled, wrongState } from '../errors.js';
import { loadedCore } from '../runtime.js';
import type { VideoDeviceInfo } from '../types.js';

/** Where the picture comes from. */
export type VideoSource = VideoDeviceInfo | MediaStream;

/** Somebody who uses the track; told when the source was switched. */
export interface TrackUser { _replaced(track: MediaStreamTrack): unknown }

/** Whether a source is the application's own stream; a device info may come from another window, frozen. */
export function isMediaStream(source: VideoSource | object): source is MediaStream {
  return typeof (source as Partial<MediaStream>).getVideoTracks === 'function';
}

export class Camera {
  track: MediaStreamTrack | undefined;
  private _opening: Promise<MediaStreamTrack> | undefined;
  /** Somebody may show a track still that was lost. */
  private _lost = false;
  private switching: Promise<void> = Promise.resolve();
  private readonly users = new Set<TrackUser>();

  constructor(private source: VideoSource) {}

  /**
   * The track, opened for `user`; stays open until {@link close} with the same user.
   * Rejects with 412/59203 when `user` was closed while the camera was opening. A camera that was unplugged
   * or forbidden meanwhile is opened anew, for everybody.
   */
  async open(user: TrackUser): Promise<MediaStreamTrack> {
    this.users.add(user);
    if (this._isLost()) {
      this._opening = this.track = undefined;
      this._lost = true;
    }
    while (this.users.has(user)) {
      const opening = (this._opening ??= this.start(this.source));
      try {
        const track = await opening;
        if (this._opening === opening) {
          this.track = track;
          if (this._lost) {
            this._lost = false;
            for (const other of this.users) if (other !== user) other._replaced(track);
          }
          return track;
        }
      } catch (error) {
        this.users.delete(user);
        if (this._opening === opening) this._opening = undefined;
        throw error;
      }
    }
    throw wrongState('The camera was given back while it was opening.');
  }

  /** The track for `user`, if it is open already. */
  _openNow(user: TrackUser): MediaStreamTrack | undefined {
    if (!this.track || this._isLost()) return undefined;
    this.users.add(user);
    return this.track;
  }

  _isLost(): boolean {
    return this.track?.readyState === 'ended';
  }

  close(user: TrackUser): void {
    if (this.users.delete(user) && this.users.size === 0) this.stop();
  }

  _closeAll(): void {
    this.users.clear();
    this.stop();
  }

  /** Opens the new source first: if that fails, the old one goes on. */
  _switchTo(source: VideoSource): Promise<void> {
    const switched = this.switching.then(() => this._switchNow(source));
    this.switching = switched.catch(() => {});
    return switched;
  }

  private async _switchNow(source: VideoSource): Promise<void> {
    if (this.users.size === 0) {
      this.source = source;
      return;
    }
    const track = await this.start(source);
    stopLater(this._opening, this.source);
    this.source = source;
    this._opening = Promise.resolve(track);
    this.track = track;
    if (this.users.size === 0) return this.stop();
    await Promise.all([...this.users].map((user) => user._replaced(track)));
  }

  private start(source: VideoSource): Promise<MediaStreamTrack> {
    return settled(async () => {
      if (!isMediaStream(source)) return (await loadedCore()).ask('', 'openCamera', source.id);
      const [own] = source.getVideoTracks();
      if (!own) throw wrongState('This MediaStream has no video track.');
      return own;
    });
  }

  private stop(): void {
    stopLater(this._opening, this.source);
    this._opening = this.track = undefined;
  }
}

function stopLater(opening: Promise<MediaStreamTrack> | undefined, source: VideoSource): void {
  if (opening && !isMediaStream(source)) opening.then((track) => track.stop(), () => {});
}
