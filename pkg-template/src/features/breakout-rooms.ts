import type { CallCommon, Call, TeamsCall } from '../calling/call.js';
import type { Membership } from '../calling/membership.js';
import type { RoomInfo } from '../core.js';
import { identifierOf, type CommunicationIdentifierKind } from '../identifiers.js';
import type { CallChange } from '../runtime.js';
import { CallFeatureBase } from './base.js';

/** Somebody who is assigned to a room. */
export interface BreakoutRoomInvitee {
  /** Who. */ identifier: CommunicationIdentifierKind;
}
/** A breakout room; a new object with every change. */
export interface BreakoutRoom {
  /** Chat thread of the room; empty for guests, who do not take part in it (E2). */ readonly threadId: string;
  /** Name of the room. */ readonly displayName?: string;
  /** Only an open room can be joined. */ readonly state: 'open' | 'closed';
  /** Whether the service moves by itself when the room opens. */ readonly autoMoveParticipantToBreakoutRoom?: boolean;
  /** Ours: when the open rooms close, as in the settings; in the main meeting, too. */ readonly roomEndTime?: string | undefined;
  /** Who is assigned to it; for those who manage the rooms. */ readonly invitees?: BreakoutRoomInvitee[];
  /** The call in the room, once joined. */ readonly call?: Call | TeamsCall | undefined;
  /**
   * Goes into the room: resolves with its call, which is in the agent's list by then.
   * @throws CommunicationServicesError 412/46256 when the room is closed, 412/46260 when it is another's,
   * 405/46251 when breakout rooms are switched off.
   */
  join(): Promise<Call | TeamsCall>;
  /**
   * Goes back: resolves with the call in the main meeting; at once when the user is there.
   * @throws CommunicationServicesError 403/59180 when the rooms' settings keep everybody until they close.
   */
  returnToMainMeeting(): Promise<Call | TeamsCall>;
}
/** Settings of the rooms. */
export interface BreakoutRoomsSettings {
  /** Whether one may not go back early. */ disableReturnToMainMeeting?: boolean;
  /** When the rooms close: a date as text (ISO 8601). */ roomEndTime?: string;
}
/** What changed. */
export type BreakoutRoomsEventData =
  | { /** All rooms. */ type: 'breakoutRooms'; /** Now. */ data: BreakoutRoom[] | undefined }
  | { /** One's own room. */ type: 'assignedBreakoutRooms'; /** Now. */ data: BreakoutRoom | undefined }
  | { /** Settings. */ type: 'breakoutRoomsSettings'; /** Now. */ data: BreakoutRoomsSettings | undefined }
  | { /** A room was joined. */ type: 'join'; /** Its call. */ data: Call | TeamsCall };
/** Hears what changed. */
export type BreakoutRoomsUpdatedListener = (event: BreakoutRoomsEventData) => void;
/** What a manager said to all rooms. */
export interface BreakoutRoomsAnnouncement {
  /** Plain text. */ message: string;
  /** Who said it. */ from: CommunicationIdentifierKind;
}
/** Events of {@link BreakoutRoomsCallFeature}. */
export interface BreakoutRoomsEvents {
  /** Rooms, assignment or settings changed, or a room was joined. */
  breakoutRoomsUpdated: BreakoutRoomsUpdatedListener;
  /** Something was said to all rooms. Ours; the Azure SDK has no such event. */
  announcementReceived: (announcement: BreakoutRoomsAnnouncement) => void;
}

/**
 * Breakout rooms of a meeting. On the call in the main meeting: one's own room, all rooms, and `join`; on
 * the call in a room: the settings. They are managed over REST, from the organisation's own side (E4).
 */
export class BreakoutRoomsCallFeature extends CallFeatureBase<BreakoutRoomsEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'BreakoutRooms';

  /** The room one is assigned to (one, despite the name); readable after the call's end, too. */
  get assignedBreakoutRooms(): BreakoutRoom | undefined {
    const stay = this._stay;
    const { assigned } = stay.view;
    return (stay.assigned ??= assigned && new Room(stay, assigned));
  }

  /** All rooms; undefined where there are none. */
  get breakoutRooms(): BreakoutRoom[] | undefined {
    const stay = this._stay;
    const { rooms } = stay.view;
    if (rooms.length > 0) stay.list ??= rooms.map((room) => new Room(stay, room));
    return stay.list && [...stay.list];
  }

  /** Settings; on the feature of a room's call alone. */
  get breakoutRoomsSettings(): BreakoutRoomsSettings | undefined {
    if (!this._record.room) return undefined;
    const roomEndTime = endOf(this._stay);
    return { disableReturnToMainMeeting: this._stay.view.stays, ...(roomEndTime && { roomEndTime }) };
  }

  /** @internal */
  get _stay(): Membership { return this._record._membership }

  /** @internal */
  _roomsChanged(changed: { assigned: boolean; rooms: boolean }): void {
    if (changed.rooms) this._tell({ type: 'breakoutRooms', data: this.breakoutRooms });
    if (changed.assigned) this._tell({ type: 'assignedBreakoutRooms', data: this.assignedBreakoutRooms });
  }

  /** @internal */
  _settingsChanged(): void {
    this._tell({ type: 'breakoutRoomsSettings', data: this.breakoutRoomsSettings });
  }

  /** @internal */
  _joined(call: CallCommon): void {
    this._tell({ type: 'join', data: call as Call });
  }

  /** @internal */
  override _apply(change: CallChange): void {
    if (change.type !== 'announcement') return;
    this._emit('announcementReceived', { message: change.message, from: identifierOf(change.from) });
  }

  /** @internal */
  _tell(event: BreakoutRoomsEventData): void {
    this._emit('breakoutRoomsUpdated', event);
  }
}

function endOf({ view: { ends } }: Membership): string | undefined {
  return ends ? new Date(ends).toISOString() : undefined;
}

class Room implements BreakoutRoom {
  readonly threadId: string;
  readonly displayName: string;
  readonly state: 'open' | 'closed';
  readonly autoMoveParticipantToBreakoutRoom: boolean;
  readonly invitees?: BreakoutRoomInvitee[];
  _stay: Membership;
  _id: string;

  constructor(stay: Membership, { id, displayName, open, autoMove, threadId, invitees }: RoomInfo) {
    this._stay = stay;
    this._id = id;
    this.threadId = threadId ?? '';
    this.displayName = displayName;
    this.state = open ? 'open' : 'closed';
    this.autoMoveParticipantToBreakoutRoom = autoMove;
    if (invitees) this.invitees = invitees.map((id) => ({ identifier: identifierOf(id) }));
  }

  get roomEndTime(): string | undefined {
    return endOf(this._stay);
  }

  get call(): Call | TeamsCall | undefined {
    return this._stay._callIn(this._id) as Call | undefined;
  }

  async join(): Promise<Call | TeamsCall> {
    return (await this._stay.join(this._id)) as Call;
  }

  async returnToMainMeeting(): Promise<Call | TeamsCall> {
    return (await this._stay.returnToMain()) as Call;
  }
}
