// How it ends when others decide: rejected, removed, ended for everyone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Guest } from './lib/guest.mjs';
import { Organiser } from './lib/organiser.mjs';
import { until } from './lib/until.mjs';

async function meeting(t, options) {
  const service = await Service.start(t);
  const browser = await startChromium(t, { flags: ['--use-fake-device-for-media-stream=fps=10'] });
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('Endings', options);
  await ada.start('Endings');
  return { browser, ada, link };
}

test('who_is_rejected_is_told_so_and_may_ask_again (B5)', async (t) => {
  const { browser, ada, link } = await meeting(t);
  const grete = await Guest.join(browser, link, 'Grete Gast');
  await grete.waits();
  await ada.reject('Grete Gast');
  assert.deepEqual(await grete.ended(), { title: 'You were not let in', numbers: '403/5854' });
  await ada.nobodyWaits();

  await grete.joinAgain();
  await grete.waits();
  await ada.admit('Grete Gast');
  await grete.inMeeting();
  await grete.nothingToComplain();
  await ada.nothingToComplain();
});

test('who_is_removed_sends_and_receives_nothing_any_more (C2, CVE-2020-3471)', async (t) => {
  const { browser, ada, link } = await meeting(t, { bypass: true });
  const grete = await Guest.join(browser, link, 'Grete Gast');
  const hans = await Guest.join(browser, link, 'Hans');
  await grete.sees('Hans');
  await hans.sees('Grete Gast');
  // A client that does not want to go: its transport stays up whatever the SDK does.
  await grete.page.evaluate(() => {
    RTCPeerConnection.prototype.close = () => {};
    MediaStreamTrack.prototype.stop = () => {};
    WebSocket.prototype.close = () => {};
    RTCRtpSender.prototype.replaceTrack = async () => {};
  });
  await ada.remove('Grete Gast');
  assert.deepEqual(await grete.ended(), { title: 'You were removed from the meeting', numbers: '0/5300' });
  await ada.rosterIs('Hans');
  await hans.rosterIs(ada.name);

  // The meeting goes on, and none of it reaches her.
  const before = await grete.stats();
  await hans.sees(ada.name);
  await ada.sees('Hans');
  const after = await grete.stats();
  assert.deepEqual([after.videoIn, after.audioIn], [before.videoIn, before.audioIn], 'nothing comes any more');
  assert.equal(await ada.tile('Grete Gast').count(), 0);
  await hans.nothingToComplain();
});

test('ending_for_everyone_ends_it_for_those_inside_and_those_who_wait (S1)', async (t) => {
  const { browser, ada, link } = await meeting(t);
  const grete = await Guest.join(browser, link, 'Grete Gast');
  await ada.admit('Grete Gast');
  await grete.inMeeting();
  const hans = await Guest.join(browser, link, 'Hans');
  await hans.waits();
  await ada.endForEveryone();
  const ended = { title: 'The meeting has ended', numbers: '0/4097' };
  assert.deepEqual(await grete.ended(), ended);
  assert.deepEqual(await hans.ended(), ended);
  assert.match((await ada.ended()).title, /^(The meeting has ended|You left the meeting)$/);
  for (const person of [grete, hans]) {
    await until(`${person.name} holds nothing open`, async () => {
      const { peers, sockets, tracks } = await person.open();
      return peers + sockets + tracks === 0;
    });
    await person.nothingToComplain();
  }
});

test('a_wrong_passcode_is_told_in_words (B1, S8)', async (t) => {
  const { browser, link } = await meeting(t);
  const wrong = new URL(link);
  wrong.searchParams.set('p', 'nonsense');
  const grete = await Guest.join(browser, wrong.href, 'Grete Gast');
  assert.deepEqual(await grete.ended(), { title: 'This meeting was not found', numbers: '404/5751' });
});
