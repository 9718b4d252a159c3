import { CallKind } from '../enums.js';
import { notSupported, wrongState } from '../errors.js';
import { Emitter, isolated, type CollectionUpdatedEvent, type PropertyChangedEvent } from '../events.js';
import type { BreakoutRoomsCallFeature } from '../features/breakout-rooms.js';
import { makeFeature, type CallFeature, type CallFeatureFactory } from '../features/factory.js';
import type { CallFeatureBase } from '../features/base.js';
import { rawIdOf, type CommunicationIdentifier } from '../identifiers.js';
import type { CallChange } from '../runtime.js';
import type { LocalAudioStream } from '../streams/local-audio-stream.js';
import type { LocalVideoStream } from '../streams/local-video-stream.js';
import type { RemoteAudioStream } from '../streams/remote-audio-stream.js';
import type {
  AddPhoneNumberOptions, AddTeamsParticipantOptions, CallDirection, CallEndReason, CallerInfo, CallState, DtmfTone,
  HangUpOptions, MediaConstraints, ParticipantRole, TransferorInfo, VideoSendConstraints,
} from '../types.js';
import type { CallInfo, TeamsCallInfo } from './call-info.js';
import { CallRecord } from './call-record.js';
import { Lobby } from './lobby.js';
import type { RemoteParticipant } from './remote-participant.js';

/** Events of a call. Those without arguments say that the property of that name changed. */
export interface CallEvents {
  /** `state` changed. */ stateChanged: PropertyChangedEvent;
  /** `id` changed; it never does. */ idChanged: PropertyChangedEvent;
  /** `isMuted` changed. */ isMutedChanged: PropertyChangedEvent;
  /** `isIncomingAudioMuted` changed. */ isIncomingAudioMutedChanged: PropertyChangedEvent;
  /** `isScreenSharingOn` changed. */ isScreenSharingOnChanged: PropertyChangedEvent;
  /** `isLocalVideoStarted` changed. */ isLocalVideoStartedChanged: PropertyChangedEvent;
  /** `role` changed. */ roleChanged: PropertyChangedEvent;
  /** Somebody else muted the local microphone. */ mutedByOthers: PropertyChangedEvent;
  /** `callerInfo` changed. */ callerInfoChanged: PropertyChangedEvent;
  /** `transferorInfo` changed. */ transferorInfoChanged: PropertyChangedEvent;
  /** `remoteParticipants` changed. */ remoteParticipantsUpdated: CollectionUpdatedEvent<RemoteParticipant>;
  /** `totalParticipantCount` changed. */ totalParticipantCountChanged: PropertyChangedEvent;
  /** `localVideoStreams` changed. */ localVideoStreamsUpdated: CollectionUpdatedEvent<LocalVideoStream>;
  /** `localAudioStreams` changed. */ localAudioStreamsUpdated: CollectionUpdatedEvent<LocalAudioStream>;
  /** `remoteAudioStreams` changed. */ remoteAudioStreamsUpdated: CollectionUpdatedEvent<RemoteAudioStream>;
}

/** What calls of guests and of members have in common. One object per call (`acs-api` 2.1.2). */
export abstract class CallCommon extends Emitter<CallEvents> {
  /** Kind of call. */
  abstract readonly kind: CallKind;
  /** Who waits to be let in. */
  readonly lobby: Lobby;
  /** @internal */
  _record: CallRecord;
  /** @internal */
  _features = new Map<unknown, unknown>();

  /** @internal */
  constructor(id: string, isMuted: boolean, onEnd: () => void) {
    super();
    this._record = new CallRecord(this, id, isMuted, onEnd);
    this.lobby = new Lobby(this._record);
  }

  /** A UUID, known at once and never changed. */
  get id(): string { return this._record.id }

  /** `Connecting`, perhaps `InLobby`, `Connected`, perhaps `LocalHold`, `Disconnecting`, `Disconnected`. */
  get state(): CallState { return this._record.state }

  /** Why the call ended; set before the call leaves the agent's list. */
  get callEndReason(): CallEndReason | undefined { return this._record.end }

  /** `Outgoing`: meetings are joined. */
  get direction(): CallDirection { return 'Outgoing' }

