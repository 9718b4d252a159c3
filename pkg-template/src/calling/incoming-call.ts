import type { PropertyChangedEvent } from '../events.js';
import type { IncomingCallKind } from '../enums.js';
import type { AcceptCallOptions, CallEndReason, CallerInfo, TransferorInfo } from '../types.js';
import type { Call, TeamsCall } from './call.js';
import type { CallInfo, TeamsCallInfo } from './call-info.js';

/** Events of an incoming call. */
export interface IncomingCallEvents {
  /** It ended before it was answered, or was answered elsewhere. */
  callEnded: (args: {
    /** Why. */ callEndReason: CallEndReason;
  }) => void;
  /** `callerInfo` changed. */
  callerInfoChanged: PropertyChangedEvent;
  /** `transferorInfo` changed. */
  transferorInfoChanged: PropertyChangedEvent;
}

/** A call that rings here. Nobody can call yet: meetings are joined. */
export interface IncomingCallCommon {
  /** Kind of call. */ readonly kind: IncomingCallKind;
  /** Id of the call. */ readonly id: string;
  /** Who calls. */ readonly callerInfo: CallerInfo;
  /** Who handed it over. */ readonly transferorInfo?: TransferorInfo;
  /** Why it ended. */ readonly callEndReason?: CallEndReason;
  /** What the calling side added. */ readonly customContext?: unknown;
  /** Ends it. */ reject(): Promise<void>;
  /** Calls `listener` at `event`. */
  on<Event extends keyof IncomingCallEvents>(event: Event, listener: IncomingCallEvents[Event]): void;
  /** Takes `on` back. */
  off<Event extends keyof IncomingCallEvents>(event: Event, listener: IncomingCallEvents[Event]): void;
}
/** A call that rings for a guest. */
export interface IncomingCall extends IncomingCallCommon {
  /** Kind of call. */ readonly kind: IncomingCallKind.IncomingCall;
  /** Ids of the call. */ readonly info: CallInfo;
  /** Answers it. */ accept(options?: AcceptCallOptions): Promise<Call>;
}
/** A call that rings for a member. */
export interface TeamsIncomingCall extends IncomingCallCommon {
  /** Kind of call. */ readonly kind: IncomingCallKind.TeamsIncomingCall;
  /** Ids of the call. */ readonly info: TeamsCallInfo;
  /** Answers it. */ accept(options?: AcceptCallOptions): Promise<TeamsCall>;
}
