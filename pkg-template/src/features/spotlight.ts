import type { CollectionUpdatedEvent } from '../events.js';
import type { CommunicationIdentifier, CommunicationIdentifierKind } from '../identifiers.js';
import { CallFeatureBase } from './base.js';

/** Somebody in the spotlight. */
export interface SpotlightedParticipant {
  /** Who. */ identifier: CommunicationIdentifierKind;
  /** 1 was first. */ order?: number;
}
/** Events of {@link SpotlightCallFeature}. */
export interface SpotlightEvents {
  /** Who is in the spotlight changed. */
  spotlightChanged: CollectionUpdatedEvent<SpotlightedParticipant>;
}

/** Spotlight. Nobody can be put into it yet. */
export class SpotlightCallFeature extends CallFeatureBase<SpotlightEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'Spotlight';
  /** How many can be in the spotlight. */
  readonly maxParticipantsToSpotlight: number = 7;

  /** Who is in the spotlight, a new list every time. */
  getSpotlightedParticipants(): SpotlightedParticipant[] {
    return [];
  }

  /** @throws CommunicationServicesError 501/59200: not supported yet. */
  startSpotlight(_participants?: CommunicationIdentifier[]): Promise<void> {
    return this._unsupported('Spotlight');
  }

  /** @throws CommunicationServicesError 501/59200: not supported yet. */
  stopSpotlight(_participants?: CommunicationIdentifier[]): Promise<void> {
    return this._unsupported('Spotlight');
  }

  /** @throws CommunicationServicesError 501/59200: not supported yet. */
  stopAllSpotlight(): Promise<void> {
    return this._unsupported('Spotlight');
  }
}
