import { invalidArgument } from '../errors.js';
import type { CallChange } from '../runtime.js';
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

const reactions: readonly string[] = ['like', 'heart', 'laugh', 'surprised', 'applause'] satisfies Reaction[];

/** Reactions of those in the room, one's own among them; nobody who comes later hears of them. */
export class ReactionCallFeature extends CallFeatureBase<ReactionEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'Reaction';

  /**
   * Sends a reaction to everybody in the room.
   * @throws CommunicationServicesError 403/59120 for guests (capability `useReactions`), 429/59130 for too
   * many at a time, 400/59202 for one that is none.
   */
  async sendReaction(message: ReactionMessage): Promise<void> {
    const reaction = message?.reactionType;
    if (!reactions.includes(reaction)) throw invalidArgument(`A reaction is one of ${reactions.join(', ')}.`);
    await this._record.ask(reaction);
  }

  /** @internal */
  override _apply(change: CallChange): void {
    // One that a later version has is none to this application.
    if (change.type !== 'reaction' || !reactions.includes(change.reaction)) return;
    this._emit('reaction', { identifier: change.from, reactionMessage: { reactionType: change.reaction as Reaction } });
  }
}
