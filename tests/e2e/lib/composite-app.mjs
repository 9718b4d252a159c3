// The example application with Microsoft's composite, built for production from the packed tarball. What it
// installs is big and is not installed anew: `cargo xtask test` has done it in the example's folder.

import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../harness/service.mjs';
import { packInto, run, serveFiles } from './packed.mjs';

const EXAMPLE = join(ROOT, 'examples/react-composite');

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
  await mkdir(sdk, { recursive: true });
  await run('tar', ['-xzf', await packInto(folder), '-C', sdk, '--strip-components=1']);
  await run('npm', ['run', 'build'], { cwd: app, maxBuffer: 2 ** 24 });
  return join(app, 'dist');
}

/** `origin`, until `close()`. */
export async function serveComposite() {
  const place = await mkdtemp(join(tmpdir(), 'plenary-composite-'));
  const server = await serveFiles(await build(place));
  return {
    origin: server.origin,
    async close() {
      server.close();
      await rm(place, { recursive: true, force: true });
    },
  };
}
