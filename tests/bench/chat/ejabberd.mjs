// ejabberd with a room that is archived in PostgreSQL before anybody hears what was said; from Debian's
// packages, run in a folder of its own without its system service.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freeTcpPort } from '../../e2e/harness/ports.mjs';
import { end } from '../lib/processes.mjs';

const LIBRARIES = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu'];
const TABLES = '/usr/share/ejabberd/sql/pg.sql';
const DATABASE = 'ejabberd';

/** The folder of its compiled modules, or undefined. */
export function findEjabberd() {
  for (const library of LIBRARIES.filter(existsSync)) {
    const name = readdirSync(library).find((entry) => entry.startsWith('ejabberd-'));
    if (name && existsSync(TABLES)) return join(library, name, 'ebin');
  }
  return undefined;
}

export const EJABBERD_MISSING = 'ejabberd is not there: sudo apt-get install --no-install-recommends ejabberd erlang-p1-pgsql';

/** Everybody may come in, nothing slows them down, the room takes them all, everything is archived. */
const configuration = (postgres, port) => `
loglevel: error
hosts: [localhost]
auth_method: [anonymous]
anonymous_protocol: both
default_db: sql
sql_type: pgsql
sql_server: 127.0.0.1
sql_port: ${postgres.port}
sql_database: ${DATABASE}
sql_username: ${postgres.user}
sql_password: ""
listen:
  - { port: ${port}, ip: 127.0.0.1, module: ejabberd_http, request_handlers: { /ws: ejabberd_http_ws } }
modules:
  mod_muc:
    db_type: sql
    access: all
    access_create: all
    access_mam: all
    history_size: 0
    max_users: 300
    default_room_options: { mam: true, public: true, max_users: 300 }
  mod_mam: { db_type: sql, default: always }
`;

export async function startEjabberd(modules, postgres) {
  postgres.sql('postgres', '-c', `CREATE DATABASE ${DATABASE}`);
  postgres.sql(DATABASE, '-f', TABLES);
  const folder = await mkdtemp(join(tmpdir(), 'plenary-ejabberd-'));
  const port = await freeTcpPort();
  const file = join(folder, 'ejabberd.yml');
  writeFileSync(file, configuration(postgres, port));
  // Without busy waiting, which would count as processor time that nothing was done in.
  const child = spawn('erl', ['+sbwt', 'none', '-noinput', '-pa', modules, '-mnesia', 'dir', `"${join(folder, 'spool')}"`, '-s', 'ejabberd'], {
    cwd: folder,
    stdio: 'ignore',
    env: { ...process.env, HOME: folder, EJABBERD_CONFIG_PATH: file, EJABBERD_LOG_PATH: join(folder, 'ejabberd.log'), EJABBERD_PID_PATH: join(folder, 'pid') },
  });
  const stop = async () => {
    await end(child, 'SIGTERM');
    await rm(folder, { recursive: true, force: true });
  };
  for (let tries = 0; !await answers(port); tries += 1) {
    if (child.exitCode !== null || tries > 400) {
      await stop();
      throw new Error(`ejabberd does not start (${child.exitCode})`);
    }
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  return {
    url: `ws://127.0.0.1:${port}/ws`,
    pid: child.pid,
    archived: () => Number(postgres.sql(DATABASE, '-c', 'SELECT count(*) FROM archive')),
    stop,
  };
}

export const ejabberdVersion = (modules) => /ejabberd-([^/]+)/.exec(modules)[0];

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
    socket.on('error', () => resolve(false));
  });
}
