import type { CallRecord } from '../calling/call-record.js';
import { RecordingState } from '../enums.js';
import { Emitter, type CollectionUpdatedEvent, type PropertyChangedEvent } from '../events.js';
import type { CallChange, SharedState } from '../runtime.js';
import { CallFeatureBase, notInMeetings } from './base.js';

/** One recording. */
export interface RecordingInfo {
  /** Its state. */ readonly state: RecordingState;
  /** Calls `listener` when `state` changed. */ on(event: 'recordingStateChanged', listener: PropertyChangedEvent): void;
  /** Takes `on` back. */ off(event: 'recordingStateChanged', listener: PropertyChangedEvent): void;
}
/** Events of {@link RecordingCallFeature}. */
export interface RecordingEvents {
  /** `isRecordingActive` changed. */
  isRecordingActiveChanged: PropertyChangedEvent;
  /** `recordings` changed. */
  recordingsUpdated: CollectionUpdatedEvent<RecordingInfo>;
}

class Recorded extends Emitter<{ recordingStateChanged: PropertyChangedEvent }> implements RecordingInfo {
  state = RecordingState.None;
}

/** @internal Those of a kind that have not ended. */
export function goingOn(record: CallRecord, kind: string): SharedState['recordings'] {
  return record.shared.recordings.filter((one) => one.kind === kind);
}

/** @internal Whether one of a kind runs. */
export function isActive(record: CallRecord, kind: string): boolean {
  return goingOn(record, kind).some(({ paused }) => !paused);
}

/** Whether the meeting is recorded; the service tells it, the SDK cannot start one (C3). */
export class RecordingCallFeature extends CallFeatureBase<RecordingEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'Recording';
  /** @internal */
  _known = new Map<string, Recorded>();
  /** @internal As told last. */
  _active = this.isRecordingActive;

  /** @internal */
  constructor(record: CallRecord) {
    super(record);
    this._compare();
  }

  /** Whether a recording runs: one that pauses does not. */
  get isRecordingActive(): boolean { return isActive(this._record, 'recording') }

  /** Those that have not ended, in their order; a new list every time, of the same objects. */
  get recordings(): ReadonlyArray<RecordingInfo> { return [...this._known.values()] }

  /** Whether one must consent before speaking. */
  readonly isTeamsConsentRequired: boolean = false;

  /** @throws CommunicationServicesError 501/59200: no consent is asked for. */
  grantTeamsConsent(): Promise<void> {
    return this._unsupported('Consent to recording', notInMeetings);
  }

  /** @internal */
  override _apply(change: CallChange): void {
    if (change.type !== 'state') return;
    const { added, removed, changed } = this._compare();
    for (const one of changed) one._emit('recordingStateChanged');
    if (added.length + removed.length > 0) this._emit('recordingsUpdated', { added, removed });
    if (this._active === this.isRecordingActive) return;
    this._active = this.isRecordingActive;
    this._emit('isRecordingActiveChanged');
  }

  /** @internal Takes over what is told. */
  _compare(): { added: Recorded[]; removed: Recorded[]; changed: Recorded[] } {
    const before = this._known;
    this._known = new Map();
    const [added, changed]: [Recorded[], Recorded[]] = [[], []];
    const put = (one: Recorded, state: RecordingState): void => {
      if (one.state !== state) changed.push(one);
      one.state = state;
    };
    for (const { id, paused } of goingOn(this._record, 'recording')) {
      const known = before.get(id) ?? new Recorded();
      if (!before.delete(id)) added.push(known);
      this._known.set(id, known);
      put(known, paused ? RecordingState.Paused : RecordingState.Started);
    }
    const removed = [...before.values()];
    for (const one of removed) put(one, RecordingState.Ended);
    return { added, removed, changed };
  }
}
