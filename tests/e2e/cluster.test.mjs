// A meeting whose media is LiveKit's own server instead of the embedded engine.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startChromium } from './harness/browser.mjs';
import { findLivekit, KEY, MISSING, SECRET, startLivekit } from './harness/livekit-server.mjs';
import { Service } from './harness/service.mjs';
import { Attendee, meet, RoomsOverRest } from './lib/attendee.mjs';
import { newGuest, openBlank } from './lib/blank.mjs';
import { Guest } from './lib/guest.mjs';
import { Organiser } from './lib/organiser.mjs';
import { until } from './lib/until.mjs';

const CLIENT = fileURLToPath(new URL('node_modules/livekit-client/dist/livekit-client.umd.js', import.meta.url));
const binary = findLivekit();
const skip = binary ? false : MISSING;

async function startBoth(t) {
  const livekit = await startLivekit(binary);
  t.after(() => livekit.stop());
  const service = await Service.start(t, {
    env: { PLENARY_LIVEKIT__URL: livekit.url, PLENARY_LIVEKIT__KEY: KEY, PLENARY_LIVEKIT__SECRET: SECRET },
  });
  return service;
}

test('a_meeting_is_held_on_livekits_own_server (B5, C1)', { skip }, async (t) => {
  const service = await startBoth(t);
  const browser = await startChromium(t);
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('On a cluster');
  await ada.start('On a cluster');
  const gus = await Guest.join(browser, link, 'Gus');
  await gus.waits();
  await ada.seesWaiting('Gus');
  const { videoIn, audioIn, videoOut, audioOut } = await gus.stats();
  assert.deepEqual([videoIn, audioIn, videoOut, audioOut], [0, 0, 0, 0], 'no media before the admission');
  await ada.admit('Gus');
  for (const [person, other] of [[ada, gus], [gus, ada]]) {
    await person.inMeeting();
    await person.rosterIs(other.name);
    await person.sees(other.name);
    await person.hears();
  }
  await gus.setMuted(true);
  await ada.seesMuted('Gus', true);
  await gus.setMuted(false);
  await ada.hears();
  // A third one: more sections than the first offer had have to be negotiated.
  const bea = await Guest.join(browser, link, 'Bea');
  await ada.admit('Bea');
  await bea.inMeeting();
  for (const person of [ada, gus]) await person.sees('Bea');
  await bea.sees(gus.name);
  await gus.leave();
  await ada.rosterIs('Bea');
  for (const person of [ada, gus, bea]) await person.nothingToComplain();
});

/** A guest by LiveKit's own client, admitted by the service: `connect` goes to the server with the token. */
async function byLivekitsClient(browser, service, name, link) {
  const page = await openBlank(browser, service, [CLIENT]);
  const { token } = await newGuest(service, name);
  const { media } = await page.evaluate(async ([origin, secret, url, who]) => {
    window.agent = await AgentSocket.open(origin, secret, who);
    return window.agent.join(url);
  }, [service.origin, token, link, name]);
  const connect = () => page.evaluate(async ([url, secret]) => {
    const room = new LivekitClient.Room();
    window.room = room;
    room.once('disconnected', (reason) => { window.ended = LivekitClient.DisconnectReason[reason]; });
    await room.connect(url, secret);
  }, [media.url, media.token]);
  return { page, connect };
}

test('a_token_of_before_the_leaving_is_of_no_use_on_livekits_server (S2, S4)', { skip }, async (t) => {
  const service = await startBoth(t);
  const browser = await startChromium(t);
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('Old tokens', { bypass: true });
  await ada.start('Old tokens');
  const { page: other, connect } = await byLivekitsClient(browser, service, 'Livia', link);
  await connect();
  await ada.rosterIs('Livia');
  assert.equal(await other.evaluate(() => window.ended), undefined, 'while admitted it stays');
  await other.evaluate(() => window.agent.ask({ leave: { call: window.agent.call } }));
  await until('the leaving ends the media', () => other.evaluate(() => window.ended));
  await other.evaluate(() => { window.ended = undefined; });
  // Not waited for: who is removed before the media stands learns so at once, and from `connect` 15 seconds later.
  connect().catch(() => {});
  await until('whoever comes back without an admission is removed', () => other.evaluate(() => window.ended));
  assert.equal(await other.evaluate(() => window.ended), 'PARTICIPANT_REMOVED');

  await t.test('who is muted by others is muted on the server (S1)', async () => {
    const mia = await byLivekitsClient(browser, service, 'Mia', link);
    await mia.connect();
    await mia.page.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(true));
    await ada.hears();
    await ada.openPeople();
    await ada.page.locator('.mute-all').click();
    await until('LiveKit says so', () => mia.page.evaluate(() => !window.room.localParticipant.isMicrophoneEnabled));
  });
});

/** Counts, all along, into how many connections the microphone is sent at a time. */
const countMicrophones = (person) => person.page.evaluate(() => {
  window.microphones = 0;
  setInterval(() => {
    const sending = window.__watch.peers.filter((peer) => peer.signalingState !== 'closed'
      && peer.getSenders().some(({ track }) => track?.kind === 'audio'));
    window.microphones = Math.max(window.microphones, sending.length);
  }, 2);
});

test('livekits_server_moves_nobody_so_the_new_room_is_entered_before_the_old_one_is_left (E9, E15)', { skip }, async (t) => {
  const service = await startBoth(t);
  const browser = await startChromium(t);
  const rooms = await RoomsOverRest.schedule(service);
  const people = [];
  for (const name of ['Olivia', 'Ada', 'Bob']) people.push(await Attendee.join(browser, rooms, name));
  const [olivia, ada, bob] = people;
  await meet(olivia, ada);
  await rooms.make(1);
  await rooms.assign({ Ada: 1, Bob: 1 });
  await countMicrophones(ada);
  // The call is in its room before the new connection exists: the old ones are told from it by name.
  await ada.page.evaluate(() => { window.old = [...window.__watch.peers]; });
  await rooms.open();
  await Promise.all([ada.isIn('Room 1'), bob.isIn('Room 1')]);
  await until('the old connection is closed', () => ada.page.evaluate(() => window.old.every((peer) => peer.signalingState === 'closed')));
  await meet(ada, bob);
  assert.deepEqual(await ada.hasHeard(olivia), [], 'nobody of the main meeting is heard');
  await rooms.close();
  await Promise.all([ada.isIn(), bob.isIn()]);
  await meet(olivia, ada);
  assert.equal(await ada.page.evaluate(() => window.microphones), 1, 'never sent into two rooms');
});

test('chosen_devices_survive_a_move_on_livekits_server (E8, E11)', { skip }, async (t) => {
  const service = await startBoth(t);
  const browser = await startChromium(t);
  const rooms = await RoomsOverRest.schedule(service);
  await Attendee.join(browser, rooms, 'Olivia');
  const bob = await Attendee.join(browser, rooms, 'Bob');
  const ada = await Attendee.join(browser, rooms, 'Ada', { device: 1 });
  const heard = async () => {
    await ada.listen();
    await ada.hearsAndSees(bob);
    await ada.usesItsChoice();
  };
  await heard();
  await rooms.make(1);
  await rooms.assign({ Ada: 1, Bob: 1 });
  await until('the connection to the next room is made', async () => await ada.page.evaluate(() => window.__watch.open().peers) === 2);
  await ada.page.evaluate(() => window.me.choose(2));
  await rooms.open();
  await Promise.all([ada.isIn('Room 1'), bob.isIn('Room 1')]);
  await heard();
  await rooms.close();
  await Promise.all([ada.isIn(), bob.isIn()]);
  await heard();
});
