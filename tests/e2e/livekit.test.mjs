// LiveKit's own client beside ours, on the same engine.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startChromium } from './harness/browser.mjs';
import { freeMediaPort, freeTcpPort } from './harness/ports.mjs';
import { BINARY, Service } from './harness/service.mjs';
import { newGuest, openBlank } from './lib/blank.mjs';
import { Organiser } from './lib/organiser.mjs';
import { until } from './lib/until.mjs';

const CLIENT = fileURLToPath(new URL('node_modules/livekit-client/dist/livekit-client.umd.js', import.meta.url));

/** Connects with camera and microphone; `window.room` is LiveKit's. */
async function connect(page, url, token) {
  await page.evaluate(async ([address, secret]) => {
    const room = new LivekitClient.Room();
    window.room = room;
    room.on('trackSubscribed', (track) => document.body.append(track.attach()));
    await room.connect(address, secret);
    await room.localParticipant.enableCameraAndMicrophone();
  }, [url, token]);
}

/** A picture of somebody else that moves. */
async function sees(page, who) {
  const picture = () => page.evaluate(() => window.__watch.picture(document.querySelector('video')));
  const first = await until(`${who} sees a picture`, picture);
  await until(`${who}'s picture moves`, async () => {
    const now = await picture();
    return now && now !== first;
  });
}

async function hears(page, who) {
  const { energy } = await page.evaluate(() => window.__watch.stats());
  await until(`${who} hears`, async () => (await page.evaluate(() => window.__watch.stats())).energy > energy);
}

test('with_a_media_token_of_an_admission_livekit_client_takes_that_participants_place (S4)', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('Two clients', { bypass: true });
  await ada.start('Two clients');

  const other = await openBlank(browser, service, [CLIENT]);
  const { token } = await newGuest(service, 'Livia');
  const { media, state } = await other.evaluate(async ([origin, secret, url]) => {
    window.agent = await AgentSocket.open(origin, secret, 'Livia');
    return window.agent.join(url);
  }, [service.origin, token, link]);
  assert.equal(state, 'connected');
  await connect(other, media.url, media.token);
  await ada.rosterIs('Livia');
  await Promise.all([sees(other, 'Livia'), hears(other, 'Livia'), ada.sees('Livia'), ada.hears()]);

  await t.test('and is removed with them', async () => {
    await ada.remove('Livia');
    await other.waitForFunction(() => window.room.state === 'disconnected');
    await ada.rosterIs();
  });
});

const base64url = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** As LiveKit's server SDKs make them. */
function accessToken(key, secret, room, identity) {
  const now = Math.floor(Date.now() / 1000);
  const head = base64url({ alg: 'HS256', typ: 'JWT' });
  const claims = base64url({ iss: key, sub: identity, name: identity, nbf: now - 10, exp: now + 600, video: { room, roomJoin: true } });
  const signature = createHmac('sha256', secret).update(`${head}.${claims}`).digest('base64url');
  return `${head}.${claims}.${signature}`;
}

test('a_room_of_the_engine_alone_serves_livekit_client_with_a_token_of_its_key', async (t) => {
  const ports = { tcp: await freeTcpPort(), udp: await freeMediaPort() };
  const [key, secret] = ['devkey', randomBytes(24).toString('base64url')];
  const engine = spawn(BINARY, ['engine', '--bind', `127.0.0.1:${ports.tcp}`, '--udp-port', String(ports.udp), '--keys', `${key}:${secret}`],
    { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env.PATH } });
  let log = '';
  engine.stderr.on('data', (bytes) => { log += bytes; });
  t.after(() => engine.kill('SIGKILL'));
  await Promise.race([
    until('the engine listens', () => fetch(`http://127.0.0.1:${ports.tcp}/rtc/validate`).then(() => true)),
    once(engine, 'exit').then(([code]) => assert.fail(`the engine ended with ${code}:\n${log}`)),
  ]);

  const browser = await startChromium(t);
  const open = () => openBlank(browser, { origin: `http://127.0.0.1:${ports.tcp}` }, [CLIENT], '/rtc/validate');
  const pages = [];
  for (const identity of ['anna', 'berta']) {
    const page = await open();
    await connect(page, `ws://127.0.0.1:${ports.tcp}`, accessToken(key, secret, 'lounge', identity));
    pages.push(page);
  }
  const [anna, berta] = pages;
  await Promise.all([sees(anna, 'anna'), sees(berta, 'berta'), hears(anna, 'anna'), hears(berta, 'berta')]);

  await t.test('and refuses a token of another key (S5)', async () => {
    const page = await open();
    const forged = accessToken(key, 'another-secret-of-enough-length', 'lounge', 'mallory');
    const answer = await page.evaluate(async ([url, token]) => {
      try {
        await new LivekitClient.Room().connect(url, token, { maxRetries: 0 });
        return 'connected';
      } catch {
        return 'refused';
      }
    }, [`ws://127.0.0.1:${ports.tcp}`, forged]);
    assert.equal(answer, 'refused');
  });

  await t.test('leaving is seen by the other', async () => {
    await berta.evaluate(() => window.room.disconnect());
    await anna.waitForFunction(() => window.room.remoteParticipants.size === 0);
  });
});
