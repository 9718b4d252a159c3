import type { AgentInfo, Core, Locator } from '../core.js';
import { CallAgentKind } from '../enums.js';
import { asError, disposed, invalidArgument, notSupported, settled } from '../errors.js';
import { Emitter, type CollectionUpdatedEvent } from '../events.js';
import type { CommunicationIdentifier } from '../identifiers.js';
import { newId } from '../ids.js';
import { agents, calls, hold, type AgentChange } from '../runtime.js';
import type {
  AudioOptions, CallAgentConnectionState, ConnectionStateChangedArgs, JoinCallOptions, JoinLocator, StartCallOptions, TeamsCallee,
  TeamsMeetingLocator,
} from '../types.js';
import { Call, limitsOf, TeamsCall, type CallCommon } from './call.js';
import { Membership } from './membership.js';
import type { IncomingCall, TeamsIncomingCall } from './incoming-call.js';

/** Events of both kinds of agents. */
export interface CallAgentCommonEvents<C, Incoming> {
  /** Calls came or went; a call comes before anything else is told of it. */
  callsUpdated: CollectionUpdatedEvent<C>;
  /** Somebody calls; nobody can yet. */
  incomingCall: (args: {
    /** The call. */ incomingCall: Incoming;
  }) => void;
  /** The connection to the service went or came back; the SDK reconnects by itself. */
  connectionStateChanged: (args: ConnectionStateChangedArgs) => void;
}
/** Events of {@link CallAgent}. */
export interface CallAgentEvents extends CallAgentCommonEvents<Call, IncomingCall> {
  /** An incoming call needs the application; none does yet. */
  handleIncomingCall: (args: {
    /** Which. */ callId: string;
    /** Endpoint id of who calls. */ participantId: string;
    /** Why, as in `CallEndReason`. */ code: number;
    /** More closely. */ subCode?: number;
  }) => void;
}
/** Events of {@link TeamsCallAgent}. */
export interface TeamsCallAgentEvents extends CallAgentCommonEvents<TeamsCall, TeamsIncomingCall> {}

/** What agents of guests and of members have in common. */
export interface CallAgentCommon {
  /** Kind of agent. */
  readonly kind: CallAgentKind;
  /** Whether the connection to the service is up. */
  readonly connectionState: CallAgentConnectionState;
  /** Leaves all calls and closes the connection. */
  dispose(): Promise<void>;
}

/** {@link CallAgentCommon} with what depends on the kind of calls. */
export abstract class CallAgentBase<
  C extends CallCommon,
  Events extends { callsUpdated: CollectionUpdatedEvent<C>; connectionStateChanged: (args: ConnectionStateChangedArgs) => void },
> extends Emitter<Events> implements CallAgentCommon {
  /** Kind of agent. */
  abstract readonly kind: CallAgentKind;
  /** Name that others see. */
  readonly displayName: string | undefined;
  /** @internal */
  _agent: AgentInfo['agent'];
  /** @internal The core, so that `join` can be synchronous. */
  _core: Core;
  /** @internal Replaced, never changed. */
  _calls: ReadonlyArray<C> = [];
  /** @internal */
  _connectionState: CallAgentConnectionState = 'Connected';
  /** @internal */
  _disposing: Promise<void> | undefined;
  /** @internal Set by the client that made it. */
  _onDispose: (() => void) | undefined;
  /** @internal This object, also where methods run with a Proxy as `this` (2.1.3). */
  _self: CallAgentBase<C, Events>;

  /** @internal */
  constructor(core: Core, info: AgentInfo) {
    super();
    this._core = core;
    this._agent = info.agent;
    this._self = this;
    this.displayName = info.displayName;
    agents.set(info.agent, { apply: (change) => { if (change.type === 'agent') this._apply(change); } });
  }

  /** Calls that have not ended. */
  get calls(): ReadonlyArray<C> {
    return this._calls;
  }

  /** Whether the connection to the service is up. */
  get connectionState(): CallAgentConnectionState {
    return this._connectionState;
  }

  /** Leaves all calls and closes the connection. */
  dispose(): Promise<void> {
    this._self._disposing ??= this._self._dispose();
    return this._self._disposing;
  }

  /** @internal */
  abstract _make(id: string, isMuted: boolean, onEnd: (call: C) => void): C;

  /** @internal Everything that the core tells while joining comes after `callsUpdated` (2.1.7). */
  _join(locator: JoinLocator, options: JoinCallOptions = {}): C {
    const self = this._self;
    if (self._disposing) throw disposed('CallAgent');
    const meeting = locatorOf(locator);
    const muted = options.audioOptions?.muted === true;
    const call = self._make(newId(), muted, (ended) => self._remove(ended));
    call._record._membership = new Membership(call, (id, isMuted, prepare) => self._follow(call, id, isMuted, prepare));
    const { media } = call._record;
    const stream = options.videoOptions?.localVideoStreams?.[0];
    const camera = media._joinWith(stream);
    const microphone = media._joinWithAudio(options.audioOptions?.localAudioStreams?.[0]);
    const release = hold();
    try {
      calls.set(call.id, call._record);
      self._core.join(self._agent, call.id, meeting, {
        muted,
        ...cleaning(options.audioOptions),
        ...(camera && { camera }),
        ...(microphone && { microphone }),
      });
    } catch (error) {
      calls.delete(call.id);
      media.ended();
      release();
      throw asError(error);
    }
    self._calls = [...self._calls, call];
    queueMicrotask(() => {
      self._emit('callsUpdated', ...([{ added: [call], removed: [] }] as unknown as never));
      release();
      const limits = limitsOf(options.videoOptions?.constraints);
      if (Object.keys(limits).length > 0) void self._core.ask(call.id, 'limitVideo', limits);
      if (stream && !camera) media._startJoined(stream);
    });
    return call;
  }

  /** @internal Another call of the same stay: in a breakout room, or back. */
  _follow(first: C, id: string, isMuted: boolean, prepare: (call: C) => void): C {
    const call = this._make(id, isMuted, (ended) => this._remove(ended));
    call._record._membership = first._record._membership;
    prepare(call);
    calls.set(id, call._record);
    this._calls = [...this._calls, call];
    this._emit('callsUpdated', ...([{ added: [call], removed: [] }] as unknown as never));
    return call;
  }

  /** @internal */
  _remove(call: C): void {
    this._calls = this._calls.filter((other) => other !== call);
    this._emit('callsUpdated', ...([{ added: [], removed: [call] }] as unknown as never));
  }

  /** @internal */
  _apply(change: Pick<AgentChange, 'connected' | 'reason'>): void {
    const oldValue = this._connectionState;
    const newValue = change.connected ? 'Connected' : 'Disconnected';
    if (oldValue === newValue) return;
    this._connectionState = newValue;
    const args = { oldValue, newValue, ...(change.reason && { reason: change.reason }) };
    this._emit('connectionStateChanged', ...([args] as unknown as never));
  }

  /** @internal */
  async _dispose(): Promise<void> {
    try {
      await settled(async () => this._core.disposeAgent(this._agent));
    } finally {
      agents.delete(this._agent);
      for (const { id, _record } of this._calls) _record.apply({ type: 'call', call: id, state: 'Disconnected' });
      this._apply({ connected: false });
      this._onDispose?.();
    }
  }
}

