// What an application does with a call's media: hold, silence, limits, loudness, sound as a stream, figures.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Attendee, eachOther, RoomsOverRest } from './lib/attendee.mjs';
import { until } from './lib/until.mjs';

test('hold, silence, limits, loudness, sound as a stream, and figures of the media', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
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
});
