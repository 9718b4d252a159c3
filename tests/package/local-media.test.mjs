import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { facade, joined, settle } from './harness/facade.mjs';

const built = await facade('local-media');
const { sdk, scripted } = built;
const { script } = scripted;
const camera = (id) => Object.freeze({ id, name: id, deviceType: 'UsbCamera' });
const user = () => ({ _replaced() {} });

afterEach(() => { for (const name of Object.keys(script)) delete script[name]; });

function deferred() {
  let resolve;
  let reject;
  const promise = new Promise((...both) => { [resolve, reject] = both; });
  return { promise, resolve, reject };
}

test('the camera opens for its first user and stops after its last', async () => {
  const { core } = await joined(built);
  const opened = core.named('openCamera').length;
  const stream = new sdk.LocalVideoStream(camera('cam1'));
  const [a, b] = [user(), user()];
  const [first, second] = await Promise.all([stream._camera.open(a), stream._camera.open(b)]);
  assert.equal(first, second);
  stream._camera.close(a);
  stream._camera.close(a);
  await settle();
  assert.equal(first.stopped, false);
  stream._camera.close(b);
  await settle();
  assert.equal(first.stopped, true);
  assert.equal(core.named('openCamera').length, opened + 1);
  assert.notEqual(await stream._camera.open(a), first);
});

test('a camera that is given back while it opens is stopped', async () => {
  const { core } = await joined(built);
  const gate = deferred();
  script.openCamera = () => gate.promise;
  const stream = new sdk.LocalVideoStream(camera('cam1'));
  const me = user();
  const opening = stream._camera.open(me);
  stream.dispose();
  gate.resolve();
  await assert.rejects(opening, { code: 412 });
  await settle();
  assert.equal(core.tracks.at(-1).stopped, true);
  await assert.rejects(stream.getMediaStream(), { code: 409, subCode: 59201 });
});

test('a camera that does not open is an error, and may open later', async () => {
  await joined(built);
  script.openCamera = () => { throw Object.assign(new Error('in use'), { code: 403, subCode: 1 }); };
  const stream = new sdk.LocalVideoStream(camera('cam1'));
  await assert.rejects(stream._camera.open(user()), { message: 'in use' });
  delete script.openCamera;
  assert.equal((await stream._camera.open(user())).stopped, false);
});

test('switching the source opens the new camera first, tells every user, then stops the old one', async () => {
  const { core, call } = await joined(built);
  const stream = new sdk.LocalVideoStream(camera('cam1'));
  await call.startVideo(stream);
  let told = 0;
  stream.on('videoSourceChanged', ({ source }) => { told += Number(source === stream); });
  const old = core.tracks.at(-1);
  await stream.switchSource(camera('cam2'));
  await settle();
  const now = core.tracks.at(-1);
  assert.deepEqual([old.stopped, now.stopped, stream.source.id, told], [true, false, 'cam2', 1]);
  assert.deepEqual(core.named('startVideo').filter(([, id]) => id === call.id).map(([, , track]) => track), [old, now]);
  script.openCamera = () => { throw new Error('gone'); };
  await assert.rejects(stream.switchSource(camera('cam3')));
  assert.deepEqual([now.stopped, stream.source.id], [false, 'cam2']);
});

test('quick clicks end as the last one says', async () => {
  const { core, call } = await joined(built);
  const stream = new sdk.LocalVideoStream(camera('cam1'));
  await Promise.all([call.startVideo(stream), call.stopVideo(stream), call.startVideo(stream), call.stopVideo(stream)]);
  assert.deepEqual(core.asked.filter(([name, id]) => name.endsWith('Video') && id === call.id).map(([name]) => name), ['startVideo', 'stopVideo', 'startVideo', 'stopVideo']);
  await settle();
  assert.equal(call.isLocalVideoStarted, false);
  assert.ok(core.tracks.at(-1).stopped);
});

test('one camera at a time, and the same stream twice is one', async () => {
  const { core, call } = await joined(built);
  const stream = new sdk.LocalVideoStream(camera('cam1'));
  const updates = [];
  call.on('localVideoStreamsUpdated', ({ added, removed }) => updates.push([added.length, removed.length, call.localVideoStreams.length]));
  await call.startVideo(stream);
  await call.startVideo(stream);
  await assert.rejects(call.startVideo(new sdk.LocalVideoStream(camera('cam2'))), { code: 412, subCode: 59203 });
  await assert.rejects(call.startVideo({}), { code: 400, subCode: 59202 });
  await call.stopVideo(new sdk.LocalVideoStream(camera('cam2')));
  await call.stopVideo(stream);
  assert.deepEqual(updates, [[1, 0, 1], [0, 1, 0]]);
  assert.equal(core.named('startVideo').filter(([, id]) => id === call.id).length, 1);
});

