// What an application does with a call's media: hold, silence, limits, loudness, sound as a stream, figures.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Attendee, RoomsOverRest } from './lib/attendee.mjs';
import { until } from './lib/until.mjs';

const eachOther = (...two) => Promise.all([two, two.toReversed()].map(async ([one, other]) => {
  await one.listen();
  await one.hearsAndSees(other);
}));

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
    assert.equal(await bob.page.evaluate(() => window.sounds.every(({ muted }) => muted)), true);
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
    assert.equal(await height(), 90);
    await bob.page.evaluate(() => window.me.call.setConstraints({ video: { send: { frameHeight: { max: 45 } } } }));
    await until('the picture is smaller', async () => (await height()) === 45);
    await bob.page.evaluate(() => window.me.call.setConstraints({ video: { send: {} } }));
    await until('the picture is as before', async () => (await height()) === 90);
  });

  await t.test('loudness of one’s own and of the others, and their sound as a stream', async () => {
    const levels = await bob.page.evaluate(async () => {
      const [remote] = window.me.call.remoteAudioStreams;
      const loud = async (stream) => {
        const volume = await stream.getVolume();
        while (volume.level < 50) await new Promise((resolve) => { volume.on('levelChanged', resolve); });
        return volume.level;
      };
      return { own: await loud(window.me.microphone), others: await loud(remote), tracks: (await remote.getMediaStream()).getAudioTracks().length };
    });
    assert.ok(levels.own >= 50 && levels.others >= 50, JSON.stringify(levels));
    assert.equal(levels.tracks, 1);
  });

  await t.test('figures of what is sent and received, and their sums', async () => {
    const { sample, summary, stream } = await bob.page.evaluate(async () => {
      const collector = window.me.call.feature(Plenary.Features.MediaStats).createCollector({ aggregationInterval: 1, dataPointsPerAggregation: 2 });
      let samples = 0;
      const [sample, summary] = await Promise.all([
        new Promise((resolve) => { collector.on('sampleReported', (one) => { samples += 1; if (samples === 2) resolve(one); }); }),
        new Promise((resolve) => { collector.on('summaryReported', resolve); }),
      ]);
      collector.dispose();
      return { sample, summary, stream: window.me.call.remoteParticipants[0].videoStreams[0].id };
    });
    const [[voice], [picture]] = [sample.audio.send, sample.video.send];
    assert.ok(voice.bitrate > 0 && /opus|red/.test(voice.codecName), JSON.stringify(voice));
    assert.ok(picture.bitrate > 0 && picture.frameHeightSent === 90, JSON.stringify(picture));
    const shown = sample.video.receive.find(({ streamId }) => streamId === stream);
    assert.ok(shown.bitrate > 0 && shown.frameHeightReceived === 90 && shown.packets > 0, JSON.stringify(shown));
    assert.ok(sample.audio.receive.some(({ audioOutputLevel }) => audioOutputLevel > 0), 'Olivia is heard');
    assert.ok(sample.transports[0].rttInMs >= 0);
    const { aggregation, raw } = summary.video.send[0].bitrate;
    assert.equal(aggregation.count.at(-1), 1);
    assert.equal(aggregation.max.at(-1), raw.at(-1));
  });
});
