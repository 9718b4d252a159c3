import type { RecordingState } from '../enums.js';
import type { CollectionUpdatedEvent, PropertyChangedEvent } from '../events.js';
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

/** Whether the meeting is recorded; the service tells it, the SDK cannot start one. */
export class RecordingCallFeature extends CallFeatureBase<RecordingEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'Recording';
  /** Whether a recording runs. */
  readonly isRecordingActive: boolean = false;
  /** The recordings. */
  readonly recordings: ReadonlyArray<RecordingInfo> = [];
  /** Whether one must consent before speaking. */
  readonly isTeamsConsentRequired: boolean = false;

  /** @throws CommunicationServicesError 501/59200: no consent is asked for. */
  grantTeamsConsent(): Promise<void> {
    return this._unsupported('Consent to recording', notInMeetings);
  }
}
