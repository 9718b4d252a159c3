// The service over TLS with a certificate of its own authority, and guests of it.

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const BINARY = process.env.PLENARY_SERVICE_BIN ?? join(ROOT, 'target/debug/plenary-service');

/** Starts it; `stop()` ends it. `port`: 0 for any. */
export async function startService({ data, port = 0, env = {} } = {}) {
  const folder = data ?? await mkdtemp(join(tmpdir(), 'plenary-chat-'));
  const settings = { ...process.env, PLENARY_DATA: folder, ...env };
  const child = spawn(BINARY, ['serve', '--listen', `127.0.0.1:${port}`, '--udp', '127.0.0.1:0', '--tls-dev'], {
    cwd: folder, env: settings, stdio: ['ignore', 'pipe', 'inherit'],
  });
  const origin = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the service ended (${code})`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [, url] = /^listening: (\S+)/.exec(line) ?? [];
      if (url) resolve(url);
    });
  });
  const ca = await readFile(join(folder, 'tls', 'authority.pem'), 'utf8');
  /** A guest of the development organisation's resource: `{ userId, token }`. */
  const guest = (displayName) => new Promise((resolve, reject) => {
    const asked = request(`${origin}/dev/guests`, { method: 'POST', ca, headers: { 'content-type': 'application/json' } });
    asked.on('error', reject).on('response', async (answer) => {
      resolve(JSON.parse(Buffer.concat(await answer.toArray())));
    });
    asked.end(JSON.stringify({ displayName }));
  });
  const end = (signal) => new Promise((resolve) => {
    child.removeAllListeners('exit');
    child.once('exit', resolve);
    child.kill(signal);
  });
  const stop = async () => {
    await end('SIGTERM');
    await rm(folder, { recursive: true, force: true });
  };
  return { origin, ca, data: folder, guest, kill: () => end('SIGKILL'), stop };
}
