// What an application does with a call's media: hold, silence, limits, microphones, views, loudness, sound as a stream,
// figures; and a call of the packed package, initialised by hand.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Attendee, eachOther, RoomsOverRest } from './lib/attendee.mjs';
import { newGuest } from './lib/blank.mjs';
import { packInto, run, serveFiles } from './lib/packed.mjs';
import { until } from './lib/until.mjs';

test('hold, silence, limits, microphones, views, loudness, sound as a stream, and figures of the media', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t, { flags: ['--use-fake-device-for-media-stream=device-count=2'] });
  const meeting = await RoomsOverRest.schedule(service);
  const olivia = await Attendee.join(browser, meeting, 'Olivia');
  const bob = await Attendee.join(browser, meeting, 'Bob');
  await eachOther(olivia, bob);

  await t.test('who holds a call sends, sees and hears nothing, and is seen on hold, until they resume', async () => {
    const seen = () => olivia.page.evaluate(() => {
      const [bob] = window.me.call.remoteParticipants;
      return [bob.state, bob.videoStreams.some(({ isAvailable }) => isAvailable)];
    });
    assert.deepEqual(await seen(), ['Connected', true]);
    await bob.page.evaluate(() => window.me.main.hold());
    assert.equal(await bob.page.evaluate(() => window.me.main.state), 'LocalHold');
    await until('Bob is seen on hold', async () => String(await seen()) === 'Hold,false');
    assert.equal(await bob.page.evaluate(() => window.sounds.length > 0 && window.sounds.every(({ muted }) => muted)), true);
    assert.equal(await bob.page.evaluate(() => window.me.attempt(({ main }) => main.hold())), '412/59203');
    await bob.page.evaluate(() => window.me.main.resume());
    await until('Bob is seen again', async () => String(await seen()) === 'Connected,true');
    await eachOther(olivia, bob);
    assert.equal(await bob.page.evaluate(() => window.me.attempt(({ main }) => main.resume())), '412/59203');
  });

  await t.test('the others are silenced here alone', async () => {
    const silenced = () => bob.page.evaluate(() => [window.me.call.isIncomingAudioMuted, window.sounds.map(({ muted }) => muted)]);
    const told = await bob.page.evaluate(async () => {
      let times = 0;
      window.me.call.on('isIncomingAudioMutedChanged', () => { times += 1; });
      await window.me.call.muteIncomingAudio();
      return times;
    });
    assert.equal(told, 1);
    const [is, sounds] = await silenced();
    assert.ok(is && sounds.length > 0 && sounds.every(Boolean), String(sounds));
    await bob.page.evaluate(() => window.me.call.unmuteIncomingAudio());
    assert.deepEqual((await silenced())[1].some(Boolean), false);
  });

  await t.test('the camera is sent within limits', async () => {
    const height = () => olivia.page.evaluate(() => window.me.call.remoteParticipants[0].videoStreams[0].size.height);
    await until('the picture is whole', async () => (await height()) === 90);
    await bob.page.evaluate(() => window.me.call.setConstraints({ video: { send: { frameHeight: { max: 45 } } } }));
    await until('the picture is smaller', async () => (await height()) === 45);
    await bob.page.evaluate(() => window.me.call.setConstraints({ video: { send: {} } }));
    await until('the picture is as before', async () => (await height()) === 90);
  });

  await t.test('the microphone that is given is the one that is sent, whatever was sent before', async () => {
    const sends = (what, id) => until(`${what} is sent`, async () => String(await bob.page.evaluate(() => window.me.devices().microphones)) === String(id));
    const act = (does, about) => bob.attempt(does, about);
    const [first, second] = await bob.page.evaluate(async () => {
      const { me } = window;
      me.manager = await me.client.getDeviceManager();
      const [, first, second] = await me.manager.getMicrophones();
      [me.first, me.second] = [first, second];
      me.device = new Plenary.LocalAudioStream(first);
      return [first.id, second.id];
    });
    assert.equal(await act((me) => me.call.startAudio(me.device)), 'done');
    await sends('the first', first);
    const cleaning = await bob.page.evaluate(() => {
      const { echoCancellation, noiseSuppression, autoGainControl } = window.__watch.peers.flatMap((peer) => peer.getSenders())
        .find(({ track }) => track?.kind === 'audio').track.getSettings();
      return [echoCancellation, noiseSuppression, autoGainControl];
    });
    assert.deepEqual(cleaning, [true, true, true]);
    assert.equal(await act((me) => me.device.switchSource(me.second)), 'done');
    await sends('the second', second);
    assert.equal(await act((me) => me.device.switchSource({ ...me.second, id: 'unplugged' })), '410/59143');
    assert.equal(await bob.page.evaluate(() => window.me.device.source.id), second);
    // What the page chooses is for calls that were given none.
    assert.equal(await act((me) => me.manager.selectMicrophone(me.first)), 'done');
    await sends('the second still', second);
    assert.equal(await act((me) => me.call.startAudio(me.microphone)), 'done');
    await eachOther(olivia, bob);
    assert.equal(await act((me) => me.call.startAudio(me.device)), 'done');
    await sends('a device in place of a stream', second);
    assert.equal(await act((me) => me.call.stopAudio()), 'done');
    await sends('nothing', '');
    assert.deepEqual(await bob.page.evaluate(() => [window.me.call.isMuted, window.me.call.localAudioStreams.length]), [false, 0]);
    assert.equal(await act((me) => me.call.unmute()), 'done');
    await sends('the page’s choice', first);
    // Chosen while another one opens.
    assert.equal(await act(async (me) => {
      me.call.stopAudio();
      const opening = me.call.unmute();
      await me.manager.selectMicrophone(me.second);
      await opening;
    }), 'done');
    await sends('the last choice', second);
    assert.equal(await act((me) => me.call.startAudio(me.microphone)), 'done');
    await eachOther(olivia, bob);
  });

  await t.test('a view is scaled and mirrored as it was asked to be', async () => {
    const looks = await bob.page.evaluate(async () => {
      const { call, camera } = window.me;
      const looks = [];
      for (const stream of [call.remoteParticipants[0].videoStreams[0], camera]) {
        const renderer = new Plenary.VideoStreamRenderer(stream);
        const view = await renderer.createView({ scalingMode: 'Fit', isMirrored: true });
        const plain = await renderer.createView();
        document.body.append(view.target, plain.target);
        const look = ({ target }) => {
          const { objectFit, transform } = getComputedStyle(target.querySelector('video'));
          return `${objectFit} ${transform}`;
        };
        const seen = [look(plain), look(view)];
        for (const mode of ['Stretch', 'Crop']) {
          await view.updateScalingMode(mode);
          seen.push(`${view.scalingMode} ${look(view)}`);
        }
        looks.push(seen);
        renderer.dispose();
      }
      return looks;
    });
    const mirrored = 'matrix(-1, 0, 0, 1, 0, 0)';
    const wanted = ['cover none', `contain ${mirrored}`, `Stretch fill ${mirrored}`, `Crop cover ${mirrored}`];
    assert.deepEqual(looks, [wanted, wanted]);
  });

  await t.test('loudness of one’s own and of the others, and their sound as a stream', async () => {
    await bob.page.evaluate(async () => {
      const [remote] = window.me.call.remoteAudioStreams;
      window.volumes = { own: await window.me.microphone.getVolume(), others: await remote.getVolume() };
    });
    for (const whose of ['own', 'others']) {
      await until(`${whose} is loud`, () => bob.page.evaluate((name) => window.volumes[name].level >= 50, whose));
    }
    assert.equal(await bob.page.evaluate(async () => (await window.me.call.remoteAudioStreams[0].getMediaStream()).getAudioTracks().length), 1);
  });

  await t.test('figures of what is sent and received, and their sums', async () => {
    await bob.page.evaluate(() => {
      window.collector = window.me.call.feature(Plenary.Features.MediaStats).createCollector({ aggregationInterval: 1, dataPointsPerAggregation: 3 });
      window.collector.on('sampleReported', (one) => { window.sample = one; });
      window.collector.on('summaryReported', (one) => { window.summary = one; });
    });
    // Each second has its own: on a busy machine some are empty.
    await until('everything flows', async () => {
      const { sample, stream } = await bob.page.evaluate(() => ({ sample: window.sample, stream: window.me.call.remoteParticipants[0].videoStreams[0].id }));
      const [[voice], [picture]] = [sample.audio.send, sample.video.send];
      const shown = sample.video.receive.find(({ streamId }) => streamId === stream);
      return voice.bitrate > 0 && /opus|red/.test(voice.codecName) && picture.bitrate > 0 && picture.frameHeightSent === 90
        && shown.bitrate > 0 && shown.frameHeightReceived === 90 && sample.transports[0].rttInMs >= 0
        && sample.audio.receive.some(({ audioOutputLevel }) => audioOutputLevel > 0);
    });
    const summary = await until('the sums are there', () => bob.page.evaluate(() => window.summary));
    await bob.page.evaluate(() => window.collector.dispose());
    const { aggregation, raw } = summary.video.send[0].packets;
    assert.equal(aggregation.count.reduce((sum, count) => sum + count), raw.length);
    assert.equal(Math.max(...aggregation.max), Math.max(...raw));
  });

  await t.test('who joins with a microphone sends that one, cleaned as was said', async () => {
    const [id, joined] = await bob.page.evaluate(async (meetingLink) => {
      const { me } = window;
      await me.call.hangUp();
      const [, , microphone] = await (await me.client.getDeviceManager()).getMicrophones();
      const options = { muted: false, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      const call = me.agent.join({ meetingLink }, { audioOptions: { ...options, localAudioStreams: [new Plenary.LocalAudioStream(microphone)] } });
      me.again = call;
      return [microphone.id, call.localAudioStreams.length];
    }, meeting.link);
    assert.equal(joined, 1);
    await until('it is sent', () => bob.page.evaluate((wanted) => window.__watch.peers.flatMap((peer) => peer.getSenders()).some(({ track }) => {
      if (track?.kind !== 'audio') return false;
      const { deviceId, echoCancellation, noiseSuppression, autoGainControl } = track.getSettings();
      return deviceId === wanted && !echoCancellation && !noiseSuppression && !autoGainControl;
    }), id));
    assert.equal(await bob.page.evaluate(() => window.me.again.state), 'Connected');
  });

  await t.test('the packed package, initialised by hand and from another address, joins', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'plenary-init-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    await run('tar', ['-xzf', await packInto(folder), '-C', folder]);
    await writeFile(join(folder, 'package/page.html'), '<!doctype html><title>By hand</title>');
    const files = await serveFiles(join(folder, 'package'));
    t.after(() => files.close());
    const page = await browser.newPage();
    const asked = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(`${files.origin}/page.html`);
    const { token } = await newGuest(service, 'Cleo');
    const result = await page.evaluate(async ([endpoint, guest, meetingLink]) => {
      const { init, CallClient } = await import('/init.js');
      const create = () => new CallClient({ endpoint })
        .createCallAgent({ getToken: async () => ({ token: guest, expiresOnTimestamp: Date.now() + 3_600_000 }) }, { displayName: 'Cleo' });
      const early = await create().catch(({ code, subCode }) => `${code}/${subCode}`);
      await init('/plenary_bg.wasm?by-hand');
      window.call = (await create()).join({ meetingLink }, { audioOptions: { muted: true } });
      return early;
    }, [service.origin, token, meeting.link]);
    assert.equal(result, '500/59204');
    assert.deepEqual(asked.filter((url) => url.includes('.wasm')), [`${files.origin}/plenary_bg.wasm?by-hand`]);
    await until('Cleo is in', () => page.evaluate(() => window.call.state === 'Connected'));
    await until('Olivia sees Cleo', () => olivia.page.evaluate(() => window.me.call.remoteParticipants.some(({ displayName }) => displayName?.startsWith('Cleo'))));
    await page.evaluate(() => window.call.hangUp());
  });
});

test('who holds a call while the service is away, or before, is seen on hold when it is back, and resumes', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const meeting = await RoomsOverRest.schedule(service);
  const olivia = await Attendee.join(browser, meeting, 'Olivia');
  const bob = await Attendee.join(browser, meeting, 'Bob');
  const ada = await Attendee.join(browser, meeting, 'Ada');
  await eachOther(olivia, bob, ada);
  const holds = (who) => who.page.evaluate(() => window.me.main.hold());
  const resumes = (who) => who.page.evaluate(() => window.me.main.resume());
  const seen = (...states) => until(`Bob and Ada are seen: ${states}`, async () => String(await olivia.page.evaluate(() => {
    const state = (name) => window.me.call.remoteParticipants.find(({ displayName }) => displayName.startsWith(name))?.state;
    return [state('Bob'), state('Ada')];
  })) === String(states));

  await holds(ada);
  await seen('Connected', 'Hold');
  await service.kill();
  await holds(bob);
  await service.restart();
  await seen('Hold', 'Hold');
  await service.kill();
  await resumes(bob);
  await service.restart();
  await seen('Connected', 'Hold');
  await resumes(ada);
  await seen('Connected', 'Connected');
  await eachOther(olivia, bob, ada);
});
