// What a user should know of their devices and their network, told by `Features.UserFacingDiagnostics`, and how many
// videos a page should show (`Features.OptimalVideoCount`).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Attendee, eachOther, RoomsOverRest } from './lib/attendee.mjs';
import { Namespace } from './lib/namespace.mjs';
import { until } from './lib/until.mjs';

const [GOOD, BAD] = [1, 3];

/** Keeps what is told, from now on. */
const follow = (person) => person.page.evaluate(() => {
  const { network, media } = window.me.call.feature(Plenary.Features.UserFacingDiagnostics);
  const videos = window.me.call.feature(Plenary.Features.OptimalVideoCount);
  window.told = [];
  for (const area of [network, media]) area.on('diagnosticChanged', ({ diagnostic, value }) => window.told.push([diagnostic, value]));
  videos.on('optimalVideoCountChanged', () => window.told.push(['videos', videos.optimalVideoCount, videos.lastOvcChangeReason]));
});

/** Waits for it, and forgets what came until then. */
const tells = (person, ...news) => until(`${person.name} is told ${news.join(' ')}`, () => person.page.evaluate((wanted) => {
  const at = window.told.findIndex((one) => String(one) === wanted);
  if (at >= 0) window.told.splice(0, at + 1);
  return at >= 0;
}, String(news)), 40_000);

const latest = (person, area) => person.page.evaluate((name) => {
  const values = window.me.call.feature(Plenary.Features.UserFacingDiagnostics)[name].getLatest();
  return Object.fromEntries(Object.entries(values).map(([diagnostic, { value }]) => [diagnostic, value]));
}, area);

test('what_is_wrong_with_microphone_camera_and_screen_is_told_and_when_it_is_well_again', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const meeting = await RoomsOverRest.schedule(service);
  const olivia = await Attendee.join(browser, meeting, 'Olivia');
  const bob = await Attendee.join(browser, meeting, 'Bob');
  await eachOther(olivia, bob);
  await follow(bob);

  await t.test('on a good network', async () => {
    await tells(bob, 'networkReceiveQuality', GOOD);
    assert.equal((await latest(bob, 'network')).networkSendQuality, GOOD);
    assert.equal(await bob.page.evaluate(() => window.me.call.feature(Plenary.Features.OptimalVideoCount).optimalVideoCount), 9);
  });

  await t.test('whoever speaks while muted', async () => {
    await bob.page.evaluate(() => window.me.call.mute());
    await tells(bob, 'speakingWhileMicrophoneIsMuted', true);
    await bob.page.evaluate(() => window.me.call.unmute());
    await tells(bob, 'speakingWhileMicrophoneIsMuted', false);
  });

  await t.test('a microphone that gives nothing', async () => {
    const sends = (tone) => bob.page.evaluate((on) => {
      const [audio] = [window.me.audio];
      const out = audio.createMediaStreamDestination();
      if (on) {
        const oscillator = audio.createOscillator();
        oscillator.connect(out);
        oscillator.start();
      }
      return window.me.microphone.switchSource(out.stream);
    }, tone);
    await sends(false);
    await tells(bob, 'microphoneNotMuteButSilent', true);
    await sends(true);
    await tells(bob, 'microphoneNotMuteButSilent', false);
  });

  await t.test('a camera that cannot be used, is not allowed, stands still', async () => {
    await bob.page.evaluate(() => {
      const { mediaDevices } = navigator;
      const devices = mediaDevices.getUserMedia.bind(mediaDevices);
      window.camera = { fails: undefined, stands: false };
      // The browser's camera, which here fails and freezes when it is told to; by itself it never does.
      mediaDevices.getUserMedia = async (wanted) => {
        if (wanted.video && window.camera.fails) throw new DOMException('', window.camera.fails);
        const stream = await devices(wanted);
        for (const track of stream.getVideoTracks()) {
          const { stats } = track;
          let last = 0;
          Object.defineProperty(track, 'stats', { get: () => ({ totalFrames: window.camera.stands ? last : (last = stats.totalFrames) }) });
        }
        return stream;
      };
    });
    const startVideo = () => bob.page.evaluate(async () => {
      const { call, camera } = window.me;
      await call.stopVideo(camera);
      const [device] = await (await new Plenary.CallClient({ endpoint: location.origin }).getDeviceManager()).getCameras();
      await call.startVideo(new Plenary.LocalVideoStream(device)).catch(() => {});
    });
    for (const [fails, diagnostic] of [['NotReadableError', 'cameraStartFailed'], ['NotAllowedError', 'cameraPermissionDenied']]) {
      await bob.page.evaluate((name) => { window.camera.fails = name; }, fails);
      await startVideo();
      await tells(bob, diagnostic, true);
    }
    await bob.page.evaluate(() => { window.camera.fails = undefined; });
    await startVideo();
    await tells(bob, 'cameraPermissionDenied', false);
    assert.equal((await latest(bob, 'media')).cameraStartFailed, false);
    await bob.page.evaluate(() => { window.camera.stands = true; });
    await tells(bob, 'cameraFreeze', true);
    await bob.page.evaluate(() => { window.camera.stands = false; });
    await tells(bob, 'cameraFreeze', false);
  });

  await t.test('a machine without a microphone, and with one again', async () => {
    await bob.page.evaluate(() => {
      const { mediaDevices } = navigator;
      window.enumerate = mediaDevices.enumerateDevices.bind(mediaDevices);
      // Nothing unplugs the browser's own devices.
      mediaDevices.enumerateDevices = async () => (await window.enumerate()).filter(({ kind }) => kind !== 'audioinput');
      mediaDevices.dispatchEvent(new Event('devicechange'));
    });
    await tells(bob, 'noMicrophoneDevicesEnumerated', true);
    await bob.page.evaluate(() => {
      navigator.mediaDevices.enumerateDevices = window.enumerate;
      navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
    });
    await tells(bob, 'noMicrophoneDevicesEnumerated', false);
  });

  assert.deepEqual(Object.entries(await latest(bob, 'media')).filter(([, value]) => value === true), []);
});

test('a_network_that_loses_much_is_told_and_fewer_videos_are_advised_until_it_is_good_again', async (t) => {
  const service = await Service.start(t);
  const network = await Namespace.start(t, service);
  if (!network) return;
  const browser = await startChromium(t);
  const far = await startChromium(t, { executablePath: network.chromium });
  const meeting = await RoomsOverRest.schedule(service);
  const olivia = await Attendee.join(browser, meeting, 'Olivia');
  const bob = await Attendee.join(far, meeting, 'Bob');
  await eachOther(olivia, bob);
  await follow(bob);
  await tells(bob, 'networkReceiveQuality', GOOD);
  network.relay.lose(0.35);
  await tells(bob, 'networkReceiveQuality', BAD);
  await tells(bob, 'videos', 1, 'bandwidth');
  await until('sending is bad, too', async () => (await latest(bob, 'network')).networkSendQuality === BAD);
  network.relay.lose(0);
  await tells(bob, 'networkReceiveQuality', GOOD);
  await tells(bob, 'videos', 2, 'unknown');
});
