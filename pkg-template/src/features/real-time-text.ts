import type { ParticipantInfo } from '../types.js';
import { CallFeatureBase, notInMeetings } from './base.js';

/** Whether a text may still change. */
export type RealTimeTextResultType = 'Partial' | 'Final';
/** A text while it is typed. */
export interface RealTimeTextInfo {
  /** Same number, same text. */ sequenceId: number;
  /** Who types. */ sender: ParticipantInfo;
  /** The text. */ text: string;
  /** Whether it may still change. */ resultType: RealTimeTextResultType;
  /** When it began to arrive. */ receivedTimestamp: Date;
  /** When it last changed. */ updatedTimestamp: Date;
  /** Whether it is one's own. */ isLocal: boolean;
}
/** Hears texts. */
export type RealTimeTextReceivedEventHandler = (info: RealTimeTextInfo) => void;
/** Events of {@link RealTimeTextFeature}. */
export interface RealTimeTextEvents {
  /** Somebody types. */
  realTimeTextReceived: RealTimeTextReceivedEventHandler;
}

/** Text that others see while it is typed; the service has none in its meetings. */
export class RealTimeTextFeature extends CallFeatureBase<RealTimeTextEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'RealTimeText';

  /** @throws CommunicationServicesError 501/59200: not available in meetings. */
  sendRealTimeText(_text: string, _finalized?: boolean): Promise<void> {
    return this._unsupported('Real-time text', notInMeetings);
  }
}