  /** Who called; nobody for a meeting. */
  get callerInfo(): CallerInfo { return { identifier: undefined, displayName: undefined } }

  /** Who handed the call over; nobody. */
  get transferorInfo(): TransferorInfo | undefined { return undefined }

  /** Whether the microphone is muted, by oneself or by others. */
  get isMuted(): boolean { return this._record.isMuted }

  /** Whether the others are silenced here. */
  get isIncomingAudioMuted(): boolean { return this._record._isQuiet }

  /** Whether one's screen is shared. */
  get isScreenSharingOn(): boolean { return this._record.media.screen !== undefined }

  /** Whether one's camera is sent. */
  get isLocalVideoStarted(): boolean { return this._record.media.video.length > 0 }

  /** The camera and the screen, as far as they are sent. */
  get localVideoStreams(): ReadonlyArray<LocalVideoStream> { return this._record.media.streams }

  /** The microphone, where the application gave one. */
  get localAudioStreams(): ReadonlyArray<LocalAudioStream> { return this._record.media.audio }

  /** The sound of all others in one stream, while the call is connected. It plays by itself. */
  get remoteAudioStreams(): ReadonlyArray<RemoteAudioStream> { return this._record.sound }

  /** Everybody else in the call. */
  get remoteParticipants(): ReadonlyArray<RemoteParticipant> { return this._record.remoteParticipants }

  /** How many people are in the call, this one included; 0 unless `Connected`. */
  get totalParticipantCount(): number { return this._record.total }

  /** The local user's role. */
  get role(): ParticipantRole { return this._record.role }

  /**
   * A feature of the call, such as `Features.Capabilities`; the same object every time, also after the end.
   * @throws CommunicationServicesError 400/59202 for a feature that is not one of a call.
   */
  feature<T extends CallFeature>(factory: CallFeatureFactory<T>): T {
    return makeFeature('call', factory, this._features, this._record);
  }

  /**
   * Leaves, or ends the call for all. Does nothing when it has ended.
   * @throws CommunicationServicesError 403/59120 for `forEveryone` without the right.
   */
  async hangUp(options?: HangUpOptions): Promise<void> {
    if (this._record.state === 'Disconnected') return;
    const what = options?.forEveryone === true ? 'endForEveryone' : 'hangUp';
    await this._record.ask(what);
  }

  /** Mutes the microphone. */
  mute(): Promise<void> {
    return this._record.ask('mute');
  }

  /** Unmutes the microphone. */
  unmute(): Promise<void> {
    return this._record.ask('unmute');
  }

  /**
   * Sends a camera or a stream of the application's own.
   * @throws CommunicationServicesError 412/59203 when another one is sent already or the call has
   * ended; what the camera says when it cannot be opened.
   */
  startVideo(stream: LocalVideoStream): Promise<void> {
    return this._record.media.startVideo(stream);
  }

  /** Stops sending it; does nothing when it is not sent. */
  stopVideo(stream: LocalVideoStream): Promise<void> {
    return this._record.media.stopVideo(stream);
  }

  /**
   * Sends another microphone, or a stream of the application's own; while muted, it is opened by `unmute`.
   * @throws CommunicationServicesError when the microphone cannot be opened; then the one of before goes on.
   */
  startAudio(stream: LocalAudioStream): Promise<void> {
    return this._record.media.startAudio(stream);
  }

  /** Sends no sound any more, until {@link startAudio} or `unmute`, which opens the page's microphone. `isMuted` stays. */
  stopAudio(): void {
    this._record.media.stopAudio();
  }

  /**
   * Puts the call on hold: nothing is sent, shown or heard until {@link resume}.
   * @throws CommunicationServicesError 412/59203 when the call is not connected.
   */
  async hold(): Promise<void> {
    if (this.state !== 'Connected') throw wrongState('A call can be put on hold while it is connected.');
    await this._record.ask('hold');
  }

  /**
   * Goes on with a call that is on hold; where that is because the user is in a breakout room, they return.
   * @throws CommunicationServicesError 412/59203 when the call is not on hold; what the return says.
   */
  async resume(): Promise<void> {
    if (this.state !== 'LocalHold') throw wrongState('This call is not on hold.');
    const { _membership: membership } = this._record;
    if (membership.current._record !== this._record) await membership.returnToMain();
    else await this._record.ask('resume');
  }

