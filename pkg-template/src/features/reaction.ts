import { CallFeatureBase } from './base.js';

/** Reactions. */
export type Reaction = 'like' | 'heart' | 'laugh' | 'surprised' | 'applause';
/** A reaction. */
export interface ReactionMessage {
  /** Which. */ reactionType: Reaction;
}
/** Somebody reacted. */
export interface ReactionEventPayload {
  /** Raw id of who (text at run time: `acs-api` 2.3). */ identifier: string;
  /** With what. */ reactionMessage: ReactionMessage;
}
/** Events of {@link ReactionCallFeature}. */
export interface ReactionEvents {
  /** Somebody reacted. */
  reaction: (event: ReactionEventPayload) => void;
}

/** Reactions. None can be sent yet. */
export class ReactionCallFeature extends CallFeatureBase<ReactionEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'Reaction';

  /** @throws CommunicationServicesError 501/59200: not supported yet. */
  sendReaction(_message: ReactionMessage): Promise<void> {
    return this._unsupported('Sending a reaction');
  }
}
