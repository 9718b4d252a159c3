// What a page loads that uses LiveKit's own client instead: weighed beside the package, by the same tools.
import { Room } from 'livekit-client';

globalThis.Room = Room;
