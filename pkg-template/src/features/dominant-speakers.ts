import type { PropertyChangedEvent } from '../events.js';
import { identifierOf, type CommunicationIdentifierKind } from '../identifiers.js';
import type { CallChange } from '../runtime.js';
import { CallFeatureBase } from './base.js';

/** Who speaks. */
export interface DominantSpeakersInfo {
  /** Loudest first. */ speakersList: CommunicationIdentifierKind[];
  /** Since when. */ timestamp: Date;
}
/** Events of {@link DominantSpeakersCallFeature}. */
export interface DominantSpeakersEvents {
  /** `dominantSpeakers` changed. */
  dominantSpeakersChanged: PropertyChangedEvent;
}

/** Who speaks, loudest first. */
export class DominantSpeakersCallFeature extends CallFeatureBase<DominantSpeakersEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'DominantSpeakers';

  /** Who speaks; a new object every time. */
  get dominantSpeakers(): DominantSpeakersInfo {
    const { speakers, since } = this._record.speaking;
    return { speakersList: speakers.map(identifierOf), timestamp: new Date(since) };
  }

  /** @internal */
  override _apply(change: CallChange): void {
    if (change.type === 'speaking') this._emit('dominantSpeakersChanged');
  }
}
