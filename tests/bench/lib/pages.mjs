// Pages of a benchmark, near the service or behind a relay with a delay.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { evaluateBy } from '../../e2e/lib/devtools.mjs';
import { startRelay } from '../../e2e/lib/relay.mjs';

export const here = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const LIVEKIT = here('../e2e/node_modules/livekit-client');
/** LiveKit's client, and an agent socket without an SDK. */
export const LIVEKIT_SCRIPTS = [`${LIVEKIT}/dist/livekit-client.umd.js`, here('../e2e/lib/agent-socket.js')];

export async function livekitVersion() {
  const { version } = JSON.parse(await readFile(`${LIVEKIT}/package.json`, 'utf8'));
  return version;
}

/** The ways to a service: directly, and with half of a round trip each way. */
export async function networks(service, roundTrip, cleanUps) {
  const near = { origin: service.origin, route: null };
  if (roundTrip === 0) return { near, far: near };
  const relay = await startRelay({ listen: '127.0.0.1', target: '127.0.0.1', delay: roundTrip / 2, tcp: [[0, service.port]], udp: [[0, service.udpPort]] });
  cleanUps.push(() => relay.close());
  const far = {
    origin: `http://127.0.0.1:${relay.tcp[0]}`,
    route: { tcp: [service.port, relay.tcp[0]], udp: [service.udpPort, relay.udp[0]] },
  };
  return { near, far };
}

/** A page with devices; `early` runs before anything else, `scripts` in order when it is there. */
export async function openPage(browser, { origin, route }, { sdk, early, scripts }) {
  const context = await browser.newContext({ bypassCSP: true });
  await context.grantPermissions(['camera', 'microphone']);
  const page = await context.newPage();
  for (const path of early) await page.addInitScript({ path });
  // Any page of the service: Chromium lets none of unknown origin connect to this machine.
  await page.goto(`${origin}/healthz`);
  if (sdk) await addScript(page, '/sdk/plenary.iife.js');
  for (const path of scripts) await addScript(page, await scriptAddress(page, path));
  await evaluate(page, `window.__bench.through(${JSON.stringify(route)})`);
  return page;
}

const sessions = new WeakMap();
/**
 * What an expression comes to, once it is settled. Not Playwright's `evaluate` and `addScriptTag`: what those put into
 * a page takes 0.6 MB of JavaScript heap, as much as an empty page has.
 */
export async function evaluate(page, expression) {
  if (!sessions.has(page)) sessions.set(page, await page.context().newCDPSession(page));
  return evaluateBy(sessions.get(page), expression);
}

/** An address in the page itself for a script from a file. */
export const scriptAddress = async (page, path) => evaluate(page, `URL.createObjectURL(new Blob([${JSON.stringify(await readFile(path, 'utf8'))}], { type: 'text/javascript' }))`);

/** Loads a script and runs it. */
export const addScript = (page, address) => evaluate(page, `new Promise((resolve, reject) => {
  const script = document.head.appendChild(document.createElement('script'));
  script.onload = () => resolve();
  script.onerror = () => reject(new Error('${address} cannot be loaded'));
  script.src = '${address}';
})`);

/** Runs one of the page's `actors`. */
export const act = (page, name, argument) => evaluate(page, `window.actors.${name}(${JSON.stringify(argument) ?? ''})`);
