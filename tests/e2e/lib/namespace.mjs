// A network of one's own for a browser, with a link that can be cut: a network namespace with a veth
// pair (`toolchain`, "Networks that fail"). The service's ports appear on the namespace's own
// loopback, so that the page keeps its origin; between there and the service is the link.
//
//   browser ─▶ 127.0.0.1 (relay in the namespace) ─▶ veth ═══ veth ─▶ relay ─▶ 127.0.0.1 (service)

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startRelay } from './relay.mjs';

const RELAY = fileURLToPath(new URL('relay.mjs', import.meta.url));
const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });

/** Why there can be none here, or nothing. */
function obstacle() {
  if (process.platform !== 'linux') return 'network namespaces exist on Linux alone';
  if (process.getuid() !== 0) return 'making a network namespace needs root';
  const name = `plenary-try-${process.pid}`;
  try {
    ip('netns', 'add', name);
    ip('netns', 'delete', name);
    return undefined;
  } catch (error) {
    return `no network namespace can be made here: ${String(error.stderr ?? error.message).trim()}`;
  }
}

export class Namespace {
  /**
   * Gives nothing and skips the test where there can be none.
   * @param {import('node:test').TestContext} t
   */
  static async start(t, service) {
    const reason = obstacle();
    if (reason) {
      t.skip(reason);
      return undefined;
    }
    const namespace = new Namespace();
    // Two of them at a time must not meet.
    const number = process.pid % 250;
    namespace.name = `plenary-${process.pid}`;
    namespace.outside = `plo${process.pid}`.slice(0, 15);
    namespace.inside = `pli${process.pid}`.slice(0, 15);
    const [near, far] = [`10.214.${number}.1`, `10.214.${number}.2`];
    t.after(() => namespace.#close());
    ip('netns', 'add', namespace.name);
    ip('link', 'add', namespace.outside, 'type', 'veth', 'peer', 'name', namespace.inside, 'netns', namespace.name);
    // An IPv6 address would come a second or two later, and a browser outside give up what it is loading.
    ip('link', 'set', 'dev', namespace.outside, 'addrgenmode', 'none');
    ip('addr', 'add', `${near}/24`, 'dev', namespace.outside);
    ip('link', 'set', namespace.outside, 'up');
    ip('-n', namespace.name, 'addr', 'add', `${far}/24`, 'dev', namespace.inside);
    ip('-n', namespace.name, 'link', 'set', 'lo', 'up');
    namespace.near = near;
    namespace.up();

    const { port, udpPort } = service;
    const outer = await startRelay({ listen: near, target: '127.0.0.1', tcp: [[0, port]], udp: [[0, udpPort]] });
    namespace.relay = outer;
    const settings = { listen: '127.0.0.1', target: near, tcp: [[port, outer.tcp[0]]], udp: [[udpPort, outer.udp[0]]] };
    const inner = spawn('ip', ['netns', 'exec', namespace.name, process.execPath, RELAY, JSON.stringify(settings)],
      { stdio: ['ignore', 'pipe', 'inherit'] });
    namespace.inner = inner;
    await once(createInterface(inner.stdout), 'line');

    namespace.folder = await mkdtemp(join(tmpdir(), 'plenary-ns-'));
    namespace.chromium = join(namespace.folder, 'chromium');
    await writeFile(namespace.chromium, `#!/bin/sh\nexec ip netns exec ${namespace.name} "${process.env.CHROMIUM ?? '/usr/bin/chromium'}" "$@"\n`);
    await chmod(namespace.chromium, 0o755);
    return namespace;
  }

  /** The link is cut: nothing goes through, and the browser's interface has no carrier. */
  down() {
    ip('link', 'set', this.outside, 'down');
    ip('-n', this.name, 'link', 'set', this.inside, 'down');
  }

  up() {
    ip('link', 'set', this.outside, 'up');
    ip('-n', this.name, 'link', 'set', this.inside, 'up');
    // Routes vanish with the link.
    ip('-n', this.name, 'route', 'replace', 'default', 'via', this.near);
  }

  async #close() {
    this.relay?.close();
    this.inner?.kill();
    for (const args of [['link', 'delete', this.outside], ['netns', 'delete', this.name]]) {
      try {
        ip(...args);
      } catch {
        // It was not there any more.
      }
    }
    if (this.folder) await rm(this.folder, { recursive: true, force: true });
  }
}
