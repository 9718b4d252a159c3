import type { CommunicationIdentifier, CommunicationIdentifierKind } from '../identifiers.js';
import { CallFeatureBase } from './base.js';

/** What a participant may send. */
export interface MediaAccess {
  /** Who. */ participant: CommunicationIdentifierKind;
  /** May unmute. */ isAudioPermitted: boolean;
  /** May turn the camera on. */ isVideoPermitted: boolean;
}
/** What attendees may send. */
export interface MeetingMediaAccess {
  /** May unmute. */ isAudioPermitted: boolean;
  /** May turn the camera on. */ isVideoPermitted: boolean;
}
/** Somebody's access changed. */
export interface MediaAccessChangedEvent {
  /** Those who are concerned. */
  mediaAccesses: MediaAccess[];
}
/** The meeting's setting changed. */
export interface MeetingMediaAccessChangedEvent {
  /** The new setting. */
  meetingMediaAccess: MeetingMediaAccess;
}
/** Events of {@link MediaAccessCallFeature}. */
export interface MediaAccessEvents {
  /** Somebody's access changed. */ mediaAccessChanged: (event: MediaAccessChangedEvent) => void;
  /** The meeting's setting changed. */ meetingMediaAccessChanged: (event: MeetingMediaAccessChangedEvent) => void;
}

/** Who may send sound and video. Everybody may; it cannot be changed yet. */
export class MediaAccessCallFeature extends CallFeatureBase<MediaAccessEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'MediaAccess';

  /** The access of everybody else, a new list every time. */
  getAllOthersMediaAccess(): MediaAccess[] {
    return this._record.remoteParticipants.map(({ identifier }) => ({
      participant: { ...identifier },
      isAudioPermitted: true,
      isVideoPermitted: true,
    }));
  }

  /** The meeting's setting. */
  getMeetingMediaAccess(): MeetingMediaAccess {
    return { isAudioPermitted: true, isVideoPermitted: true };
  }

  /** @throws CommunicationServicesError 501/59200: not supported yet. */
  permitAudio(_participants: CommunicationIdentifier[]): Promise<void> { return this._change() }
  /** @throws CommunicationServicesError 501/59200: not supported yet. */
  forbidAudio(_participants: CommunicationIdentifier[]): Promise<void> { return this._change() }
  /** @throws CommunicationServicesError 501/59200: not supported yet. */
  permitVideo(_participants: CommunicationIdentifier[]): Promise<void> { return this._change() }
  /** @throws CommunicationServicesError 501/59200: not supported yet. */
  forbidVideo(_participants: CommunicationIdentifier[]): Promise<void> { return this._change() }
  /** @throws CommunicationServicesError 501/59200: not supported yet. */
  permitOthersAudio(): Promise<void> { return this._change() }
  /** @throws CommunicationServicesError 501/59200: not supported yet. */
  forbidOthersAudio(): Promise<void> { return this._change() }
  /** @throws CommunicationServicesError 501/59200: not supported yet. */
  permitOthersVideo(): Promise<void> { return this._change() }
  /** @throws CommunicationServicesError 501/59200: not supported yet. */
  forbidOthersVideo(): Promise<void> { return this._change() }

  /** @internal */
  _change(): Promise<never> {
    return this._unsupported("Changing others' media access");
  }
}
