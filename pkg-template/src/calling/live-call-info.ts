import { wrongState } from '../errors.js';
import { Emitter, type PropertyChangedEvent } from '../events.js';
import type { CallInfo, TeamsCallInfo } from './call-info.js';
import type { CallRecord } from './call-record.js';

/** A class instance with getters, since the UI library keeps the first object that it sees (2.1.5a). */
export class LiveCallInfo implements CallInfo, TeamsCallInfo {
  _record: CallRecord;
  _events = new Emitter<{ callInfoChanged: PropertyChangedEvent }>();
  _whenKnown: { resolve(id: string): void; reject(error: Error): void }[] = [];

  constructor(record: CallRecord) {
    this._record = record;
  }

  get threadId(): string | undefined {
    return this._record.threadId;
  }

  get participantId(): string {
    return this._record.participantId;
  }

  get groupId(): string | undefined {
    return undefined;
  }

  getServerCallId(): Promise<string> {
    const { serverCallId, state } = this._record;
    if (serverCallId !== undefined) return Promise.resolve(serverCallId);
    if (state === 'Disconnected') return Promise.reject(neverKnown());
    return new Promise((resolve, reject) => this._whenKnown.push({ resolve, reject }));
  }

  onCallInfoChanged(event: 'callInfoChanged', listener: PropertyChangedEvent): void {
    this._events.on(event, listener);
  }

  offCallInfoChanged(event: 'callInfoChanged', listener: PropertyChangedEvent): void {
    this._events.off(event, listener);
  }

  /** After the record changed. */
  _changed(): void {
    const { serverCallId } = this._record;
    if (serverCallId !== undefined) for (const { resolve } of this._whenKnown.splice(0)) resolve(serverCallId);
    this._events._emit('callInfoChanged');
  }

  _ended(): void {
    for (const { reject } of this._whenKnown.splice(0)) reject(neverKnown());
  }
}

function neverKnown(): Error {
  return wrongState('The call ended before the service gave it an id.');
}
