// livekit-client, unchanged, in Chromium: both of its ways to connect, against each server.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { framesOf, move, seesAndHears, servePage, startBrowser, token, until } from './engine.mjs';
import { servers } from './servers.mjs';

let page;
let browser;

before(async () => {
  page = await servePage();
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await page?.stop();
});

const codecOf = (tab, type, kind) => tab.evaluate(([t, k]) => codecOf(t, k), [type, kind]);

const close = (...tabs) => Promise.all(tabs.map((tab) => tab.context().close()));

for (const { name, start, skip, lacks, tries } of servers) {
  const tried = tries(() => browser);
  describe(name, { skip }, () => {
    let engine;
    before(async () => { engine = await start(); });
    after(() => engine?.stop());

    async function join(identity, room, options = {}) {
      const context = await browser.newContext();
      const tab = await context.newPage();
      await tab.goto(page.origin);
      await tab.evaluate(([u, t, o]) => join(u, t, o), [engine.url, token(identity, room), options]);
      return tab;
    }

    for (const [videoCodec, mimeType] of [['h264', 'video/H264'], ['vp9', 'video/VP9'], ['av1', 'video/AV1']]) {
      const options = { publishDefaults: { videoCodec, backupCodec: false } };

      test(`${videoCodec} is sent, forwarded and decoded`, tried(async () => {
        const ada = await join('ada', videoCodec, options);
        const bob = await join('bob', videoCodec);
        await seesAndHears(bob, 'ada');
        assert.equal((await codecOf(bob, 'inbound-rtp', 'video')).mimeType, mimeType);
        await close(ada, bob);
      }));

      test(`${videoCodec} is decoded after a move, too`, { skip: lacks.moves }, tried(async () => {
        const [here, there] = [`${videoCodec} here`, `${videoCodec} there`];
        const ada = await join('ada', here, options);
        const cid = await join('cid', there, options);
        const bob = await join('bob', here);
        await seesAndHears(bob, 'ada');
        await move(engine, 'bob', here, there);
        await seesAndHears(bob, 'cid');
        await close(ada, bob, cid);
      }));
    }

    test('the transport is DTLS 1.3, which this browser has', { skip: lacks.dtls13 }, tried(async () => {
      const ada = await join('ada', 'dtls');
      const bob = await join('bob', 'dtls');
      await seesAndHears(ada, 'bob');
      // The wire's number of DTLS 1.3 (RFC 9147, 5.3).
      assert.equal(await ada.evaluate(() => dtlsVersion()), 'FEFC');
      await close(ada, bob);
    }));

    test('sound is sent with redundancy (RED), and heard', tried(async () => {
      const ada = await join('ada', 'red');
      const bob = await join('bob', 'red', { singlePeerConnection: false });
      await seesAndHears(bob, 'ada');
      await seesAndHears(ada, 'bob');
      // Of what is received Chromium's statistics name the codec inside alone.
      assert.equal(await ada.evaluate(() => soundCodec()), 'audio/red');
      assert.equal(await bob.evaluate(() => soundCodec()), 'audio/red');
      await close(ada, bob);
    }));

    for (const [version, options] of [
      ['v1, one peer connection', {}],
      ['v0, two peer connections', { singlePeerConnection: false }],
    ]) {
      describe(version, () => {
        test('two participants see and hear each other', tried(async () => {
          const ada = await join('ada', `meet ${version}`, options);
          const bob = await join('bob', `meet ${version}`, options);
          await seesAndHears(ada, 'bob');
          await seesAndHears(bob, 'ada');
          await close(ada, bob);
        }));

        test('a participant is moved, receives the new room alone, and comes back', { skip: lacks.moves }, tried(async () => {
          const [red, blue] = [`red ${version}`, `blue ${version}`];
          const ada = await join('ada', red, options);
          const bob = await join('bob', red, options);
          const cid = await join('cid', blue, options);
          await seesAndHears(bob, 'ada');
          for (const [from, to, there, left] of [
            [red, blue, [cid, 'cid'], [ada, 'ada']],
            [blue, red, [ada, 'ada'], [cid, 'cid']],
          ]) {
            await move(engine, 'bob', from, to);
            await until('the move', () => bob.evaluate((t) => room.name === t, to));
            await seesAndHears(bob, there[1]);
            await seesAndHears(there[0], 'bob');
            const others = await bob.evaluate(() => [...room.remoteParticipants.keys()]);
            assert.deepEqual(others, [there[1]]);
            await until('those left to know', () =>
              left[0].evaluate(() => !room.remoteParticipants.has('bob')),
            );
            const before = await framesOf(bob, left[1]);
            await seesAndHears(bob, there[1]);
            assert.equal(await framesOf(bob, left[1]), before);
          }
          await close(ada, bob, cid);
        }));

        test('a lost signalling socket is resumed, a full reconnect starts over', tried(async () => {
          const ada = await join('ada', `resume ${version}`, options);
          const bob = await join('bob', `resume ${version}`, options);
          await seesAndHears(bob, 'ada');
          for (const scenario of ['signal-reconnect', 'full-reconnect']) {
            const back = bob.evaluate(
              (s) =>
                new Promise((resolve) => {
                  room.once('reconnected', resolve);
                  room.simulateScenario(s);
                }),
              scenario,
            );
            await back;
            await seesAndHears(bob, 'ada');
            await seesAndHears(ada, 'bob');
          }
          await close(ada, bob);
        }));
      });
    }

    test('mute reaches the others, and so does the end of it', tried(async () => {
      const ada = await join('ada', 'mute');
      const bob = await join('bob', 'mute');
      await seesAndHears(bob, 'ada');
      const muted = () =>
        bob.evaluate(() => room.remoteParticipants.get('ada').getTrackPublication('microphone').isMuted);
      await ada.evaluate(() => room.localParticipant.setMicrophoneEnabled(false));
      await until('the mute', muted);
      await ada.evaluate(() => room.localParticipant.setMicrophoneEnabled(true));
      await until('the end of the mute', async () => !(await muted()));
      await seesAndHears(bob, 'ada');
      await close(ada, bob);
    }));

    test('more publishers than the first offer has sections for', tried(async () => {
      const watcher = await join('watcher', 'crowd');
      const crowd = await (await browser.newContext()).newPage();
      await crowd.goto(page.origin);
      const names = ['p0', 'p1', 'p2', 'p3'];
      await crowd.evaluate(([url, people]) => crowd(url, people), [engine.url, names.map((n) => [n, token(n, 'crowd')])]);
      for (const name of names) await seesAndHears(watcher, name);
      await close(watcher, crowd);
    }));

    test('who is removed is told so and is gone for the others', tried(async () => {
      const ada = await join('ada', 'removal');
      const bob = await join('bob', 'removal');
      await seesAndHears(ada, 'bob');
      assert.equal((await engine.call('ListParticipants', { room: 'removal' })).body.participants.length, 2);
      await bob.evaluate(() => room.once('disconnected', (reason) => (globalThis.reason = reason)));
      await engine.call('RemoveParticipant', { room: 'removal', identity: 'bob' });
      await until('the goodbye', () => bob.evaluate(() => globalThis.reason !== undefined));
      const PARTICIPANT_REMOVED = 4;
      assert.equal(await bob.evaluate(() => globalThis.reason), PARTICIPANT_REMOVED);
      await until('bob to be gone', () => ada.evaluate(() => room.remoteParticipants.size === 0));
      await close(ada, bob);
    }));
  });
}
