/** Sharing a screen: what the facade asks the browser and the core, and what it tells. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { facade, joined, settle } from './harness/facade.mjs';

const built = await facade('screen');
const { sdk, scripted } = built;
afterEach(() => { for (const name of Object.keys(scripted.script)) delete scripted.script[name]; });

const track = (id, kind) => ({ id, kind, label: id, stopped: false, stop() { this.stopped = true; } });
const media = (picture, sound) => ({
  id: 'm', getVideoTracks: () => [picture], getAudioTracks: () => (sound ? [sound] : []), getTracks: () => [picture, sound].filter(Boolean),
});

/** What the browser's picker gives next; `asked` are its options. */
function picker(answer) {
  const asked = [];
  const mediaDevices = { getDisplayMedia: async (options) => { asked.push(options); return answer(); } };
  Object.defineProperty(globalThis, 'navigator', { value: { mediaDevices }, configurable: true });
  return asked;
}

async function connected() {
  const { core, call, agent } = await joined(built);
  await settle();
  core.tell({ type: 'call', call: call.id, state: 'Connected', role: 'Presenter' });
  const heard = [];
  call.on('isScreenSharingOnChanged', () => heard.push(['on', call.isScreenSharingOn, call.localVideoStreams.length]));
  call.on('localVideoStreamsUpdated', ({ added, removed }) => heard.push(['streams', added.length, removed.length]));
  return { core, call, agent, heard };
}

test('a picked screen is shared with its sound, shown as a stream, and stopped after', async () => {
  const { core, call, heard } = await connected();
  const [picture, sound] = [track('screen', 'video'), track('tab', 'audio')];
  const asked = picker(() => media(picture, sound));
  const sharing = call.startScreenSharing();
  assert.equal(asked.length, 1, 'the browser is asked while the click is handled');
  await sharing;
  assert.deepEqual(core.named('shareScreen'), [['shareScreen', call.id, picture, sound]]);
  const [stream] = call.localVideoStreams;
  assert.deepEqual([call.isScreenSharingOn, call.isLocalVideoStarted, stream.mediaStreamType, stream.source.deviceType], [true, false, 'ScreenSharing', 'ScreenSharing']);
  await call.stopScreenSharing();
  assert.deepEqual(core.named('shareScreen').at(-1), ['shareScreen', call.id, undefined, undefined]);
  assert.deepEqual([call.isScreenSharingOn, call.localVideoStreams.length, picture.stopped, sound.stopped], [false, 0, true, true]);
  assert.deepEqual(heard, [['on', true, 1], ['streams', 1, 0], ['on', false, 0], ['streams', 0, 1]]);
  await call.stopScreenSharing();
  assert.equal(heard.length, 4);
});

test('the browser’s own bar ends it: the core says so', async () => {
  const { core, call, heard } = await connected();
  const picture = track('screen', 'video');
  picker(() => media(picture));
  await call.startScreenSharing();
  core.tell({ type: 'call', call: call.id, screenSharing: false });
  assert.deepEqual([call.isScreenSharingOn, picture.stopped, heard.length], [false, true, 4]);
  await call.startScreenSharing();
  assert.equal(call.isScreenSharingOn, true);
});

test('a camera and a screen are two streams', async () => {
  const { call } = await connected();
  picker(() => media(track('screen', 'video')));
  await call.startVideo(new sdk.LocalVideoStream({ id: 'cam1', name: 'Front', deviceType: 'UsbCamera' }));
  await call.startScreenSharing();
  assert.deepEqual(call.localVideoStreams.map(({ mediaStreamType }) => mediaStreamType), ['Video', 'ScreenSharing']);
  await call.stopVideo(call.localVideoStreams[0]);
  assert.deepEqual(call.localVideoStreams.map(({ mediaStreamType }) => mediaStreamType), ['ScreenSharing']);
});

test('an application’s own stream is shared and goes on after', async () => {
  const { call } = await connected();
  const picture = track('canvas', 'video');
  const stream = new sdk.LocalVideoStream(media(picture));
  await call.startScreenSharing(stream);
  assert.deepEqual([call.localVideoStreams[0] === stream, stream.mediaStreamType], [true, 'ScreenSharing']);
  await call.stopScreenSharing();
  assert.equal(picture.stopped, false);
});

test('a role that may not share, and a second screen, are refused and leave nothing open', async () => {
  const { call } = await connected();
  const pictures = [];
  picker(() => media(pictures[pictures.push(track('screen', 'video')) - 1]));
  scripted.script.shareScreen = () => { throw Object.assign(new Error('no'), { code: 403, subCode: 59120 }); };
  await assert.rejects(call.startScreenSharing(), { code: 403, subCode: 59120 });
  assert.deepEqual([call.isScreenSharingOn, pictures[0].stopped], [false, true]);
  delete scripted.script.shareScreen;
  await call.startScreenSharing();
  await assert.rejects(call.startScreenSharing(), { code: 412, subCode: 59203 });
  assert.deepEqual([pictures[1].stopped, pictures[2].stopped], [false, true]);
});

test('who picks nothing, or has no such browser, or is not connected, is told so', async () => {
  const { call, core } = await connected();
  picker(() => { throw Object.assign(new Error('Permission denied'), { name: 'NotAllowedError' }); });
  await assert.rejects(call.startScreenSharing(), { code: 403, subCode: 59142 });
  Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });
  await assert.rejects(call.startScreenSharing(), { code: 501, subCode: 59200 });
  core.tell({ type: 'call', call: call.id, state: 'Disconnected' });
  const asked = picker(() => media(track('screen', 'video')));
  await assert.rejects(call.startScreenSharing(), { code: 412, subCode: 59203 });
  assert.equal(asked.length, 0, 'nobody is asked for nothing');
});

test('the end of the call ends sharing, and a shared screen may be refused by the role', async () => {
  const { call, core } = await connected();
  const picture = track('screen', 'video');
  picker(() => media(picture));
  const shareScreen = () => call.feature(sdk.Features.Capabilities).capabilities.shareScreen;
  assert.deepEqual(shareScreen(), { isPresent: true, reason: 'Capable' });
  core.tell({ type: 'call', call: call.id, role: 'Attendee' });
  assert.deepEqual(shareScreen(), { isPresent: false, reason: 'RoleRestricted' });
  await call.startScreenSharing();
  core.tell({ type: 'call', call: call.id, state: 'Disconnected' });
  assert.deepEqual([picture.stopped, call.isScreenSharingOn], [true, false]);
});
