import { wrongState } from '../errors.js';
import { Emitter, type PropertyChangedEvent } from '../events.js';
import type { CallRecord } from './call-record.js';

/** Ids of a call. One object per call, its getters live (`acs-api` 2.1.5a). */
export class CallInfo {
  /** @internal */
  _record: CallRecord;
  /** @internal */
  _events = new Emitter<{ callInfoChanged: PropertyChangedEvent }>();
  /** @internal */
  _whenKnown: { resolve(id: string): void; reject(error: Error): void }[] = [];

  /** @internal */
  constructor(record: CallRecord) {
    this._record = record;
  }

  /** Chat thread of the meeting; known before the call is `Connected`. */
  get threadId(): string | undefined {
    return this._record.threadId;
  }

  /** Id of this connection; empty until the service has given it. */
  get participantId(): string {
    return this._record.participantId;
  }

  /** Group that was joined; meetings have none. */
  get groupId(): string | undefined {
    return undefined;
  }

  /**
   * The service's id of the call, as soon as it is known.
   * @throws CommunicationServicesError 412/59203 when the call ended before.
   */
  getServerCallId(): Promise<string> {
    const { serverCallId, state } = this._record;
    if (serverCallId !== undefined) return Promise.resolve(serverCallId);
    if (state === 'Disconnected') return Promise.reject(neverKnown());
    return new Promise((resolve, reject) => this._whenKnown.push({ resolve, reject }));
  }

  /** Calls `listener` when one of the ids changed. */
  onCallInfoChanged(event: 'callInfoChanged', listener: PropertyChangedEvent): void {
    this._events.on(event, listener);
  }

  /** Takes {@link onCallInfoChanged} back. */
  offCallInfoChanged(event: 'callInfoChanged', listener: PropertyChangedEvent): void {
    this._events.off(event, listener);
  }

  /** @internal After the record changed. */
  _changed(): void {
    const { serverCallId } = this._record;
    if (serverCallId !== undefined) for (const { resolve } of this._whenKnown.splice(0)) resolve(serverCallId);
    this._events._emit('callInfoChanged');
  }

  /** @internal */
  _ended(): void {
    for (const { reject } of this._whenKnown.splice(0)) reject(neverKnown());
  }
}

/** Ids of a member's call. */
export class TeamsCallInfo extends CallInfo {}

function neverKnown(): Error {
  return wrongState('The call ended before the service gave it an id.');
}
