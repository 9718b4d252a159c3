// The npm package as it is packed, and built pages as any web server hands them out.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { PACKAGE } from '../harness/service.mjs';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm', '.css': 'text/css' };

export const run = promisify(execFile);

/** The tarball that `npm publish` would send, in `folder`. */
export async function packInto(folder) {
  const { stdout } = await run('npm', ['pack', PACKAGE, '--pack-destination', folder, '--json', '--ignore-scripts', '--loglevel=error'], { cwd: folder });
  const report = JSON.parse(stdout);
  // A list, or since npm 11.17 an object by package name.
  const [{ filename }] = Array.isArray(report) ? report : Object.values(report);
  return join(folder, filename);
}

/** Serves the files of a folder with these headers, at `origin` until `close()`. */
export async function serveFiles(folder, headers = {}) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const path = pathname === '/' ? '/index.html' : pathname;
    if (path === '/favicon.ico') return response.writeHead(204).end();
    const bytes = await readFile(join(folder, path)).catch(() => undefined);
    if (!bytes) return response.writeHead(404).end();
    return response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream', ...headers }).end(bytes);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
