/** Plain shapes of the public API: options, unions of names, device infos. Names as in `acs-api` section 6. */
import type { CommunicationIdentifierKind, MicrosoftTeamsUserIdentifier, PhoneNumberIdentifier } from './identifiers.js';
import type { LocalAudioStream } from './streams/local-audio-stream.js';
import type { LocalVideoStream } from './streams/local-video-stream.js';

/** Anything that gives tokens, such as `AzureCommunicationTokenCredential`. */
export interface CommunicationTokenCredential {
  /** A valid token; asked for again before the last one runs out. Times in milliseconds since 1970. */
  getToken(options?: {
    /** Never given by the SDK. */ abortSignal?: AbortSignal;
  }): Promise<{
    /** The token. */ token: string;
    /** Milliseconds since 1970. */ expiresOnTimestamp: number;
  }>;
  /** Stops what the credential does in the background. Never called by the SDK. */
  dispose?(): void;
}

/** Where the meeting service is. Ours; ACS takes it from the token. */
export interface EndpointOptions {
  /** Origin of the meeting service, such as `https://meet.example.org`. Without it the token's `endpoint` claim counts. */
  endpoint?: string;
}

/** Says what the application is, for logs of the service. */
export interface DiagnosticOptions {
  /** Name of the application. */
  appName?: string;
  /** Its version. */
  appVersion?: string;
  /** Anything else. */
  tags?: string[];
}

/** Accepted for compatibility; the service tells its own relays. */
export interface NetworkConfiguration {
  /** Ignored. */
  proxy?: {
    /** Where it is. */ url: string;
  };
  /** Ignored. */
  turn?: {
    /** Relays. */
    iceServers: { /** Where one is. */ urls: string[]; /** Who one is. */ username?: string; /** Password. */ credential?: string }[];
  };
}

/** Options of {@link CallClient}. */
export interface CallClientOptions extends EndpointOptions {
  /** Accepted for compatibility and not used. */
  logger?: unknown;
  /** What the application is. */
  diagnostics?: DiagnosticOptions;
  /** Accepted for compatibility and not used. */
  networkConfiguration?: NetworkConfiguration;
}

/** Options of `createCallAgent`. */
export interface CallAgentOptions {
  /** Name that others see (rule A2). */
  displayName?: string;
  /** Accepted for compatibility; there are no emergency calls. */
  emergencyCallOptions?: {
    /** ISO 3166-1. */ countryCode?: string;
  };
}

/** Options of `createTeamsCallAgent`: none. A member's name comes from the directory (rule A4). */
export interface TeamsCallAgentOptions {}

/** A meeting by its join link. */
export interface TeamsMeetingLinkLocator {
  /** The link, as it was copied. */ meetingLink: string;
}
/** A meeting by its id. */
export interface TeamsMeetingIdLocator {
  /** Digits; spaces are ignored. */
  meetingId: string;
  /** Case-sensitive. */
  passcode?: string;
}
/** A group call; not supported yet. */
export interface GroupCallLocator {
  /** A UUID. */ groupId: string;
}
/** A room call; not supported yet. */
export interface RoomCallLocator {
  /** The room. */ roomId: string;
}
/** Coordinates of a meeting, inside details of an active call only. */
export interface TeamsMeetingCoordinatesLocator {
  /** Chat thread of the meeting. */ threadId: string;
  /** Who organises it. */ organizerId: string;
  /** The organisation. */ tenantId: string;
  /** The invitation in the thread. */ messageId: string;
}
/** What a guest's agent can join. */
export type JoinLocator = GroupCallLocator | RoomCallLocator | TeamsMeetingLinkLocator | TeamsMeetingIdLocator;
/** What a member's agent can join. */
export type TeamsMeetingLocator = TeamsMeetingLinkLocator | TeamsMeetingIdLocator;

/** Bounds of what a call sends. */
export interface VideoSendConstraints {
  /** Picture height in pixels. */ frameHeight?: {
    /** At most. */ max?: number;
  };
  /** Pictures per second. */ frameRate?: {
    /** At most. */ max?: number;
  };
  /** Bits per second. */ bitrate?: {
    /** At most. */ max?: number;
  };
}
/** Bounds of what a call sends. */
export interface MediaConstraints {
  /** Of video. */
  video?: {
    /** What is sent. */
    send?: VideoSendConstraints;
  };
}

/** Video of a call from the start. */
export interface VideoOptions {
  /** The camera; at most one stream. */
  localVideoStreams?: LocalVideoStream[];
  /** Bounds of what the camera sends; `Call.setConstraints` changes them. */
  constraints?: VideoSendConstraints;
}
/** Audio of a call from the start. */
export interface AudioOptions {
  /** Start muted. */
  muted?: boolean;
  /** The microphone; without it the selected one. */
  localAudioStreams?: LocalAudioStream[];
  /** Ours: the browser takes out what the speakers play; true unless said. Not for an application's own stream. */
  echoCancellation?: boolean;
  /** Ours: the browser takes out steady noise; true unless said. Not for an application's own stream. */
  noiseSuppression?: boolean;
  /** Ours: the browser evens out loudness; true unless said. Not for an application's own stream. */
  autoGainControl?: boolean;
}
/** Options of `join`. */
export interface JoinCallOptions {
  /** Video from the start. */ videoOptions?: VideoOptions;
  /** Audio from the start. */ audioOptions?: AudioOptions;
}
/** Options of `accept`. */
export interface AcceptCallOptions extends JoinCallOptions {}
/** Options of `startCall`. */
export interface StartCallOptions extends JoinCallOptions {
  /** Number that a called phone shows. */ alternateCallerId?: PhoneNumberIdentifier;
  /** Handed to the called side. */ customContext?: unknown;
}
/** Options of `addParticipant` for a phone. */
export interface AddPhoneNumberOptions {
  /** Number that the called phone shows. */ alternateCallerId?: PhoneNumberIdentifier;
}
/** Options of `addParticipant` for a member. */
export interface AddTeamsParticipantOptions {
  /** Chat thread to add them to. */ threadId: string;
}
/** Options of `hangUp`. */
export interface HangUpOptions {
  /** End the call for all; organisers and co-organisers (rule S1). */ forEveryone?: boolean;
}

