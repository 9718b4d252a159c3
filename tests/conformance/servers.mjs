// What the suite runs against: our engine, and LiveKit's own server where there is one (LIVEKIT_SERVER, the
// PATH, or target/livekit-server/). What passes on that one alone is a difference of ours.

import { findLivekit, MISSING, startLivekit } from '../e2e/harness/livekit-server.mjs';
import { keys, roomService, startEngine } from './engine.mjs';

const livekit = findLivekit();

/** One try: what fails on our engine is ours to mend. */
const once = (body) => body;

/**
 * Where others' client meets others' server, the test itself is on trial: it asks nothing that cannot be done.
 * LiveKit's server fails there now and then on a busy machine (1.13.5 sends a v0 client no picture after
 * some of its ICE restarts), so one success in three is enough, and each failure is said. `leave` closes what a
 * failed try has left open.
 */
const onceInThree = (body, leave) => async (t) => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await body(t);
    } catch (error) {
      if (tries === 3) throw error;
      await leave?.();
      t.diagnostic(`LiveKit's server, try ${tries} of 3: ${error.message}`);
    }
  }
};

/**
 * `start` gives `{ url, call, stop }`; `skip` and the members of `lacks` are false, or the reason why
 * something is not tested there; `tried` makes the body of a test with others' clients.
 */
export const servers = [
  {
    name: 'our engine',
    ours: true,
    tried: once,
    skip: false,
    start: () => startEngine(),
    lacks: { moves: false, dtls13: false, layersAsStreams: false },
  },
  {
    name: "LiveKit's own server",
    ours: false,
    tried: onceInThree,
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
