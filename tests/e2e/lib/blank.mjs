// A blank page of the service's origin without the service's content security policy: for clients
// that are not our pages.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const PATH = '/blank-for-tests';
const AGENT = fileURLToPath(new URL('agent-socket.js', import.meta.url));
const WATCH = fileURLToPath(new URL('watch.js', import.meta.url));

/** `scripts` are files, run in the page in order. */
export async function openBlank(browser, service, scripts = []) {
  const context = await browser.newContext();
  await context.grantPermissions(['camera', 'microphone']);
  const page = await context.newPage();
  await page.addInitScript({ path: WATCH });
  await page.route(`**${PATH}`, (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>blank</title><body></body>' }));
  await page.goto(`${service.origin}${PATH}`);
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
