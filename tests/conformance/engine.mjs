// What the conformance tests stand on: the engine's process, a page with livekit-client, tokens.
//
// PLENARY_SERVICE_BIN is the service's binary, CHROMIUM the browser.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { freeMediaPort, freeTcpPort } from '../e2e/harness/ports.mjs';

const KEY = 'conformance';
const SECRET = 'a secret of at least thirty-two characters';
/** What tokens are signed with. */
export const keys = { key: KEY, secret: SECRET };
const require = createRequire(import.meta.url);

// Fake devices; nothing that reaches out of this machine.
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
];

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** An access token as LiveKit's server SDKs make them. */
export function token(identity, room, video = {}) {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: KEY,
    sub: identity,
    nbf: now - 5,
    exp: now + 600,
    video: { roomJoin: true, room, ...video },
  };
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`;
}

/** Start the engine; resolves once it answers. */
export async function startEngine(options = {}) {
  const binary = process.env.PLENARY_SERVICE_BIN;
  if (!binary) throw new Error('PLENARY_SERVICE_BIN must name the plenary-service binary');
  const [port, udp] = [await freeTcpPort(), options.udp ?? (await freeMediaPort())];
  const args = ['engine', '--bind', `127.0.0.1:${port}`, '--udp-port', `${udp}`];
  const child = spawn(binary, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PLENARY_ENGINE_KEYS: `${KEY}:${SECRET}`, RUST_LOG: 'warn,str0m=error' },
  });
  const http = `http://127.0.0.1:${port}`;
  await until('the engine to answer', async () => {
    if (child.exitCode !== null) throw new Error(`the engine ended with ${child.exitCode}`);
    return fetch(`${http}/rtc/validate`).then(
      () => true,
      () => false,
    );
  });
  return {
    url: `ws://127.0.0.1:${port}`,
    stop: () => new Promise((resolve) => child.once('exit', resolve).kill('SIGTERM')),
    call: roomService(http),
  };
}

/** Calls a server's room service (Twirp). */
export function roomService(http) {
  return async (method, body, video = {}) => {
    const admin = { roomJoin: false, roomAdmin: true, roomList: true, roomCreate: true };
    const response = await fetch(`${http}/twirp/livekit.RoomService/${method}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${token('admin', body.room ?? '', { ...admin, ...video })}`,
      },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  };
}

/** Serve livekit-client and the test's page script from a secure (loopback) origin. */
export async function servePage() {
  const files = {
    '/livekit-client.js': readFileSync(require.resolve('livekit-client')),
    '/page.js': readFileSync(new URL('./page.js', import.meta.url)),
    '/sdk.page.js': readFileSync(new URL('./sdk.page.js', import.meta.url)),
  };
  const scripts = (...names) => `<!doctype html><body>${names.map((name) => `<script src="${name}"></script>`).join('')}`;
  const pages = {
    '/': scripts('/livekit-client.js', '/page.js'),
    '/sdk.html': scripts('/sdk.page.js', '/sdk/plenary.iife.js'),
  };
  // The package as it was built.
  const sdk = new URL('../../dist/plenary-sdk/', import.meta.url);
  const types = { js: 'text/javascript', wasm: 'application/wasm' };
  const server = createServer((request, response) => {
    const [, name, type] = /^\/sdk\/([\w.]+\.(js|wasm))$/.exec(request.url) ?? [];
    const script = name ? readFileSync(new URL(name, sdk)) : files[request.url];
    response.setHeader('content-type', types[type] ?? (script ? 'text/javascript' : 'text/html'));
    response.end(script ?? pages[request.url] ?? pages['/']);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}

export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: FLAGS,
  });
}

/** Wait for a condition; the deadline is far above what it takes. */
export async function until(what, condition, deadline = 30_000) {
  const end = Date.now() + deadline;
  for (;;) {
    if (await condition()) return;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Frames of somebody that a page showed so far. */
export const framesOf = (tab, identity) => tab.evaluate((i) => frames[i] ?? 0, identity);

/**
 * Sound that arrives at a page, of somebody or (if a page cannot tell) of anybody. Each stream is compared with
 * itself: one that ended leaves the statistics sooner or later, and what it had been heard with goes with it.
 */
export async function hears(tab, identity) {
  const first = new Map();
  await until(`sound of ${identity ?? 'anybody'}`, async () => {
    const now = await tab.evaluate((i) => sounds(i), identity);
    for (const [ssrc, energy, packets] of now) if (!first.has(ssrc)) first.set(ssrc, [energy, packets]);
    // A decoder goes on by itself for a moment after the last packet.
    return now.some(([ssrc, energy, packets]) => energy > first.get(ssrc)[0] && packets > first.get(ssrc)[1]);
  });
}

/** Moving pictures of somebody. */
export async function sees(tab, identity) {
  const frames = await framesOf(tab, identity);
  await until(`pictures of ${identity}`, async () => (await framesOf(tab, identity)) > frames + 5);
}

/** And sound. */
export async function seesAndHears(tab, identity) {
  await sees(tab, identity);
  await hears(tab, identity);
}

/** The server moves somebody into another room (`RoomMoved`). */
export async function move(engine, identity, room, destinationRoom) {
  const moved = await engine.call('MoveParticipant', { room, identity, destinationRoom }, { destinationRoom });
  assert.equal(moved.status, 200);
}
