// The servers that are compared: the embedded engine alone, and LiveKit's own.

import { spawn } from 'node:child_process';
import { freeMediaPort, freeTcpPort } from '../../e2e/harness/ports.mjs';
import { end } from '../lib/processes.mjs';

export { findLivekit, livekitVersion, MISSING, startLivekit } from '../../e2e/harness/livekit-server.mjs';

const KEYS = 'bench:a secret of at least thirty-two characters';

/** The embedded engine, alone, on loopback. */
export async function startEngine(workers) {
  const binary = process.env.PLENARY_SERVICE_BIN;
  if (!binary) throw new Error('PLENARY_SERVICE_BIN has to name the service; `cargo xtask bench engine` sets it');
  const [port, udp] = [await freeTcpPort(), await freeMediaPort()];
  const child = spawn(binary, ['engine', '--bind', `127.0.0.1:${port}`, '--udp-port', `${udp}`, '--workers', `${workers}`], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PLENARY_ENGINE_KEYS: KEYS, RUST_LOG: 'error' },
  });
  for (let tries = 0; !await fetch(`http://127.0.0.1:${port}/rtc/validate`).then(() => true, () => false); tries += 1) {
    if (child.exitCode !== null || tries > 200) throw new Error(`the engine does not answer (${child.exitCode})`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  return {
    url: `ws://127.0.0.1:${port}`,
    keys: KEYS,
    pid: child.pid,
    stop: () => end(child, 'SIGTERM'),
  };
}
