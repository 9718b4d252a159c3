// LiveKit's own server: $LIVEKIT_SERVER, `livekit-server` on the PATH, or built once where Go is.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freeMediaPort, freeTcpPort } from './ports.mjs';

/** The version that is built where none is installed; newer ones need forks that Go's proxy lacks. */
const VERSION = 'v1.13.5';
const MODULE = 'github.com/livekit/livekit-server/cmd/server';
const FOLDER = fileURLToPath(new URL('../../../target/livekit-server/', import.meta.url));
export const KEY = 'tests';
export const SECRET = 'a secret of at least thirty-two characters';

function onPath(name) {
  return (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name)).find(existsSync);
}

/** The program, or undefined where it is not and cannot be built. */
export function findLivekit() {
  const installed = process.env.LIVEKIT_SERVER ?? onPath('livekit-server');
  if (installed) return installed;
  const binary = join(FOLDER, `livekit-server-${VERSION}`);
  if (existsSync(binary)) return binary;
  if (!onPath('go')) return undefined;
  console.log(`building livekit-server ${VERSION} with Go, once (some minutes)`);
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, 'go.mod'), 'module livekit\n\ngo 1.26\n');
  // What Go says of each module is of interest only if it fails; then it is in the error.
  const go = (...args) => execFileSync('go', args, { cwd: FOLDER, stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    go('get', '-tool', `${MODULE}@${VERSION}`);
    go('build', '-o', binary, MODULE);
  } catch (error) {
    console.log(`it cannot be built: ${String(error.stderr ?? error).trim().split('\n').at(-1)}`);
    return undefined;
  }
  return binary;
}

/** What a test or benchmark says where the server is missing. */
export const MISSING = "LiveKit's server is not there: set LIVEKIT_SERVER, put `livekit-server` on the PATH, or install Go";

export const livekitVersion = (binary) => execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim();

/** Starts it on loopback; `batched` sends many packets in one system call. */
export async function startLivekit(binary, { batched = false, key = KEY, secret = SECRET } = {}) {
  const [port, tcp, udp] = [await freeTcpPort(), await freeTcpPort(), await freeMediaPort()];
  const folder = await mkdtemp(join(tmpdir(), 'livekit-'));
  const file = join(folder, 'livekit.yaml');
  const lines = [
    `port: ${port}`, 'bind_addresses: [127.0.0.1]', 'logging:', '  level: error',
    'rtc:', `  udp_port: ${udp}`, `  tcp_port: ${tcp}`, '  use_external_ip: false', '  node_ip: 127.0.0.1', '  enable_loopback_candidate: true',
    ...(batched ? ['  batch_io:', '    batch_size: 128', '    max_flush_interval: 2ms'] : []),
    'keys:', `  ${key}: ${secret}`, '',
  ];
  writeFileSync(file, lines.join('\n'));
  const child = spawn(binary, ['--config', file], { stdio: ['ignore', 'ignore', 'inherit'] });
  const origin = `http://127.0.0.1:${port}`;
  for (let tries = 0; !await fetch(origin).then(() => true, () => false); tries += 1) {
    if (child.exitCode !== null || tries > 1200) throw new Error(`livekit-server does not answer (${child.exitCode})`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  return {
    url: `ws://127.0.0.1:${port}`,
    origin,
    keys: `${key}:${secret}`,
    pid: child.pid,
    async stop() {
      if (child.exitCode === null) {
        const exit = once(child, 'exit');
        // A graceful end waits for everybody in its rooms to leave.
        child.kill('SIGKILL');
        await exit;
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}
