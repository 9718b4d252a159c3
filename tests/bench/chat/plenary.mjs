// The meeting service alone, with a thread and its people; nothing slows them down.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { end } from '../lib/processes.mjs';

const DATABASE = 'plenary';
const VERSION = 'api-version=2025-03-15';
/** Participants in one request, at most. */
const AT_ONCE = 50;
/** As often as one likes: the same is asked of the other server. */
const UNLIMITED = Object.fromEntries(['WRITE', 'PARTICIPANTS', 'LIST_MESSAGES'].flatMap((operation) => ['THREAD', 'USER'].flatMap((of) => (
  ['PER_10S', 'PER_MINUTE'].map((span) => [`PLENARY_LIMITS__CHAT__RATES__${operation}__${of}__${span}`, '0'])
))));

/** A place for what the service stores: on PostgreSQL, or without one on SQLite. */
export async function place(postgres) {
  const folder = await mkdtemp(join(tmpdir(), 'plenary-chat-'));
  postgres?.sql('postgres', '-c', `CREATE DATABASE ${DATABASE}`);
  return {
    folder,
    settings: postgres ? { PLENARY_DATABASE: `postgres://${postgres.user}@127.0.0.1:${postgres.port}/${DATABASE}` } : {},
    /** Runs a statement while the service is away. */
    sql(statement) {
      if (postgres) postgres.sql(DATABASE, '-c', statement);
      else execFileSync('python3', ['-c', 'import sqlite3, sys; base = sqlite3.connect(sys.argv[1]); base.execute(sys.argv[2]); base.commit()', join(folder, 'plenary.db'), statement]);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

export async function startPlenary({ folder, settings }) {
  const binary = process.env.PLENARY_SERVICE_BIN;
  if (!binary) throw new Error('PLENARY_SERVICE_BIN has to name the service; `cargo xtask bench chat` sets it');
  const child = spawn(binary, ['serve', '--listen', '127.0.0.1:0', '--udp', '127.0.0.1:0', '--data', folder], {
    cwd: folder, env: { ...process.env, RUST_LOG: 'error', ...UNLIMITED, ...settings }, stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the service ended (${code})`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [, listening] = /^listening: (\S+)/.exec(line) ?? [];
      if (listening) resolve(listening);
    });
  });

  async function ask(path, body, token) {
    const answer = await fetch(new URL(path, url), {
      method: body ? 'POST' : 'GET',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: body && JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  return {
    url,
    pid: child.pid,
    /** So many guests in one thread: `{ thread, tokens }`. */
    async thread(people) {
      const guests = [];
      while (guests.length < people) guests.push(await ask('/dev/guests', { displayName: `Guest ${guests.length}` }));
      const [{ token }] = guests;
      const { chatThread } = await ask(`/chat/threads?${VERSION}`, { topic: 'Bench' }, token);
      const thread = encodeURIComponent(chatThread.id);
      for (let at = 1; at < people; at += AT_ONCE) {
        const participants = guests.slice(at, at + AT_ONCE).map(({ userId }) => ({ communicationIdentifier: { rawId: userId, communicationUser: { id: userId } } }));
        await ask(`/chat/threads/${thread}/participants/:add?${VERSION}`, { participants }, token);
      }
      return { thread, tokens: guests.map((guest) => guest.token) };
    },
    send: ({ thread, tokens: [token] }, content) => ask(`/chat/threads/${thread}/messages?${VERSION}`, { content }, token),
    /** A page of history, the newest first; `next` is the last one's `nextLink`. */
    page: ({ thread, tokens: [token] }, size, next) => ask(next ?? `/chat/threads/${thread}/messages?maxPageSize=${size}&${VERSION}`, undefined, token),
    stop: () => end(child, 'SIGTERM'),
  };
}