test('a publication that fails gives the camera back', async () => {
  const { core, call } = await joined(built);
  script.startVideo = () => { throw Object.assign(new Error('full'), { code: 410, subCode: 3100 }); };
  await assert.rejects(call.startVideo(new sdk.LocalVideoStream(camera('cam1'))), { code: 410, subCode: 3100 });
  await settle();
  assert.deepEqual([core.tracks.at(-1).stopped, call.localVideoStreams.length], [true, 0]);
});

test('joining with an open camera hands its track over; with a closed one it follows', async () => {
  const first = await joined(built);
  const stream = new sdk.LocalVideoStream(camera('cam1'));
  const track = await stream._camera.open(user());
  const call = first.agent.join({ meetingLink: 'x' }, { videoOptions: { localVideoStreams: [stream] } });
  assert.equal(first.core.named('join').at(-1)[4].camera, track);
  assert.deepEqual(call.localVideoStreams, [stream]);

  const closed = new sdk.LocalVideoStream(camera('cam2'));
  const second = first.agent.join({ meetingLink: 'y' }, { videoOptions: { localVideoStreams: [closed] } });
  assert.equal('camera' in first.core.named('join').at(-1)[4], false);
  assert.deepEqual(second.localVideoStreams, [closed]);
  await settle();
  assert.equal(first.core.named('startVideo').at(-1)[1], second.id);
});

test('joining with a camera that does not open goes on without it', async () => {
  const { agent } = await joined(built);
  script.openCamera = () => { throw new Error('in use'); };
  const stream = new sdk.LocalVideoStream(camera('cam1'));
  const call = agent.join({ meetingLink: 'x' }, { videoOptions: { localVideoStreams: [stream] } });
  const removed = [];
  call.on('localVideoStreamsUpdated', (args) => removed.push(...args.removed));
  await settle();
  assert.deepEqual([removed, call.localVideoStreams, call.isLocalVideoStarted], [[stream], [], false]);
});

test('a call that ends while its camera opens leaves the camera off', async () => {
  const { core, call } = await joined(built);
  await settle();
  const gate = deferred();
  script.openCamera = () => gate.promise;
  const starting = call.startVideo(new sdk.LocalVideoStream(camera('cam1')));
  await settle();
  core.tell({ type: 'call', call: call.id, state: 'Disconnected', end: { code: 0, subCode: 0, message: '' } });
  gate.resolve();
  await assert.rejects(starting, { code: 412, subCode: 59203 });
  await settle();
  assert.deepEqual([core.tracks.at(-1).stopped, call.localVideoStreams.length], [true, 0]);
});

test('an application’s own track is never stopped', async () => {
  const { call } = await joined(built);
  const track = { id: 't', label: 'canvas', stopped: false, stop() { this.stopped = true; } };
  const own = { id: 's', getVideoTracks: () => [track], getAudioTracks: () => [] };
  const stream = new sdk.LocalVideoStream(own);
  assert.deepEqual([stream.mediaStreamType, stream.source.id, stream.source.name], ['RawMedia', 't', 'canvas']);
  assert.equal(await stream.getMediaStream(), own);
  await call.startVideo(stream);
  await call.stopVideo(stream);
  stream.dispose();
  await settle();
  assert.equal(track.stopped, false);
});

test('what is no camera, microphone or stream is refused at once', () => {
  for (const wrong of [undefined, null, {}, 'cam1']) {
    assert.throws(() => new sdk.LocalVideoStream(wrong), { code: 400, subCode: 59202 });
    assert.throws(() => new sdk.LocalAudioStream(wrong), { code: 400, subCode: 59202 });
    assert.throws(() => new sdk.VideoStreamRenderer(wrong), { code: 400, subCode: 59202 });
  }
});

test('a microphone of the application is given to the call, and replaced in it', async () => {
  const { agent, core } = await joined(built);
  const track = (id) => ({ id, label: id });
  const own = (id) => ({ id, getAudioTracks: () => [track(id)], getVideoTracks: () => [] });
  const stream = new sdk.LocalAudioStream(own('a'));
  const call = agent.join({ meetingLink: 'x' }, { audioOptions: { localAudioStreams: [stream] } });
  assert.equal(core.named('join').at(-1)[4].microphone.id, 'a');
  assert.deepEqual(call.localAudioStreams, [stream]);
  await stream.switchSource(own('b'));
  assert.equal(core.named('setMicrophone').at(-1)[2].id, 'b');
  call.stopAudio();
  await settle();
  assert.deepEqual(core.named('setMicrophone').at(-1), ['setMicrophone', call.id]);
  await stream.switchSource(own('c'));
  assert.equal(core.named('setMicrophone').length, 2);
});

