/**
 * The contract between the facade and the Rust core (`src/api/`), as TypeScript sees it.
 *
 * The generated glue is `./generated/plenary.js`; it exports `default` (load the wasm) and `act`, which
 * carries every method of `Core` below (`src/api/glue.rs`). Only `wasm.ts` imports it. The Rust side of `Change` is
 * `src/api/changes.rs`.
 */

/** Fields as in `CallEndReason`, with the sentence that says what to do. */
export interface End { code: number; subCode: number; message: string }

/** A remote participant, or somebody who waits in the lobby. */
export interface ParticipantInfo {
  id: string; displayName?: string; role: string; state: string; muted: boolean; endpoints: string[];
}

/** A remote video stream; `id` is unique in the page and rises. */
export interface StreamInfo {
  id: number; mediaStreamType: 'Video' | 'ScreenSharing'; available: boolean; receiving: boolean;
  width: number; height: number;
}

/** A breakout room, as far as the user may know it. */
export interface RoomInfo {
  id: string; displayName: string; open: boolean; autoMove: boolean; threadId?: string; invitees?: string[];
}

/** What the core tells; always after its own state has it. */
export type Change =
  | { type: 'agent'; agent: number; connected: boolean; reason?: 'invalidToken' | 'connectionIssue' }
  | { type: 'call'; call: string; state?: string; end?: End; role?: string; threadId?: string;
      participantId?: string; serverCallId?: string; muted?: boolean; mayAdmit?: boolean;
      /** False: sharing the screen ended without `stopScreenSharing`. */ screenSharing?: boolean }
  /** The user is in `to` now: a new call, or the one that was on hold. */
  | { type: 'moved'; call: string; to: string; room?: string; threadId?: string }
  /** The whole; `call` is the one that is not on hold. */
  | { type: 'breakout'; call: string; assigned?: RoomInfo; rooms: RoomInfo[]; stays: boolean; ends?: number }
  | { type: 'participants'; call: string; added: ParticipantInfo[]; updated: ParticipantInfo[]; removed: string[] }
  | { type: 'streams'; call: string; participant: string; added: StreamInfo[]; updated: StreamInfo[]; removed: number[] }
  | { type: 'lobby'; call: string; added: ParticipantInfo[]; removed: string[] }
  | { type: 'speaking'; call: string; speakers: string[] }
  | { type: 'diagnostic'; call: string; area: 'network' | 'media'; diagnostic: string; value: boolean | number }
  | { type: 'devices'; video: boolean; audio: boolean }
  /** What the core depends on nowhere, as the service said it: the event's name, and what it tells. */
  | { type: 'event'; agent: number; event: Record<string, unknown> };

/** What `createCallAgent` and `createTeamsCallAgent` give. */
export interface AgentInfo {
  /** Handle for later calls. */ agent: number;
  /** Raw id of the token's identity. */ identity: string;
  displayName?: string;
}

/** As in the calling API. */
export type Locator = { meetingLink: string } | { meetingId: string; passcode?: string };

/** A device as `DeviceManager` lists it; names are empty until permission is given. */
export interface DeviceInfo { id: string; name: string; kind: 'camera' | 'microphone' | 'speaker'; isSystemDefault: boolean }

/** What the outbox wants done with the request of a ticket (`src/chat/outbox.rs`). */
export interface OutboxAction {
  ticket: number;
  does: 'post' | 'cancel' | 'give' | 'notSent' | 'unconfirmed' | 'tooMany';
}

/** An error from the core is a real `Error` with these two (`end-codes`). */
export interface CoreError extends Error { code: number; subCode: number }

/** What is asked of a call with a word and perhaps somebody whom it is about; the last ones are the service's own. */
export type Word =
  | 'hangUp' | 'endForEveryone' | 'mute' | 'unmute' | 'hold' | 'resume' | 'stopVideo' | 'admit' | 'reject' | 'remove'
  | 'raiseHand' | 'lowerHand' | 'lowerAllHands' | 'muteParticipant' | 'muteAll'
  | 'like' | 'heart' | 'laugh' | 'surprised' | 'applause';

/** What is asked of a call and has no answer but that it is done. */
export type Asked =
  | [what: Word, participant?: string]
  /** Whether the others are not heard here. */
  | [what: 'quiet', quiet: boolean]
  /**
   * Sends this microphone from now on: a track, or a device, which is opened now, or when it is needed;
   * without one, nothing, until `unmute`.
   */
  | [what: 'setMicrophone', given?: MediaStreamTrack | string]
  /** The camera is sent within these limits: lines of the picture, pictures and bits per second. */
  | [what: 'limitVideo', limit: { lines?: number; fps?: number; bps?: number }];

