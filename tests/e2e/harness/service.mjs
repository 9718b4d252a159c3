// A service of one's own: free ports, a temporary data folder, the built pages.
//
// `cargo xtask test` builds what is needed and sets PLENARY_SERVICE_BIN. To run one file alone after
// that: `PLENARY_SERVICE_BIN=target/debug/plenary-service node --test tests/e2e/<name>.test.mjs`.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freeMediaPort, freeTcpPort } from './ports.mjs';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** The pages with the SDK under /sdk/. */
export const WWW = join(ROOT, 'dist/www');
/** The npm package as it is packed. */
export const PACKAGE = join(ROOT, 'dist/plenary-sdk');

/** The service's program. */
export const BINARY = process.env.PLENARY_SERVICE_BIN ?? join(ROOT, 'target/debug/plenary-service');
/** A first start makes keys and a database; a busy machine takes its time. */
const START_MS = 30_000;
/** A graceful end tells everybody; whoever takes longer hangs. */
const STOP_MS = 15_000;
/** Lines that the service prints for people, and what they are here. */
const LINKS = { 'guest page': 'guestPage', console: 'consolePage' };

export class Service {
  /**
   * Starts a service that ends with the test `t`.
   * @param {import('node:test').TestContext} t
   * @param {{ args?: string[], env?: Record<string, string>, tls?: boolean }} [options] further flags and
   * variables; whether it has a certificate of its development authority's
   */
  static async start(t, { args = [], env = {}, tls = false } = {}) {
    const service = new Service();
    service.data = await mkdtemp(join(tmpdir(), 'plenary-'));
    service.tls = tls;
    service.extra = tls ? ['--tls-dev', ...args] : args;
    service.env = env;
    /** Everything it logged, over all its starts. */
    service.log = '';
    t.after(async () => {
      await service.stop();
      if (!t.passed && t.passed !== undefined) t.diagnostic(service.log);
      await rm(service.data, { recursive: true, force: true });
    });
    for (let tries = 3; ; tries -= 1) {
      service.port = await freeTcpPort();
      service.udpPort = await freeMediaPort();
      service.origin = `${tls ? 'https' : 'http'}://127.0.0.1:${service.port}`;
      try {
        await service.#start();
        return service;
      } catch (error) {
        // A browser beside may take a port that was free a moment ago.
        if (tries === 1 || !/address already in use/i.test(service.log)) throw error;
      }
    }
  }

  /** Ends it as an operator would, and waits. */
  async stop() {
    await this.#end('SIGTERM');
  }

  /** Ends it as a power cut would. */
  async kill() {
    await this.#end('SIGKILL');
  }

  /** Starts it again, on the same ports and data. */
  async restart() {
    await this.stop();
    await this.#start();
  }

  async #start() {
    // Its settings come from PLENARY_… variables too; those of the tests are none of its own.
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PLENARY_'));
    const child = spawn(
      BINARY,
      ['serve', '--listen', `127.0.0.1:${this.port}`, '--udp', `127.0.0.1:${this.udpPort}`,
        '--data', this.data, '--www', WWW, ...this.extra],
      { cwd: this.data, env: { ...Object.fromEntries(inherited), ...this.env }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.process = child;
    child.stderr.on('data', (bytes) => { this.log += bytes; });
    const gone = new Promise((_, reject) => {
      child.once('error', (error) => reject(new Error(`${BINARY} cannot be started; run \`cargo xtask test e2e\``, { cause: error })));
      child.once('exit', (code, signal) => reject(new Error(`the service ended while starting (${code ?? signal}):\n${this.log}`)));
    });
    gone.catch(() => {}); // Later ends are somebody's intention.
    createInterface(child.stdout).on('line', (line) => {
      this.log += `${line}\n`;
      const [, name, url] = /^\s*([a-z ]+):\s+(https?:\S+)/.exec(line) ?? [];
      if (name in LINKS) this[LINKS[name]] = url;
    });
    try {
      await Promise.race([this.#ready(), gone]);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  async #ready() {
    const end = Date.now() + START_MS;
    while (Date.now() < end) {
      if (await this.#isReady().catch(() => false)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the service was not ready after ${START_MS} ms:\n${this.log}`);
  }

  async #isReady() {
    const url = `${this.origin}/readyz`;
    if (!this.tls) return (await fetch(url)).ok;
    // `fetch` takes no authority of one's own.
    const ca = await readFile(join(this.data, 'tls/authority.pem'));
    const [answer] = await once(get(url, { ca, agent: false }), 'response');
    answer.resume();
    return answer.statusCode === 200;
  }

  async #end(signal) {
    const child = this.process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await exit;
    clearTimeout(timer);
  }
}
