import type { CallWithChatAdapter } from '@azure/communication-react';
import type { BreakoutRoomsUpdatedListener } from 'plenary-sdk';
import { useEffect, useState } from 'react';

const SHOWN_MS = 10_000;

/** Why somebody is back from a breakout room: the library's notice goes with the room's call, which is at once. */
export function RoomNotice({ adapter }: { adapter: CallWithChatAdapter }) {
  const [room, setRoom] = useState<string>();
  useEffect(() => {
    const told: BreakoutRoomsUpdatedListener = (event) => {
      const inRoom = adapter.getState().call?.breakoutRooms?.breakoutRoomSettings !== undefined;
      if (event.type === 'join') setRoom(undefined);
      if (inRoom && event.type === 'assignedBreakoutRooms' && event.data?.state === 'closed') setRoom(event.data.displayName);
    };
    adapter.on('breakoutRoomsUpdated', told);
    return () => adapter.off('breakoutRoomsUpdated', told);
  }, [adapter]);
  useEffect(() => {
    const timer = setTimeout(() => setRoom(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [room]);
  return room && <p className="room-notice" role="status">{room} has closed. You are back in the main meeting.</p>;
}
