import type { Call, TeamsCall } from '../calling/call.js';
import { notSupported } from '../errors.js';
import { type PropertyChangedEvent } from '../events.js';
import type { CommunicationIdentifier } from '../identifiers.js';
import { CallFeatureBase, notInMeetings } from './base.js';

/** A transfer under way. */
export interface Transfer {
  /** How far it is. */ readonly state: 'None' | 'Transferring' | 'Transferred' | 'Failed';
  /** Why it failed. */ readonly error?: { /** As in `CallEndReason`. */ code: number; /** More closely. */ subCode?: number };
  /** Calls `listener` when `state` changed. */ on(event: 'stateChanged', listener: PropertyChangedEvent): void;
  /** Takes `on` back. */ off(event: 'stateChanged', listener: PropertyChangedEvent): void;
}
/** The call was transferred. */
export interface TransferEventArgs {
  /** The new call. */
  targetCall: Call | TeamsCall;
}
/** Hears of a transfer. */
export type TransferAcceptedEvent = (args: TransferEventArgs) => void;
/** Whom to transfer to. */
export type TransferTarget =
  | { /** Somebody. */ targetParticipant: CommunicationIdentifier }
  | { /** Another call. */ targetCallId: string };
/** Events of {@link TransferCallFeature}. */
export interface TransferEvents {
  /** The call was transferred. */
  transferAccepted: TransferAcceptedEvent;
}

/** Transfers; a meeting cannot be transferred. */
export class TransferCallFeature extends CallFeatureBase<TransferEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'Transfer';

  /** @throws CommunicationServicesError 501/59200: a meeting cannot be transferred. */
  transfer(_target: TransferTarget, _options?: object): Transfer {
    throw notSupported('Transfer', notInMeetings);
  }
}
