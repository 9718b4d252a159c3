// The servers that are compared: the embedded engine, and LiveKit's own, as it comes and with batched
// writing.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import net from 'node:net';

/** The version that is built where none is installed; newer ones need forks that Go's proxy lacks. */
const LIVEKIT_VERSION = 'v1.13.5';
const KEYS = 'bench:a secret of at least thirty-two characters';
const TARGET = fileURLToPath(new URL('../../../target/', import.meta.url));

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function answers(url, child) {
  for (let tries = 0; tries < 200; tries += 1) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    if (await fetch(url).then(() => true, () => false)) return;
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  throw new Error(`nothing answers at ${url}`);
}

const started = (child, port) => ({
  url: `ws://127.0.0.1:${port}`,
  keys: KEYS,
  pid: child.pid,
  stop: () => new Promise((resolve) => { child.once('exit', resolve).kill('SIGTERM'); }),
});

/** The embedded engine, alone. */
export async function startEngine(workers) {
  const binary = process.env.PLENARY_SERVICE_BIN;
  if (!binary) throw new Error('PLENARY_SERVICE_BIN has to name the service; `cargo xtask bench engine` sets it');
  const [port, udp] = [await freePort(), await freePort()];
  const child = spawn(binary, ['engine', '--bind', `127.0.0.1:${port}`, '--udp-port', `${udp}`, '--workers', `${workers}`], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PLENARY_ENGINE_KEYS: KEYS, RUST_LOG: 'error' },
  });
  await answers(`http://127.0.0.1:${port}/rtc/validate`, child);
  return started(child, port);
}

function onPath(name) {
  return (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name)).find(existsSync);
}

/** LiveKit's server: $LIVEKIT_SERVER, `livekit-server` on the PATH, or built here if Go is there. */
export function findLivekit() {
  const installed = process.env.LIVEKIT_SERVER ?? onPath('livekit-server');
  if (installed) return installed;
  const folder = join(TARGET, 'livekit-server');
  const binary = join(folder, `livekit-server-${LIVEKIT_VERSION}`);
  if (existsSync(binary)) return binary;
  if (!onPath('go')) return undefined;
  console.log(`building livekit-server ${LIVEKIT_VERSION} with Go, once (about two minutes)`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'go.mod'), 'module livekit\n\ngo 1.24\n');
  const go = (...args) => execFileSync('go', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  go('get', '-tool', `github.com/livekit/livekit-server/cmd/server@${LIVEKIT_VERSION}`);
  go('build', '-o', binary, 'github.com/livekit/livekit-server/cmd/server');
  return binary;
}

export const livekitVersion = (binary) => execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim();

/** LiveKit's server on loopback; `batched` sends many packets in one call. */
export async function startLivekit(binary, { batched }) {
  const [port, udp, tcp] = [await freePort(), await freePort(), await freePort()];
  const batch = batched ? '\n  batch_io:\n    batch_size: 128\n    max_flush_interval: 2ms' : '';
  const file = join(tmpdir(), `livekit-${process.pid}-${port}.yaml`);
  const [key, secret] = KEYS.split(/:(.*)/s);
  writeFileSync(file, `port: ${port}\nbind_addresses: [127.0.0.1]\nlogging:\n  level: error\nrtc:\n  udp_port: ${udp}\n  tcp_port: ${tcp}\n  use_external_ip: false\n  node_ip: 127.0.0.1\n  enable_loopback_candidate: true${batch}\nkeys:\n  ${key}: ${secret}\n`);
  const child = spawn(binary, ['--config', file], { stdio: ['ignore', 'ignore', 'inherit'] });
  await answers(`http://127.0.0.1:${port}/`, child);
  return started(child, port);
}
