import type { ParticipantInfo } from '../core.js';
import { Emitter, type CollectionUpdatedEvent, type PropertyChangedEvent } from '../events.js';
import { identifierOf, type CommunicationIdentifierKind } from '../identifiers.js';
import type { RemoteVideoStream } from '../streams/remote-video-stream.js';
import type { CallRecord } from './call-record.js';
import type { CallEndReason, EndpointDetails, ParticipantRole, RemoteParticipantState } from '../types.js';

/** Events of {@link RemoteParticipant}. */
export interface RemoteParticipantEvents {
  /** `state` changed. */
  stateChanged: PropertyChangedEvent;
  /** `isMuted` changed. */
  isMutedChanged: PropertyChangedEvent;
  /** `displayName` changed. */
  displayNameChanged: (args: {
    /** The name now. */ newValue?: string;
    /** The name before. */ oldValue?: string;
    /** Never set: names are not edited. */ reason?: 'editedDisplayName';
  }) => void;
  /** `role` changed. */
  roleChanged: PropertyChangedEvent;
  /** `isSpeaking` changed. */
  isSpeakingChanged: PropertyChangedEvent;
  /** `videoStreams` changed. */
  videoStreamsUpdated: CollectionUpdatedEvent<RemoteVideoStream>;
}

/** Somebody else in a call, or in its lobby. One object per identity, however many devices they use. */
export class RemoteParticipant extends Emitter<RemoteParticipantEvents> {
  /** Who it is. */
  readonly identifier: CommunicationIdentifierKind;
  /** @internal */
  _rawId: string;
  /** @internal */
  _info: ParticipantInfo;
  /** @internal Replaced, never changed. */
  _endpoints: ReadonlyArray<EndpointDetails> = [];
  /** @internal Replaced, never changed. */
  _streams: ReadonlyArray<RemoteVideoStream> = [];
  /** @internal */
  _isSpeaking = false;

  /** @internal */
  _record: CallRecord;

  /** @internal */
  constructor(rawId: string, record: CallRecord) {
    super();
    this._record = record;
    this._rawId = rawId;
    this.identifier = identifierOf(rawId);
    this._info = { id: rawId, role: 'Unknown', state: 'Idle', muted: false, endpoints: [] };
  }

  /** Name to show; guests choose theirs, members' comes from the directory. */
  get displayName(): string | undefined {
    return this._info.displayName;
  }

  /** Whether the participant edited their name in this meeting. */
  get hasDisplayNameChanged(): boolean {
    return false;
  }

  /** `InLobby` while they wait, `Connected` in the meeting, `Disconnected` afterwards. */
  get state(): RemoteParticipantState {
    return this._info.state as RemoteParticipantState;
  }

  /** Their devices. */
  get endpointDetails(): ReadonlyArray<EndpointDetails> {
    return this._endpoints;
  }

  /** Why they left; the service does not tell others. */
  get callEndReason(): CallEndReason | undefined {
    return undefined;
  }

  /** Camera and screen of this participant. */
  get videoStreams(): ReadonlyArray<RemoteVideoStream> {
    return this._streams;
  }

  /** Whether all their devices are muted. */
  get isMuted(): boolean {
    return this._info.muted;
  }

  /** Whether they are heard right now. */
  get isSpeaking(): boolean {
    return this._isSpeaking;
  }

  /** Their role in the meeting. */
  get role(): ParticipantRole {
    return this._info.role as ParticipantRole;
  }

  /**
   * Mutes this participant for everybody; only they unmute themselves.
   * @throws CommunicationServicesError 403/59120 without the right (capability `muteOthers`), 404/59150 when
   * they are not here.
   */
  mute(): Promise<void> {
    return this._record.ask('muteParticipant', this._rawId);
  }

  /** @internal All properties first, then the events (2.1.7). */
  _update(info: ParticipantInfo): void {
    const old = this._info;
    this._info = info;
    if (old.endpoints.join() !== info.endpoints.join()) {
      this._endpoints = info.endpoints.map((participantId) => ({ participantId }));
    }
    if (old.state !== info.state) this._emit('stateChanged');
    if (old.muted !== info.muted) this._emit('isMutedChanged');
    if (old.role !== info.role) this._emit('roleChanged');
    if (old.displayName !== info.displayName) {
      this._emit('displayNameChanged', nameChange(old.displayName, info.displayName));
    }
  }

  /** @internal */
  _left(): void {
    this._speaks(false);
    this._update({ ...this._info, state: 'Disconnected' });
  }

  /** @internal */
  _speaks(isSpeaking: boolean): void {
    if (this._isSpeaking === isSpeaking) return;
    this._isSpeaking = isSpeaking;
    this._emit('isSpeakingChanged');
  }
}

function nameChange(oldValue: string | undefined, newValue: string | undefined): { newValue?: string; oldValue?: string } {
  return { ...(newValue !== undefined && { newValue }), ...(oldValue !== undefined && { oldValue }) };
}
