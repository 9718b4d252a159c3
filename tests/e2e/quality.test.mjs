// How pictures are sent, and which are received: layers by size, and nothing that nobody sees.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Guest } from './lib/guest.mjs';
import { Organiser } from './lib/organiser.mjs';
import { until } from './lib/until.mjs';

/** A second of nothing as a WAV file: 48 kHz, 16 bits, one channel. */
function silence() {
  const [rate, bytes] = [48_000, 96_000];
  const file = Buffer.alloc(44 + bytes);
  file.write('RIFF', 0);
  file.writeUInt32LE(36 + bytes, 4);
  file.write('WAVEfmt ', 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(rate, 24);
  file.writeUInt32LE(rate * 2, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36);
  file.writeUInt32LE(bytes, 40);
  return file;
}

/** What a page sends of its camera: lines by rid, for layers that flow. */
const layers = (person) => person.page.evaluate(async () => {
  const sent = {};
  for (const peer of window.__watch.peers) {
    if (peer.signalingState === 'closed') continue;
    for (const report of (await peer.getStats()).values()) {
      if (report.type === 'outbound-rtp' && report.kind === 'video' && report.framesSent > 0 && report.rid) sent[report.rid] = report.frameHeight;
    }
  }
  return sent;
});

/** On a busy machine a browser would send smaller pictures than it is asked for; here it is asked how large they are. */
const KEEPS_SIZE = fileURLToPath(new URL('lib/keeps-size.js', import.meta.url));

async function meeting(t, subject, options = {}) {
  const service = await Service.start(t);
  const browser = await startChromium(t, options);
  const ada = await Organiser.signIn(browser, service, undefined, { scripts: [KEEPS_SIZE] });
  const link = await ada.schedule(subject, { bypass: true });
  await ada.start(subject);
  const grete = await Guest.join(browser, link, 'Grete Gast', { scripts: [KEEPS_SIZE] });
  await grete.inMeeting();
  await Promise.all([ada.sees('Grete Gast'), grete.sees(ada.name)]);
  return { ada, grete };
}

test('a_camera_is_sent_in_three_layers', async (t) => {
  const { grete } = await meeting(t, 'Layers');
  await until('three layers flow', async () => isDeepStrictEqual(await layers(grete), { q: 180, h: 360, f: 720 }));
});

test('a_picture_that_nobody_sees_is_not_received_and_comes_back_when_somebody_does', async (t) => {
  const { ada, grete } = await meeting(t, 'Out of sight');
  const hide = (hidden) => ada.page.evaluate((value) => { document.querySelector('.stages').hidden = value; }, hidden);
  await hide(true);
  await until('no video comes any more', async () => {
    const before = (await ada.stats()).videoIn;
    await new Promise((resolve) => setTimeout(resolve, 500));
    return (await ada.stats()).videoIn === before;
  });
  await grete.receivesVideo();
  await ada.hears();
  await hide(false);
  await ada.sees('Grete Gast');
  await ada.nothingToComplain();
  await grete.nothingToComplain();
});

/** Shows everybody's picture so wide, in CSS pixels; nothing: as the page wants it. */
const showAt = (person, width) => person.page.evaluate((pixels) => {
  for (const box of document.querySelectorAll('.tile:not(.self) .video-box')) {
    box.style.cssText = pixels ? `position: absolute; inset: auto; width: ${pixels}px; height: ${(pixels * 9) / 16}px` : '';
  }
}, width);

/** The lines of the picture that a page shows of somebody, and of what it decodes at most. */
const received = (person, name) => person.tile(name).locator('video').evaluate(async (video) => {
  let decoded = 0;
  for (const peer of window.__watch.peers) {
    if (peer.signalingState === 'closed') continue;
    for (const report of (await peer.getStats()).values()) {
      if (report.type === 'inbound-rtp' && report.kind === 'video' && report.framesDecoded > 0) decoded = Math.max(decoded, report.frameHeight);
    }
  }
  return { width: Math.round(video.getBoundingClientRect().width), shown: video.videoHeight, decoded };
});

/** Frames that a page encoded so far, by rid. */
const encoded = (person) => person.page.evaluate(async () => {
  const frames = {};
  for (const peer of window.__watch.peers) {
    if (peer.signalingState === 'closed') continue;
    for (const report of (await peer.getStats()).values()) {
      if (report.type === 'outbound-rtp' && report.kind === 'video' && report.rid) frames[report.rid] = (frames[report.rid] ?? 0) + report.framesEncoded;
    }
  }
  return frames;
});

test('a_tile_of_160_pixels_receives_at_most_180_lines_and_layers_that_nobody_shows_stop_at_their_source', async (t) => {
  const { ada, grete } = await meeting(t, 'Small tile');
  await until('the large picture comes', async () => (await received(ada, 'Grete Gast')).shown === 720);
  await showAt(ada, 160);
  const small = await until('a small picture comes', async () => {
    const now = await received(ada, 'Grete Gast');
    return now.shown <= 180 && now.decoded <= 180 && now;
  });
  assert.equal(small.width, 160);
  // Twenty frames of the layer that is shown, and not one of the others: they are not encoded.
  await until('the other layers stop', async () => {
    const before = await encoded(grete);
    const after = await until('twenty frames', async () => {
      const now = await encoded(grete);
      return now.q >= before.q + 20 && now;
    });
    return after.h === before.h && after.f === before.f;
  });
  const stopped = await encoded(grete);
  await showAt(ada);
  await until('the large layer is encoded again', async () => (await encoded(grete)).f > stopped.f + 20);
  await until('and shown', async () => (await received(ada, 'Grete Gast')).shown === 720);
  await ada.nothingToComplain();
  await grete.nothingToComplain();
});

test('silence_is_not_sent', async (t) => {
  // A microphone in an empty room; without DTX it sends 50 packets a second.
  const folder = await mkdtemp(join(tmpdir(), 'plenary-silence-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'silence.wav');
  await writeFile(file, silence());
  const { grete } = await meeting(t, 'Silence', { flags: [`--use-file-for-fake-audio-capture=${file}`] });
  const sent = () => grete.page.evaluate(async () => {
    for (const report of (await window.__watch.peers.at(-1).getStats()).values()) {
      if (report.type === 'outbound-rtp' && report.kind === 'audio' && report.packetsSent > 0) return { packets: report.packetsSent, at: report.timestamp };
    }
    return undefined;
  });
  const first = await until('sound is sent', sent);
  const last = await until('five seconds of it', async () => {
    const now = await sent();
    return now.at - first.at >= 5_000 && now;
  });
  const rate = ((last.packets - first.packets) * 1_000) / (last.at - first.at);
  t.diagnostic(`${rate.toFixed(1)} packets a second`);
  assert.ok(rate > 1 && rate < 10, `${rate} packets a second`);
});
