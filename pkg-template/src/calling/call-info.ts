import type { PropertyChangedEvent } from '../events.js';

/** Ids of any call. They come one after the other, while the object stays. */
export interface CallInfoCommon {
  /** Chat thread of the meeting; known before the call is `Connected`. */
  readonly threadId?: string | undefined;
  /** Id of this connection; empty until the service has given it. */
  readonly participantId: string;
  /**
   * The service's id of the call, as soon as it is known.
   * @throws CommunicationServicesError 412/59203 when the call ended before.
   */
  getServerCallId(): Promise<string>;
  /** Calls `listener` when one of the ids changed. */
  onCallInfoChanged(event: 'callInfoChanged', listener: PropertyChangedEvent): void;
  /** Takes `onCallInfoChanged` back. */
  offCallInfoChanged(event: 'callInfoChanged', listener: PropertyChangedEvent): void;
}

/** Ids of a guest's call. */
export interface CallInfo extends CallInfoCommon {
  /** Group that was joined; meetings have none. */
  readonly groupId?: string | undefined;
}

/** Ids of a member's call. */
export interface TeamsCallInfo extends CallInfoCommon {}