const lost = (core, call, track, diagnostic) => {
  track.readyState = 'ended';
  core.tell({ type: 'diagnostic', call: call.id, area: 'media', diagnostic, value: 3 });
};

test('a camera that was lost is not sent any more, and is opened anew for whoever shows it', async () => {
  const { core, call } = await joined(built);
  const stream = new sdk.LocalVideoStream(camera('cam1'));
  const shown = [];
  await stream._camera.open({ _replaced: (track) => shown.push(track) });
  await call.startVideo(stream);
  const told = [];
  call.on('isLocalVideoStartedChanged', () => told.push(call.isLocalVideoStarted));
  call.on('localVideoStreamsUpdated', ({ added, removed }) => told.push([added.length, removed.length, call.localVideoStreams.length]));
  const dead = core.tracks.at(-1);
  core.tell({ type: 'diagnostic', call: call.id, area: 'media', diagnostic: 'cameraFreeze', value: true });
  lost(core, call, dead, 'cameraStoppedUnexpectedly');
  await settle();
  assert.deepEqual(told, [false, [0, 1, 0]]);
  script.openCamera = () => { throw Object.assign(new Error('gone'), { code: 410, subCode: 59143 }); };
  await assert.rejects(call.startVideo(stream), { subCode: 59143 });
  delete script.openCamera;
  assert.equal(stream._camera._openNow(user()), undefined);
  await call.startVideo(stream);
  const track = core.tracks.at(-1);
  assert.notEqual(track, dead);
  assert.deepEqual([core.named('startVideo').at(-1)[2], shown, told.at(-1)], [track, [track], [1, 0, 1]]);
  // Another one, and one that is lost while it starts.
  lost(core, call, track, 'cameraStoppedUnexpectedly');
  const other = new sdk.LocalVideoStream(camera('cam2'));
  script.startVideo = () => lost(core, call, core.tracks.at(-1), 'cameraStoppedUnexpectedly');
  await call.startVideo(other);
  await settle();
  assert.deepEqual([other.source.id, call.localVideoStreams.length], ['cam2', 0]);
});

test('a microphone of the browser is sent by its id: from joining, started later, switched', async () => {
  const { agent, core } = await joined(built);
  const microphone = (id) => Object.freeze({ id, name: id, isSystemDefault: false, deviceType: 'Microphone' });
  const stream = new sdk.LocalAudioStream(microphone('mic2'), { autoDisposeOnCallEnd: true });
  const call = agent.join({ meetingLink: 'x' }, { audioOptions: { localAudioStreams: [stream] } });
  assert.equal(core.named('join').at(-1)[4].microphone, 'mic2');
  await stream.switchSource(microphone('mic1'));
  assert.deepEqual(core.named('setMicrophone').at(-1), ['setMicrophone', call.id, 'mic1']);
  const other = new sdk.LocalAudioStream(microphone('mic3'));
  await call.startAudio(other);
  assert.deepEqual([core.named('setMicrophone').at(-1)[2], call.localAudioStreams], ['mic3', [other]]);
  script.setMicrophone = () => { throw Object.assign(new Error('in use'), { code: 410, subCode: 59143 }); };
  await assert.rejects(other.switchSource(microphone('mic1')), { subCode: 59143 });
  await assert.rejects(call.startAudio(stream), { subCode: 59143 });
  assert.deepEqual([other.source.id, call.localAudioStreams], ['mic3', [other]]);
  assert.equal(core.named('selectMicrophone').length, 0);
});

test('a lost track of the application’s own is not the call’s microphone any more; a device still is', async () => {
  const { core, call } = await joined(built);
  const track = { id: 't', label: 't' };
  const own = new sdk.LocalAudioStream({ id: 's', getAudioTracks: () => [track], getVideoTracks: () => [] });
  await call.startAudio(own);
  const removed = [];
  call.on('localAudioStreamsUpdated', (args) => removed.push(...args.removed));
  lost(core, call, track, 'microphoneMuteUnexpectedly');
  await settle();
  assert.deepEqual([removed, call.localAudioStreams], [[own], []]);
  const device = new sdk.LocalAudioStream({ id: 'mic2', name: '', isSystemDefault: false, deviceType: 'Microphone' });
  await call.startAudio(device);
  lost(core, call, {}, 'microphoneMuteUnexpectedly');
  await settle();
  assert.deepEqual(call.localAudioStreams, [device]);
});
