/** Enumerations that are values at run time (`acs-api` section 6). */

/** Kinds of agents. */
export enum CallAgentKind {
  /** Of a guest. */
  CallAgent = 'CallAgent',
  /** Of a member. */
  TeamsCallAgent = 'TeamsCallAgent',
}

/** Kinds of calls. */
export enum CallKind {
  /** Of a guest's agent. */
  Call = 'Call',
  /** Of a member's agent. */
  TeamsCall = 'TeamsCall',
}

/** Kinds of incoming calls. */
export enum IncomingCallKind {
  /** For a guest. */
  IncomingCall = 'IncomingCall',
  /** For a member. */
  TeamsIncomingCall = 'TeamsIncomingCall',
}

/** Value of a quality diagnostic. */
export enum DiagnosticQuality {
  /** Nothing to tell. */
  Good = 1,
  /** Noticeably worse. */
  Poor = 2,
  /** Hardly usable, or gone. */
  Bad = 3,
}

/** State of one recording. */
export enum RecordingState {
  /** Not started. */
  None = 0,
  /** Running. */
  Started = 1,
  /** Paused. */
  Paused = 2,
  /** Over. */
  Ended = 3,
}

/** Whether the page may use a device. */
export enum DevicePermissionAccess {
  /** It may. */
  granted = 'granted',
  /** The user or the system refuses. */
  denied = 'denied',
  /** The user will be asked. */
  prompt = 'prompt',
}

/** Whether a {@link DisconnectReason} is part of normal use. */
export type DisconnectCategory = 'Expected' | 'Unexpected';

/** Why a session was left; no member of the API returns it, the map is for compatibility. */
export type DisconnectReason = keyof typeof disconnectCategoryMap;

/** Category of each {@link DisconnectReason}. */
export const disconnectCategoryMap = {
  client: 'Expected',
  unload: 'Expected',
  dispose: 'Expected',
  userInitiated: 'Expected',
  sydneyInitiated: 'Expected',
  fatalError: 'Unexpected',
  botLeft: 'Expected',
  devicePermissions: 'Unexpected',
  configureFailure: 'Unexpected',
  userDidNotJoinPreheatedSession: 'Expected',
  mediaSessionDisconnected: 'Unexpected',
  sessionDisconnected: 'Unexpected',
  preheatFailed: 'Unexpected',
  userNavigatedAway: 'Expected',
  preheatDisposed: 'Expected',
  timeout: 'Unexpected',
} as const satisfies Record<string, DisconnectCategory>;
