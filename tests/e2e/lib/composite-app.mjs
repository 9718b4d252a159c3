// The example application with Microsoft's composite, built for production from the packed tarball. What it
// installs is big and is not installed anew: `cargo xtask test` has done it in the example's folder.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { PACKAGE, ROOT } from '../harness/service.mjs';

const EXAMPLE = join(ROOT, 'examples/react-composite');
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm', '.css': 'text/css' };
const run = promisify(execFile);

/**
 * The folder that a web server would serve. The tarball is unpacked beside the sources; everything else is
 * found one folder up, in the example's own packages.
 */
async function build(folder) {
  const packages = join(EXAMPLE, 'node_modules');
  if (!existsSync(packages)) throw new Error(`${packages} is not there; run \`npm ci\` in ${EXAMPLE}, or \`cargo xtask test e2e\``);
  const app = join(folder, 'app');
  const sdk = join(app, 'node_modules/plenary-sdk');
  await cp(EXAMPLE, app, { recursive: true, filter: (path) => !/[\\/](node_modules|dist)$/.test(path) });
  await symlink(packages, join(folder, 'node_modules'), 'junction');
  await run('npm', ['pack', PACKAGE, '--pack-destination', folder, '--ignore-scripts', '--loglevel=error']);
  await mkdir(sdk, { recursive: true });
  const { version } = JSON.parse(await readFile(join(PACKAGE, 'package.json'), 'utf8'));
  await run('tar', ['-xzf', join(folder, `plenary-sdk-${version}.tgz`), '-C', sdk, '--strip-components=1']);
  await run('npm', ['run', 'build'], { cwd: app, maxBuffer: 2 ** 24 });
  return join(app, 'dist');
}

/** `origin`, until `close()`. */
export async function serveComposite() {
  const place = await mkdtemp(join(tmpdir(), 'plenary-composite-'));
  const folder = await build(place);
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const path = pathname === '/' ? '/index.html' : pathname;
    const bytes = await readFile(join(folder, path)).catch(() => undefined);
    if (bytes) response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' }).end(bytes);
    else response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    async close() {
      server.close();
      await rm(place, { recursive: true, force: true });
    },
  };
}
