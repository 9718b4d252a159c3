// A PostgreSQL server of the benchmark's own, from the programs that are installed, with what is written
// forced to the disk as it comes (`fsync`, `synchronous_commit`: its defaults).

import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freeTcpPort } from '../../e2e/harness/ports.mjs';
import { end } from '../lib/processes.mjs';

/** Where Debian has them, version by version. */
const INSTALLED = '/usr/lib/postgresql';
const USER = 'plenary';
/** `nobody`: PostgreSQL refuses to be run by root. */
const NOBODY = 65534;

/** The folder of the newest installed version's programs, or undefined. */
export function findPostgres() {
  const installed = existsSync(INSTALLED) ? readdirSync(INSTALLED).sort((a, b) => b - a).map((version) => join(INSTALLED, version, 'bin')) : [];
  return [...installed, ...(process.env.PATH ?? '').split(delimiter)].find((folder) => existsSync(join(folder, 'initdb')));
}

export const POSTGRES_MISSING = 'PostgreSQL is not there: sudo apt-get install --no-install-recommends postgresql';

export async function startPostgres(programs) {
  const folder = await mkdtemp(join(tmpdir(), 'plenary-postgres-'));
  const owner = process.getuid() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  if (owner.uid) chownSync(folder, owner.uid, owner.gid);
  const data = join(folder, 'data');
  execFileSync(join(programs, 'initdb'), ['-D', data, '-U', USER, '-A', 'trust', '-E', 'UTF8'], { ...owner, stdio: 'ignore' });
  const port = await freeTcpPort();
  const child = spawn(join(programs, 'postgres'), ['-D', data, '-p', port, '-h', '127.0.0.1', '-k', folder], { ...owner, stdio: 'ignore' });
  const sql = (database, ...args) => execFileSync(join(programs, 'psql'), ['-qAt', '-v', 'ON_ERROR_STOP=1', '-h', '127.0.0.1', '-p', port, '-U', USER, '-d', database, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = async () => {
    await end(child, 'SIGINT');
    await rm(folder, { recursive: true, force: true });
  };
  for (let tries = 0; ; tries += 1) {
    try {
      sql('postgres', '-c', 'SELECT 1');
      break;
    } catch (error) {
      if (child.exitCode !== null || tries > 200) {
        await stop();
        throw new Error('PostgreSQL does not start', { cause: error });
      }
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
  }
  return {
    port,
    user: USER,
    pid: child.pid,
    sql,
    stop,
  };
}
