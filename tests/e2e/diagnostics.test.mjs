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

/** What is shared: a tab of one's own, which can be closed. */
const TITLE = 'Slides of the day';
const BROWSER = {
  flags: [`--auto-select-tab-capture-source-by-title=${TITLE}`, '--use-fake-device-for-media-stream=device-count=2'],
  // It gives what is forbidden, and picks a screen that nobody can close.
  without: ['--use-fake-ui-for-media-stream'],
};

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
}, String(news)), { patience: 40_000 });

const latest = (person, area) => person.page.evaluate((name) => {
  const values = window.me.call.feature(Plenary.Features.UserFacingDiagnostics)[name].getLatest();
  return Object.fromEntries(Object.entries(values).map(([diagnostic, { value }]) => [diagnostic, value]));
}, area);

test('what_is_wrong_with_microphone_camera_and_screen_is_told_and_when_it_is_well_again', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t, BROWSER);
  const meeting = await RoomsOverRest.schedule(service);
  const olivia = await Attendee.join(browser, meeting, 'Olivia');
  const bob = await Attendee.join(browser, meeting, 'Bob');
  await eachOther(olivia, bob);
  await follow(bob);

  await t.test('on a good network', async () => {
    await tells(bob, 'networkReceiveQuality', GOOD);
    await until('what is sent goes well', async () => (await latest(bob, 'network')).networkSendQuality === GOOD);
    // It rises by one in ten seconds where a moment was not so good.
    const videos = () => bob.page.evaluate(() => window.me.call.feature(Plenary.Features.OptimalVideoCount).optimalVideoCount);
    await until('all pictures may be shown', async () => await videos() === 9, { patience: 100_000 });
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
      const [device] = await (await window.me.client.getDeviceManager()).getCameras();
      window.me.device = new Plenary.LocalVideoStream(device);
      await call.startVideo(window.me.device).catch(() => {});
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

  await t.test('a camera and a microphone that are forbidden in the call stop for everybody, and start again', async () => {
    const { page } = bob;
    const [camera, own] = await page.evaluate(async () => {
      const { call, client, device } = window.me;
      window.view = await new Plenary.VideoStreamRenderer(device).createView();
      document.body.append(window.view.target);
      const [, , microphone] = await (await client.getDeviceManager()).getMicrophones();
      await call.startAudio(new Plenary.LocalAudioStream(microphone));
      window.changes = [];
      call.on('isLocalVideoStartedChanged', () => window.changes.push(call.isLocalVideoStarted));
      call.on('localVideoStreamsUpdated', ({ added, removed }) => window.changes.push([added.length, removed.length, call.localVideoStreams.length]));
      call.on('isMutedChanged', () => window.changes.push(call.isMuted ? 'muted' : 'unmuted'));
      return [device.source.id, microphone.id];
    });
    const sees = () => olivia.page.evaluate(() => window.me.call.remoteParticipants[0].videoStreams.some(({ isAvailable }) => isAvailable));
    const sent = () => page.evaluate(() => window.__watch.peers.flatMap((peer) => peer.getSenders())
      .map(({ track }) => track).filter((track) => track?.readyState === 'live').map((track) => track.getSettings().deviceId));
    await until('both are sent', async () => String(await sent()) === String([own, camera]));
    assert.ok(await sees());

    await page.context().clearPermissions();
    await tells(bob, 'cameraStoppedUnexpectedly', BAD);
    const changes = () => page.evaluate(() => window.changes.map(String).sort());
    await until('it is told', async () => String(await changes()) === '0,1,0,false,muted');
    assert.equal((await latest(bob, 'media')).microphoneMuteUnexpectedly, BAD);
    await until('Olivia sees no camera', async () => !(await sees()));
    assert.deepEqual(await sent(), []);
    assert.equal(await bob.attempt((me) => me.call.startVideo(me.device)), '403/59142');

    await page.context().grantPermissions(['camera', 'microphone']);
    assert.equal(await bob.attempt((me) => me.call.startVideo(me.device)), 'done');
    assert.equal(await bob.attempt((me) => me.call.unmute()), 'done');
    await until('both are sent again', async () => String(await sent()) === String([own, camera]));
    await until('Olivia sees the camera', sees);
    await tells(bob, 'cameraStoppedUnexpectedly', GOOD);
    assert.equal((await latest(bob, 'media')).microphoneMuteUnexpectedly, GOOD);
    assert.deepEqual(await page.evaluate(() => window.view.target.querySelector('video').srcObject.getTracks().map(({ readyState }) => readyState)), ['live']);
  });

  await t.test('a screen whose tab is closed', async () => {
    const tab = await bob.page.context().newPage();
    await tab.goto(`${service.origin}/healthz`);
    await tab.evaluate((title) => { document.title = title; }, TITLE);
    await bob.page.bringToFront();
    await bob.page.evaluate(async () => {
      const { mediaDevices } = navigator;
      const pick = mediaDevices.getDisplayMedia.bind(mediaDevices);
      mediaDevices.getDisplayMedia = async (wanted) => {
        const picked = await pick(wanted);
        const [track] = picked.getVideoTracks();
        const listen = track.addEventListener.bind(track);
        window.watching = 0;
        track.addEventListener = (event, ...more) => {
          if (event === 'ended') window.watching += 1;
          listen(event, ...more);
        };
        return picked;
      };
      await window.me.call.startScreenSharing();
    });
    // The call listens at once, the diagnostics when they look next.
    await until('it is looked after', () => bob.page.evaluate(() => window.watching === 2));
    await tab.close();
    await tells(bob, 'capturerStoppedUnexpectedly', true);
    await until('it is over', () => bob.page.evaluate(() => !window.me.call.isScreenSharingOn));
  });

  await t.test('a machine without microphones and speakers, and with them again', async () => {
    // Nothing unplugs the browser's own devices.
    const plug = (without) => bob.page.evaluate((kinds) => {
      const { mediaDevices } = navigator;
      window.enumerate ??= mediaDevices.enumerateDevices.bind(mediaDevices);
      mediaDevices.enumerateDevices = async () => (await window.enumerate()).filter(({ kind }) => !kinds.includes(kind));
      mediaDevices.dispatchEvent(new Event('devicechange'));
    }, without);
    await bob.page.evaluate(async () => {
      const devices = await window.me.client.getDeviceManager();
      for (const event of ['audioDevicesUpdated', 'videoDevicesUpdated']) {
        devices.on(event, ({ added, removed }) => window.told.push([event, added.length, removed.length]));
      }
      for (const name of ['selectedMicrophone', 'selectedSpeaker']) {
        devices.on(`${name}Changed`, () => window.told.push([name, devices[name]?.id]));
      }
    });
    await plug(['audioinput']);
    await tells(bob, 'noMicrophoneDevicesEnumerated', true);
    await tells(bob, 'audioDevicesUpdated', 0, 3);
    await tells(bob, 'selectedMicrophone', undefined);
    await plug(['audiooutput']);
    await tells(bob, 'noMicrophoneDevicesEnumerated', false);
    await tells(bob, 'noSpeakerDevicesEnumerated', true);
    await tells(bob, 'audioDevicesUpdated', 3, 3);
    await tells(bob, 'selectedMicrophone', 'default');
    await tells(bob, 'selectedSpeaker', undefined);
    await plug([]);
    await tells(bob, 'noSpeakerDevicesEnumerated', false);
    await tells(bob, 'audioDevicesUpdated', 3, 0);
  });

  const wrong = Object.entries(await latest(bob, 'media')).filter(([, value]) => value === true);
  assert.deepEqual(wrong, [['capturerStoppedUnexpectedly', true]]);
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
