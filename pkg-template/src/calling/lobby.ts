import { settled } from '../errors.js';
import { Emitter, type CollectionUpdatedEvent } from '../events.js';
import { rawIdOf, type CommunicationIdentifier } from '../identifiers.js';
import { loadedCore } from '../runtime.js';
import type { CallRecord } from './call-record.js';
import type { RemoteParticipant } from './remote-participant.js';

/** Events of {@link Lobby}. */
export interface LobbyEvents {
  /** `participants` changed. */
  lobbyParticipantsUpdated: CollectionUpdatedEvent<RemoteParticipant>;
}

/**
 * Who waits to be let in. Members who are organiser, co-organiser or presenter admit and reject
 * (rule B5); the capability `manageLobby` says whether the local user may.
 */
export class Lobby extends Emitter<LobbyEvents> {
  /** @internal */
  _record: CallRecord;

  /** @internal */
  constructor(record: CallRecord) {
    super();
    this._record = record;
  }

  /** Those who wait; their state is `InLobby`. */
  get participants(): ReadonlyArray<RemoteParticipant> {
    return this._record._inLobby;
  }

  /**
   * Lets somebody in.
   * @throws CommunicationServicesError 403/59120 without the right, 404/59150 when they do not wait.
   */
  async admit(identifier: CommunicationIdentifier, _options?: object): Promise<void> {
    await this._record.ask('admit', rawIdOf(identifier));
  }

  /**
   * Sends somebody away; their call ends with 403/5854.
   * @throws CommunicationServicesError 403/59120 without the right, 404/59150 when they do not wait.
   */
  async reject(identifier: CommunicationIdentifier, _options?: object): Promise<void> {
    await this._record.ask('reject', rawIdOf(identifier));
  }

  /**
   * Lets everybody in.
   * @returns how many came in and how many could not.
   * @throws CommunicationServicesError 403/59120 without the right.
   */
  async admitAll(_options?: object): Promise<{ /** Came in. */ successCount: number; /** Could not. */ failureCount: number }> {
    return settled(async () => (await loadedCore()).ask(this._record.id, 'admitAll'));
  }
}