/** States of a call. */
export type CallState =
  | 'None' | 'Connecting' | 'Ringing' | 'EarlyMedia' | 'InLobby' | 'Connected'
  | 'LocalHold' | 'RemoteHold' | 'Disconnecting' | 'Disconnected';
/** Who began a call. */
export type CallDirection = 'Incoming' | 'Outgoing';
/** Role in a meeting. */
export type ParticipantRole =
  | 'Unknown' | 'Attendee' | 'Presenter' | 'Organizer' | 'Co-organizer' | 'Consumer' | 'Collaborator';
/** States of somebody else in a call. */
export type RemoteParticipantState =
  | 'Idle' | 'Connecting' | 'Ringing' | 'Connected' | 'Hold' | 'InLobby' | 'EarlyMedia' | 'Disconnected';
/** Whether an agent's connection is up. */
export type CallAgentConnectionState = 'Connected' | 'Disconnected';
/** What `connectionStateChanged` tells. */
export interface ConnectionStateChangedArgs {
  /** State now. */ newValue: CallAgentConnectionState;
  /** State before. */ oldValue: CallAgentConnectionState;
  /** Why it is down. */ reason?: 'invalidToken' | 'connectionIssue';
}
/** Why a call ended. */
export interface CallEndReason {
  /** 0 for a normal end, else like HTTP or SIP. */ code: number;
  /** More exactly; `docs/` lists all of them. */ subCode?: number;
  /** A sentence that says what to do. */ message?: string;
}
/** Who calls. */
export interface CallerInfo {
  /** Who. */ identifier: CommunicationIdentifierKind | undefined;
  /** Their name. */ displayName?: string | undefined;
}
/** Who handed a call over. */
export interface TransferorInfo extends CallerInfo {}
/** A connection of a participant; a person can have several. */
export interface EndpointDetails {
  /** Id of the connection. */ participantId: string;
}
/** Somebody, by identifier. */
export interface ParticipantInfo {
  /** Who. */ identifier: CommunicationIdentifierKind;
  /** Their name, where it is told. */ displayName?: string;
  /** Their connections. */ endpointDetails: EndpointDetails[];
}
/** Keys of a phone. */
export type DtmfTone =
  | 'Num0' | 'Num1' | 'Num2' | 'Num3' | 'Num4' | 'Num5' | 'Num6' | 'Num7' | 'Num8' | 'Num9'
  | 'Star' | 'Pound' | 'A' | 'B' | 'C' | 'D' | 'Flash';

/** What a stream shows or carries. */
export type MediaStreamType = 'Video' | 'ScreenSharing' | 'RawMedia' | 'LiveStream' | 'Audio';
/** How a picture fills its view: distorted, cut off, or with bars. */
export type ScalingMode = 'Stretch' | 'Crop' | 'Fit';
/** Options of `createView`. */
export interface CreateViewOptions {
  /** Left and right exchanged; for one's own camera. */ isMirrored?: boolean;
  /** `Crop` unless said. */ scalingMode?: ScalingMode;
}
/** Size of a picture in pixels; 0 until known. */
export interface StreamSize {
  /** Pixels. */ width: number;
  /** Pixels. */ height: number;
}

/** Sorts of video devices. */
export type VideoDeviceType = 'Unknown' | 'UsbCamera' | 'CaptureAdapter' | 'Virtual' | 'ScreenSharing';
/** Sorts of audio devices. */
export type AudioDeviceType = 'Microphone' | 'Speaker' | 'CompositeAudioDevice' | 'Virtual';
/** A camera. */
export interface VideoDeviceInfo {
  /** Empty until the user permitted the camera. */ readonly name: string;
  /** The browser's id. */ readonly id: string;
  /** Sort of device. */ readonly deviceType: VideoDeviceType;
}
/** A microphone or speaker. */
export interface AudioDeviceInfo {
  /** Empty until the user permitted the microphone. */ readonly name: string;
  /** The browser's id. */ readonly id: string;
  /** What the system uses. */ readonly isSystemDefault: boolean;
  /** Sort of device. */ readonly deviceType: AudioDeviceType;
}
/** Which permission to ask for. */
export interface PermissionConstraints {
  /** The microphone. */ audio: boolean;
  /** The camera. */ video: boolean;
}
/** What was permitted. */
export interface DeviceAccess {
  /** The microphone. */ audio: boolean;
  /** The camera. */ video: boolean;
}

/** A member, as `TeamsCallAgent.startCall` takes them. */
export type TeamsCallee = MicrosoftTeamsUserIdentifier;
