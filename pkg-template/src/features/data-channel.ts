import { notSupported } from '../errors.js';
import type { CommunicationIdentifier, CommunicationIdentifierKind } from '../identifiers.js';
import { CallFeatureBase } from './base.js';

/** Options of `createDataChannelSender`. */
export interface DataChannelSenderOptions {
  /** Kilobits per second. */ bitrateInKbps?: number;
  /** 1 to 65535; chosen without it. */ channelId?: number;
  /** Who receives; everybody without it. */ participants?: CommunicationIdentifier[];
  /** Which goes first. */ priority?: 'High' | 'Normal';
  /** Whether everything must arrive. */ reliability?: 'Durable' | 'Lossy';
}
/** Sends messages. */
export interface DataChannelSender {
  /** Its channel. */ readonly channelId: number;
  /** Bytes. */ readonly maxMessageSize: number;
  /** Changes who receives. */ setParticipants(participants: CommunicationIdentifier[]): void;
  /** Sends. */ sendMessage(data: Uint8Array): Promise<void>;
  /** Ends it. */ close(): void;
}
/** Receives messages. */
export interface DataChannelReceiver {
  /** Its channel. */ readonly channelId: number;
  /** Who sends. */ readonly senderParticipantIdentifier: CommunicationIdentifierKind;
  /** The next message. */ readMessage(): { /** Of its sender, rising. */ sequenceNumber: number; /** Its bytes. */ data: Uint8Array } | undefined;
  /** Calls `listener` when a message came, or when no more will. */ on(event: 'messageReady' | 'close', listener: () => void): void;
  /** Takes `on` back. */ off(event: 'messageReady' | 'close', listener: () => void): void;
}
/** Events of {@link DataChannelCallFeature}. */
export interface DataChannelEvents {
  /** Somebody sends. */
  dataChannelReceiverCreated: (receiver: DataChannelReceiver) => void;
}

/** Messages between the participants' programs. None can be sent yet. */
export class DataChannelCallFeature extends CallFeatureBase<DataChannelEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'DataChannel';

  /** @throws CommunicationServicesError 501/59200: not supported yet. */
  createDataChannelSender(_options?: DataChannelSenderOptions): DataChannelSender {
    throw notSupported('A data channel');
  }
}
