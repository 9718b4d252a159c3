// Written from protocol/src/matrix.rs: UPDATE_MATRIX=1 cargo test -p plenary-protocol

/**
 * What may be done in a meeting with the web SDK. Columns: guest (attendee, presenter), member (attendee, presenter,
 * co-organizer, organizer). y: yes; a: who may admit; r: not with this role; f: not supported.
 * @internal
 */
export const matrix: Record<string, string> = {
  turnVideoOn: 'yyyyyy',
  unmuteMic: 'yyyyyy',
  shareScreen: 'ryryyy',
  removeParticipant: 'rrryyy',
  hangUpForEveryOne: 'rrrryy',
  addCommunicationUser: 'rrffff',
  addTeamsUser: 'rrffff',
  manageLobby: 'rrrayy',
  blurBackground: 'rrffff',
  raiseHand: 'rryyyy',
  muteOthers: 'rrryyy',
  useReactions: 'rryyyy',
  viewAttendeeNames: 'yyyyyy',
  startTogetherMode: 'rrffff',
  joinBreakoutRooms: 'yyyyyy',
};
