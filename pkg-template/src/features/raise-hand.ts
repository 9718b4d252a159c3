import type { CommunicationIdentifier, CommunicationIdentifierKind } from '../identifiers.js';
import { CallFeatureBase } from './base.js';

/** A raised hand. */
export interface RaisedHand {
  /** Whose. */ identifier: CommunicationIdentifierKind;
  /** 1 was first. */ order: number;
}
/** Whose hand went up or down. */
export interface RaisedHandChangedEvent {
  /** Whose. */ identifier: CommunicationIdentifierKind;
}
/** Events of {@link RaiseHandCallFeature}. */
export interface RaiseHandEvents {
  /** A hand went up. */ raisedHandEvent: (event: RaisedHandChangedEvent) => void;
  /** A hand went down. */ loweredHandEvent: (event: RaisedHandChangedEvent) => void;
}

/** Raised hands. No hand can be raised yet. */
export class RaiseHandCallFeature extends CallFeatureBase<RaiseHandEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'RaiseHand';

  /** The raised hands, a new list every time. */
  getRaisedHands(): RaisedHand[] {
    return [];
  }

  /** @throws CommunicationServicesError 501/59200: not supported yet. */
  raiseHand(): Promise<void> {
    return this._unsupported('Raising a hand');
  }

  /** Lowers one's own hand; nothing to do while none can be raised. */
  async lowerHand(): Promise<void> {}

  /** @throws CommunicationServicesError 501/59200: not supported yet. */
  lowerHands(_participants: CommunicationIdentifier[]): Promise<void> {
    return this._unsupported("Lowering others' hands");
  }

  /** @throws CommunicationServicesError 501/59200: not supported yet. */
  lowerAllHands(): Promise<void> {
    return this._unsupported("Lowering others' hands");
  }
}
