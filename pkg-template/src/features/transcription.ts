import type { PropertyChangedEvent } from '../events.js';
import { CallFeatureBase, notInMeetings } from './base.js';
import { isActive } from './recording.js';

/** Events of {@link TranscriptionCallFeature}. */
export interface TranscriptionEvents {
  /** `isTranscriptionActive` changed. */
  isTranscriptionActiveChanged: PropertyChangedEvent;
}

/** Whether the meeting is transcribed; the service tells it, the SDK cannot start it (C3). */
export class TranscriptionCallFeature extends CallFeatureBase<TranscriptionEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'Transcription';
  /** @internal As told last. */
  _active = this.isTranscriptionActive;

  /** Whether a transcription runs: one that pauses does not. */
  get isTranscriptionActive(): boolean { return isActive(this._record, 'transcription') }

  /** Whether one must consent before speaking. */
  readonly isTeamsConsentRequired: boolean = false;

  /** @throws CommunicationServicesError 501/59200: no consent is asked for. */
  grantTeamsConsent(): Promise<void> {
    return this._unsupported('Consent to transcription', notInMeetings);
  }

  /** @internal */
  override _apply(): void {
    if (this._active === this.isTranscriptionActive) return;
    this._active = this.isTranscriptionActive;
    this._emit('isTranscriptionActiveChanged');
  }
}
