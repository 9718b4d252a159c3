import type { PropertyChangedEvent } from '../events.js';
import { CallFeatureBase, notInMeetings } from './base.js';

/** Events of {@link TranscriptionCallFeature}. */
export interface TranscriptionEvents {
  /** `isTranscriptionActive` changed. */
  isTranscriptionActiveChanged: PropertyChangedEvent;
}

/** Whether the meeting is transcribed; the service tells it, the SDK cannot start it. */
export class TranscriptionCallFeature extends CallFeatureBase<TranscriptionEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'Transcription';
  /** Whether a transcription runs. */
  readonly isTranscriptionActive: boolean = false;
  /** Whether one must consent before speaking. */
  readonly isTeamsConsentRequired: boolean = false;

  /** @throws CommunicationServicesError 501/59200: no consent is asked for. */
  grantTeamsConsent(): Promise<void> {
    return this._unsupported('Consent to transcription', notInMeetings);
  }
}
