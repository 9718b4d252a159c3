import type { CallRecord } from '../calling/call-record.js';
import { later } from '../loading.js';
import { currentCore } from '../runtime.js';
import type { MediaStreamType } from '../types.js';
import { Volume } from './volume.js';

/** The sound of all others. It plays by itself; this is for recording, analysing or drawing it. */
export class RemoteAudioStream {
  /** @internal */
  _record: CallRecord;
  /** @internal Since somebody wanted it. */
  _mix: Promise<{ stream: MediaStream; update(tracks: MediaStreamTrack[]): void; close(): void }> | undefined;
  /** @internal */
  _volume: Promise<Volume> | undefined;

  /** @internal */
  constructor(record: CallRecord) {
    this._record = record;
  }

  /** `Audio`. */
  get mediaStreamType(): MediaStreamType {
    return 'Audio';
  }

  /** The media itself: one track with everybody's sound, until the end of the call. */
  async getMediaStream(): Promise<MediaStream> {
    this._mix ??= later().then(({ mix }) => mix());
    await this._refresh();
    return (await this._mix).stream;
  }

  /** Its loudness, measured until the end of the call. */
  getVolume(): Promise<Volume> {
    return (this._volume ??= this.getMediaStream().then((stream) => Volume._of(stream)));
  }

  /** @internal Somebody may be heard over a section, or a connection, that was not there before. */
  async _refresh(): Promise<void> {
    if (!this._mix) return;
    const sections = currentCore()?.inside(this._record.id)?.peer?.getReceivers() ?? [];
    const tracks = sections.map(({ track }) => track).filter(({ kind }) => kind === 'audio');
    (await this._mix)?.update(tracks);
  }

  /** @internal */
  async _ended(): Promise<void> {
    (await this._volume)?._stop?.();
    (await this._mix)?.close();
  }
}
