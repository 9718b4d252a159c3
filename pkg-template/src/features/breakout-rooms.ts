import type { Call, TeamsCall } from '../calling/call.js';
import type { ParticipantInfo } from '../types.js';
import { CallFeatureBase } from './base.js';

/** A breakout room; a new object with every change. */
export interface BreakoutRoom {
  /** Chat thread of the room. */ readonly threadId: string;
  /** Name of the room. */ readonly displayName?: string;
  /** Only an open room can be joined. */ readonly state: 'open' | 'closed';
  /** Whether the SDK moves by itself when the room opens. */ readonly autoMoveParticipantToBreakoutRoom?: boolean;
  /** Who is assigned to it. */ readonly invitees?: ParticipantInfo[];
  /** The call in the room, once joined. */ readonly call?: Call | TeamsCall;
  /** Goes into the room. */ join(): Promise<Call | TeamsCall>;
  /** Goes back. */ returnToMainMeeting(): Promise<Call | TeamsCall>;
}
/** Settings of the rooms. */
export interface BreakoutRoomsSettings {
  /** Whether one may not go back early. */ disableReturnToMainMeeting?: boolean;
  /** When the rooms close; a date as text. */ roomEndTime?: string;
}
/** What changed. */
export type BreakoutRoomsEventData =
  | { /** All rooms. */ type: 'breakoutRooms'; /** Now. */ data: BreakoutRoom[] | undefined }
  | { /** One's own room. */ type: 'assignedBreakoutRooms'; /** Now. */ data: BreakoutRoom | undefined }
  | { /** Settings. */ type: 'breakoutRoomsSettings'; /** Now. */ data: BreakoutRoomsSettings | undefined }
  | { /** A room was joined. */ type: 'join'; /** Its call. */ data: Call | TeamsCall };
/** Hears what changed. */
export type BreakoutRoomsUpdatedListener = (event: BreakoutRoomsEventData) => void;
/** Events of {@link BreakoutRoomsCallFeature}. */
export interface BreakoutRoomsEvents {
  /** Rooms, assignment or settings changed, or a room was joined. */
  breakoutRoomsUpdated: BreakoutRoomsUpdatedListener;
}

/** Breakout rooms of a meeting. Nobody is assigned yet. */
export class BreakoutRoomsCallFeature extends CallFeatureBase<BreakoutRoomsEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'BreakoutRooms';
  /** The room one is assigned to (one, despite the name). */
  readonly assignedBreakoutRooms: BreakoutRoom | undefined = undefined;
  /** All rooms. */
  readonly breakoutRooms: BreakoutRoom[] | undefined = undefined;
  /** Settings; on the feature of a room's call. */
  readonly breakoutRoomsSettings: BreakoutRoomsSettings | undefined = undefined;
}
