import type { MediaStreamType } from '../types.js';
import type { Volume } from './local-audio-stream.js';

/** Sound of the others. It plays by itself; no such stream is given out yet. */
export interface RemoteAudioStream {
  /** `Audio`. */
  readonly mediaStreamType: MediaStreamType;
  /** The media itself. */
  getMediaStream(): Promise<MediaStream>;
  /** Its loudness. */
  getVolume(): Promise<Volume>;
}
