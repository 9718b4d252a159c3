import { identifierOf, rawIdOf, type CommunicationIdentifier, type CommunicationIdentifierKind } from '../identifiers.js';
import type { CallChange } from '../runtime.js';
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

/**
 * Raised hands, each in its room: members raise them (C5), everybody sees them, one's own among them. A hand
 * goes down with leaving the room.
 */
export class RaiseHandCallFeature extends CallFeatureBase<RaiseHandEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'RaiseHand';
  /** @internal As told last. */
  _hands = this._record.shared.hands;

  /** The raised hands, a new list every time. */
  getRaisedHands(): RaisedHand[] {
    return this._record.shared.hands.map((id, at) => ({ identifier: identifierOf(id), order: at + 1 }));
  }

  /** @throws CommunicationServicesError 403/59120 for guests (capability `raiseHand`). */
  raiseHand(): Promise<void> {
    return this._record.ask('raiseHand');
  }

  /** Lowers one's own hand. */
  lowerHand(): Promise<void> {
    return this._record.ask('lowerHand');
  }

  /** @throws CommunicationServicesError 403/59120 for others' hands, unless by members who present or organise. */
  async lowerHands(participants: CommunicationIdentifier[]): Promise<void> {
    for (const one of participants) await this._record.ask('lowerHand', rawIdOf(one));
  }

  /** @throws CommunicationServicesError 403/59120 unless by members who present or organise. */
  lowerAllHands(): Promise<void> {
    return this._record.ask('lowerAllHands');
  }

  /** @internal */
  override _apply(change: CallChange): void {
    if (change.type !== 'state') return;
    const [before, now] = [this._hands, this._record.shared.hands];
    this._hands = now;
    this._tell('loweredHandEvent', before.filter((id) => !now.includes(id)));
    this._tell('raisedHandEvent', now.filter((id) => !before.includes(id)));
  }

  /** @internal */
  _tell(event: keyof RaiseHandEvents, whose: string[]): void {
    for (const id of whose) this._emit(event, { identifier: identifierOf(id) });
  }
}