/** A guest's agent: joins meetings. Made by `CallClient.createCallAgent`. */
export class CallAgent extends CallAgentBase<Call, CallAgentEvents> {
  /** Kind of agent. */
  readonly kind = CallAgentKind.CallAgent;

  /**
   * Joins a meeting by its link, or by id and passcode. Everything after is told by the call.
   * @throws CommunicationServicesError 400/59010 for a locator that cannot be one, 501/59200 for group
   * and room calls, 409/59201 after `dispose()`.
   */
  join(meetingLocator: JoinLocator, options?: JoinCallOptions): Call {
    return this._join(meetingLocator, options);
  }

  /**
   * Calls somebody.
   * @throws CommunicationServicesError 501/59200: not supported yet; join a meeting.
   */
  startCall(_participants: CommunicationIdentifier[], _options?: StartCallOptions): Call {
    throw notSupported('Calling somebody', 'create a meeting and join it');
  }

  /** @internal */
  _make(id: string, isMuted: boolean, onEnd: (call: Call) => void): Call {
    const call: Call = new Call(id, isMuted, () => onEnd(call));
    return call;
  }
}

/** A member's agent: joins meetings. Made by `CallClient.createTeamsCallAgent`. */
export class TeamsCallAgent extends CallAgentBase<TeamsCall, TeamsCallAgentEvents> {
  /** Kind of agent. */
  readonly kind = CallAgentKind.TeamsCallAgent;

  /**
   * Joins a meeting by its link, or by id and passcode. Everything after is told by the call.
   * @throws CommunicationServicesError 400/59010 for a locator that cannot be one, 409/59201 after `dispose()`.
   */
  join(meetingLocator: TeamsMeetingLocator, options?: JoinCallOptions): TeamsCall {
    return this._join(meetingLocator, options);
  }

  /**
   * Calls somebody.
   * @throws CommunicationServicesError 501/59200: not supported yet; join a meeting.
   */
  startCall(
    _participants: TeamsCallee | CommunicationIdentifier | CommunicationIdentifier[],
    _options?: StartCallOptions,
  ): TeamsCall {
    throw notSupported('Calling somebody', 'create a meeting and join it');
  }

  /** @internal */
  _make(id: string, isMuted: boolean, onEnd: (call: TeamsCall) => void): TeamsCall {
    const call: TeamsCall = new TeamsCall(id, isMuted, () => onEnd(call));
    return call;
  }
}

/** What the core is to do with a microphone of its own; only what was said. */
function cleaning(options: AudioOptions = {}): Pick<AudioOptions, (typeof cleaningNames)[number]> {
  return Object.fromEntries(cleaningNames.filter((name) => name in options).map((name) => [name, options[name]]));
}
const cleaningNames = ['echoCancellation', 'noiseSuppression', 'autoGainControl'] as const;

/** The core checks what is inside; here only which kind it is. */
function locatorOf(locator: JoinLocator): Locator {
  if (locator && 'meetingLink' in locator) return { meetingLink: locator.meetingLink };
  if (locator && 'meetingId' in locator) {
    const { meetingId, passcode } = locator;
    return { meetingId, ...(passcode !== undefined && { passcode }) };
  }
  if (locator && ('groupId' in locator || 'roomId' in locator)) {
    throw notSupported('Joining a group or room call', 'join a meeting by its link, or by its id and passcode');
  }
  throw invalidArgument('join() needs { meetingLink } or { meetingId, passcode }.');
}
