// A blank page of the service's origin without a content security policy: for clients that are not our
// pages. It must come from the service itself: Chromium lets no page of unknown origin connect to
// this machine (Local Network Access).

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const AGENT = fileURLToPath(new URL('agent-socket.js', import.meta.url));
const WATCH = fileURLToPath(new URL('watch.js', import.meta.url));

/** `path` is answered with a text; `scripts` are files, run in the page in order. */
export async function openBlank(browser, { origin }, scripts = [], path = '/healthz') {
  const context = await browser.newContext({ bypassCSP: true });
  await context.grantPermissions(['camera', 'microphone']);
  const page = await context.newPage();
  await page.addInitScript({ path: WATCH });
  await page.goto(`${origin}${path}`);
  for (const path of [AGENT, ...scripts]) await page.addScriptTag({ content: await readFile(path, 'utf8') });
  return page;
}

/** A new guest's `{userId, token, expiresOn}`. */
export async function newGuest(service, displayName) {
  const response = await fetch(`${service.origin}/dev/guests`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ displayName }),
  });
  if (!response.ok) throw new Error(`no guest: ${response.status} ${await response.text()}`);
  return response.json();
}