  /**
   * Shares a screen, a window or a tab that the user picks, with its sound where the browser gives it;
   * or a stream of the application's own. Call it while a click is being handled.
   * @throws CommunicationServicesError 403/59142 when the user picks nothing, 403/59120 when the role
   * does not allow it, 412/59203 when the call is not connected or a screen is shared already,
   * 501/59200 where the browser has no screen sharing.
   */
  startScreenSharing(stream?: LocalVideoStream): Promise<void> {
    return this._record.media.startScreenSharing(stream);
  }

  /** Stops sharing; does nothing when nothing is shared. */
  stopScreenSharing(): Promise<void> {
    return this._record.media.stopScreenSharing();
  }

  /** Silences the others in this page; nobody else notices. */
  muteIncomingAudio(): Promise<void> { return this._record._setQuiet(true) }
  /** Takes {@link muteIncomingAudio} back. */
  unmuteIncomingAudio(): Promise<void> { return this._record._setQuiet(false) }
  /**
   * Mutes everybody else here; only they unmute themselves.
   * @throws CommunicationServicesError 403/59120 without the right (capability `muteOthers`).
   */
  muteAllRemoteParticipants(): Promise<void> { return this._record.ask('muteAll') }
  /** @throws CommunicationServicesError 501/59200: there are no phones in meetings. */
  async sendDtmf(_tone: DtmfTone): Promise<void> { throw notSupported('DTMF', 'there are no phones in meetings') }
  /** Bounds what the camera sends, from now on; what is left out is not bounded. */
  async setConstraints(constraints: MediaConstraints): Promise<void> {
    await this._record.ask('limitVideo', limitsOf(constraints.video?.send));
  }

  /**
   * Rings somebody into the call.
   * @throws CommunicationServicesError 501/59200: not supported yet; share the meeting's link.
   */
  addParticipant(
    _participant: CommunicationIdentifier,
    _options?: AddPhoneNumberOptions | AddTeamsParticipantOptions,
  ): RemoteParticipant {
    throw notSupported('Adding a participant', "share the meeting's link instead");
  }

  /**
   * Removes somebody from the meeting; their call ends with 0/5300.
   * @throws CommunicationServicesError 403/59120 without the right, 404/59150 when they are not here.
   */
  async removeParticipant(participant: CommunicationIdentifier): Promise<void> {
    await this._record.ask('remove', rawIdOf(participant));
  }

  /** Leaves the call if it is still on; its listeners stay. */
  dispose(): void {
    this.hangUp().catch(() => {});
  }

  /** @internal To the feature of the breakout rooms, if anybody has asked for it. */
  _toRooms(tell: (feature: BreakoutRoomsCallFeature) => void): void {
    for (const feature of this._features.values()) {
      if ((feature as CallFeature).name === 'BreakoutRooms') tell(feature as BreakoutRoomsCallFeature);
    }
  }

  /** @internal */
  _toFeatures(change: CallChange): void {
    for (const feature of [...this._features.values()]) isolated(() => (feature as CallFeatureBase<object>)._apply(change));
  }
}

/** A guest's call. */
export class Call extends CallCommon {
  /** Kind of call. */
  readonly kind = CallKind.Call;

  /** Ids of the call; the object stays, its values come. */
  get info(): CallInfo { return this._record.info }
}

/** A member's call. */
export class TeamsCall extends CallCommon {
  /** Kind of call. */
  readonly kind = CallKind.TeamsCall;

  /** Ids of the call; the object stays, its values come. */
  get info(): TeamsCallInfo { return this._record.info }
}

/** @internal As the core takes them. */
export function limitsOf({ frameHeight, frameRate, bitrate }: VideoSendConstraints = {}): { lines?: number; fps?: number; bps?: number } {
  return {
    ...(frameHeight?.max && { lines: frameHeight.max }),
    ...(frameRate?.max && { fps: frameRate.max }),
    ...(bitrate?.max && { bps: bitrate.max }),
  };
}
