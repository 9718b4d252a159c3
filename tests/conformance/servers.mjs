// What the suite runs against: our engine, and LiveKit's own server where there is one (LIVEKIT_SERVER, the
// PATH, or target/livekit-server/). What passes on that one alone is a difference of ours.

import { findLivekit, MISSING, startLivekit } from '../e2e/harness/livekit-server.mjs';
import { keys, roomService, startEngine } from './engine.mjs';

const livekit = findLivekit();

/** One try: what fails on our engine is ours to mend. */
const once = () => (body) => body;

/**
 * Where others' client meets others' server, the test itself is on trial: it asks nothing that cannot be done.
 * LiveKit's server fails there now and then (1.13.5 sends a v0 client no picture after every second of its ICE
 * restarts), so one success in three is enough, each failure is said, and what failed three times is skipped with
 * its reason: nothing of ours took part in it. What a failed try has left open in the browser is closed.
 */
const onceInThree = (browser) => (body) => async (t) => {
  const failures = [];
  while (failures.length < 3) {
    try {
      return await body(t);
    } catch (error) {
      failures.push(error.message);
      await Promise.all(browser().contexts().map((context) => context.close()));
      t.diagnostic(`LiveKit's server, try ${failures.length} of 3: ${error.message}`);
    }
  }
  return t.skip(`LiveKit's server failed three times with LiveKit's client: ${failures.at(-1)}`);
};

/**
 * `start` gives `{ url, call, stop }`; `skip` and the members of `lacks` are false, or the reason why
 * something is not tested there; `tries(() => browser)(body)` makes the body of a test with others' clients
 * in that browser.
 */
export const servers = [
  {
    name: 'our engine',
    ours: true,
    tries: once,
    skip: false,
    start: () => startEngine(),
    lacks: { moves: false, dtls13: false, layersAsStreams: false },
  },
  {
    name: "LiveKit's own server",
    ours: false,
    tries: onceInThree,
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
