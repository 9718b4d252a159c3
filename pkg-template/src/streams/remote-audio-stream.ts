import type { CallRecord } from '../calling/call-record.js';
import { wrongState } from '../errors.js';
import { later } from '../loading.js';
import { currentCore } from '../runtime.js';
import type { MediaStreamType } from '../types.js';
import { Volume } from './volume.js';

/** The sound of all others. It plays by itself; this is for recording, analysing or drawing it. */
export class RemoteAudioStream {
  /** @internal */
  _record: CallRecord;
  /** @internal Since somebody wanted it. */
  _mix: { stream: MediaStream; update(tracks: MediaStreamTrack[]): void; close(): void } | undefined;
  /** @internal */
  _volume: Volume | undefined;

  /** @internal */
  constructor(record: CallRecord) {
    this._record = record;
  }

  /** `Audio`. */
  get mediaStreamType(): MediaStreamType {
    return 'Audio';
  }

  /**
   * The media itself: one track with everybody's sound, until the end of the call.
   * @throws CommunicationServicesError 412/59203 after that.
   */
  async getMediaStream(): Promise<MediaStream> {
    const { mix } = await later();
    if (this._record.state === 'Disconnected') throw wrongState('This call has ended.');
    this._mix ??= mix();
    this._refresh();
    return this._mix.stream;
  }

  /** Its loudness, measured until the end of the call. @throws As {@link getMediaStream}. */
  async getVolume(): Promise<Volume> {
    const [{ meter }, stream] = await Promise.all([later(), this.getMediaStream()]);
    return (this._volume ??= new Volume(meter, stream));
  }

  /** @internal Somebody may be heard over a section, or a connection, that was not there before. */
  _refresh(): void {
    if (!this._mix) return;
    // On hold nothing is heard.
    if (this._record.state === 'LocalHold') return this._mix.update([]);
    const sections = currentCore()?.inside(this._record.id)?.peer?.getReceivers() ?? [];
    this._mix.update(sections.map(({ track }) => track).filter(({ kind }) => kind === 'audio'));
  }

  /** @internal */
  _ended(): void {
    this._volume?._stop();
    this._mix?.close();
  }
}