/** The Rust core. Every promise rejects with `CoreError`. */
export interface Core {
  /** Connects the agent socket; resolves when the service has welcomed the identity. */
  createAgent(options: {
    /** `chat`: guest or member, without calls. */
    kind: 'guest' | 'member' | 'chat'; displayName?: string;
    /** Of the agent socket; without it, the first token says where that is. */ address?: string;
    /** Called for the first token and for every later one. */
    getToken(): Promise<{ token: string; expiresOnTimestamp: number; address?: string }>;
  }): Promise<AgentInfo>;
  /** Hangs up its calls and closes its socket. */
  disposeAgent(agent: number): Promise<void>;
  /**
   * Starts joining; everything after is told by changes. Throws at once for a locator that cannot be
   * one. `camera` is published from the start; `call` is a UUID chosen by the facade.
   */
  join(agent: number, call: string, locator: Locator, options: {
    muted: boolean; camera?: MediaStreamTrack;
    /** A track of the application's, or the device that is opened for this call. */ microphone?: MediaStreamTrack | string;
    /** Of a microphone that the core opens; on unless false. */
    echoCancellation?: boolean; noiseSuppression?: boolean; autoGainControl?: boolean;
  }): void;
  /** What needs no more than a word, and somebody or a room that it is about. */
  ask(call: string, ...what: Asked): Promise<void>;
  ask(call: string, what: 'admitAll'): Promise<{ successCount: number; failureCount: number }>;
  /** Resolves after `moved`. */
  ask(call: string, what: 'joinRoom', room: string): Promise<void>;
  /** Resolves after `moved`; at once in the main meeting. */
  ask(call: string, what: 'returnToMain'): Promise<void>;
  /** Publishes the camera; the track stays the facade's (it stops it). */
  ask(call: string, what: 'startVideo', track: MediaStreamTrack): Promise<void>;
  /** Devices; never prompts. */
  ask(call: '', what: 'devices'): Promise<DeviceInfo[]>;
  /** `getUserMedia` for one camera. */
  ask(call: '', what: 'openCamera', deviceId: string): Promise<MediaStreamTrack>;
  /** `getUserMedia` for one microphone, which is the facade's. */
  ask(call: '', what: 'openMicrophone', deviceId: string): Promise<MediaStreamTrack>;
  /** Chooses the microphone for calls that were given none, present and future; empty for the system default. */
  ask(call: '', what: 'selectMicrophone', deviceId: string): Promise<void>;
  /** `setSinkId` for remote audio; rejects where the browser has none. */
  ask(call: '', what: 'selectSpeaker', deviceId: string): Promise<void>;
  /**
   * Shares a screen and its sound, which stay the facade's; without them stops sharing. Resolves when the
   * service has taken it.
   */
  shareScreen(call: string, picture?: MediaStreamTrack, sound?: MediaStreamTrack): Promise<void>;
  /**
   * The track of a remote stream, when it is assigned to a slot. From then on the stream is received
   * whether a view shows it or not.
   */
  remoteTrack(call: string, stream: number): MediaStreamTrack | undefined;
  /** The browser's connection, and which stream is in which of its sections: for measuring. */
  inside(call: string): { peer?: RTCPeerConnection; streams: Record<string, number> } | undefined;
  /**
   * Renders a remote stream (`call` and `stream`) or a local track; the element fills its parent and
   * keeps playing when it is moved in the document. For a remote stream the core follows slot changes.
   */
  openRemoteView(call: string, stream: number, scaling: string, mirrored: boolean): HTMLElement;
  openLocalView(track: MediaStreamTrack, scaling: string, mirrored: boolean): HTMLElement;
  updateScaling(view: HTMLElement, scaling: string): void;
  /** It is rendered in this size, in device pixels; 0 when nobody can see it. */
  setRendered(view: HTMLElement, width: number, height: number): void;
  closeView(view: HTMLElement): void;
  /** Asks with one prompt where needed; false means denied. */
  askPermission(audio: boolean, video: boolean): Promise<{ audio: boolean; video: boolean }>;
  /**
   * Tells the outbox what happened: `ask` (about: the message's thread), `answered` (status, and the wait
   * that the service asked for in ms), `lost`, `dropped`; `online`, `offline` and `tick` without a ticket.
   * It wants a `tick` at `due` (ms since 1970) at the latest.
   */
  outbox(ticket: number, what: string, about?: string | number, wait?: number): { due?: number; actions: OutboxAction[] };
  /** Counts of everything that must go back to zero after disposal (leak test). */
  counters(): {
    agents: number; calls: number; sockets: number; peerConnections: number; tracks: number;
    timers: number; listeners: number; views: number; elements: number;
  };
  /** Releases everything. */
  dispose(): void;
}

/** Makes a core; `onChange` is called synchronously, in order. */
export type Begin = (onChange: (change: Change) => void) => Core;
