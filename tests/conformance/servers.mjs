// What the suite runs against: our engine, and LiveKit's own server where there is one (LIVEKIT_SERVER, the
// PATH, or target/livekit-server/). What passes on that one alone is a difference of ours.

import { findLivekit, MISSING, startLivekit } from '../e2e/harness/livekit-server.mjs';
import { keys, roomService, startEngine } from './engine.mjs';

const livekit = findLivekit();

/**
 * `start` gives `{ url, call, stop }`; `skip` and the members of `lacks` are false, or the reason why
 * something is not tested there.
 */
export const servers = [
  {
    name: 'our engine',
    ours: true,
    skip: false,
    start: () => startEngine(),
    lacks: { moves: false, dtls13: false, layersAsStreams: false },
  },
  {
    name: "LiveKit's own server",
    ours: false,
    skip: livekit ? false : MISSING,
    async start() {
      const server = await startLivekit(livekit, keys);
      return { ...server, call: roomService(server.origin) };
    },
    lacks: {
      moves: 'the open-source server answers "not implemented" to MoveParticipant',
      dtls13: 'its DTLS is 1.2',
      layersAsStreams: 'livekit-client sends VP9 and AV1 by simulcast to versions after 1.13.6 only',
    },
  },
];
