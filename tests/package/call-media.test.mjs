/** Hold, silence, limits and sound: what the facade asks of the core, and tells. With media: tests/e2e/call-media. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { facade, joined, settle } from './harness/facade.mjs';

const built = await facade('call-media');
const { script } = built.scripted;

afterEach(() => { for (const name of Object.keys(script)) delete script[name]; });

const connected = async () => {
  const all = await joined(built);
  await settle();
  all.core.tell({ type: 'call', call: all.call.id, state: 'Connected' });
  return all;
};

test('hold and resume are asked for where they make sense, and refused elsewhere', async () => {
  const { call, core } = await joined(built);
  const refused = { name: 'CommunicationServicesError', code: 412, subCode: 59203 };
  await assert.rejects(call.hold(), refused);
  core.tell({ type: 'call', call: call.id, state: 'Connected' });
  await assert.rejects(call.resume(), refused);
  await call.hold();
  core.tell({ type: 'call', call: call.id, state: 'LocalHold' });
  await call.resume();
  assert.deepEqual([core.named('hold').length, core.named('resume').length], [1, 1]);
});

test('silence is told once it is so, and not again', async () => {
  const { call, core } = await connected();
  const told = [];
  call.on('isIncomingAudioMutedChanged', () => told.push(call.isIncomingAudioMuted));
  await call.muteIncomingAudio();
  await call.muteIncomingAudio();
  await call.unmuteIncomingAudio();
  assert.deepEqual(told, [true, false]);
  assert.deepEqual(core.named('quiet').map(([, , quiet]) => quiet), [true, true, false]);
});

test('limits of the camera are passed on, from the start or later, and taken back', async () => {
  const constraints = { frameHeight: { max: 360 }, frameRate: { max: 15 }, bitrate: { max: 500_000 } };
  const { call, core } = await joined(built, { videoOptions: { constraints } });
  await settle();
  await call.setConstraints({ video: { send: { frameHeight: { max: 180 } } } });
  await call.setConstraints({});
  assert.deepEqual(core.named('limitVideo').map(([, , limits]) => limits), [{ lines: 360, fps: 15, bps: 500_000 }, { lines: 180 }, {}]);
});

test('the others’ sound is one stream, from being connected to the end', async () => {
  const { call, core } = await joined(built);
  const told = [];
  call.on('remoteAudioStreamsUpdated', ({ added, removed }) => told.push([added.length, removed.length]));
  assert.equal(call.remoteAudioStreams.length, 0);
  core.tell({ type: 'call', call: call.id, state: 'Connected' });
  core.tell({ type: 'call', call: call.id, state: 'LocalHold' });
  core.tell({ type: 'call', call: call.id, state: 'Connected' });
  assert.equal(call.remoteAudioStreams[0].mediaStreamType, 'Audio');
  core.tell({ type: 'call', call: call.id, state: 'Disconnected', end: { code: 0, subCode: 0, message: '' } });
  assert.deepEqual([told, call.remoteAudioStreams.length], [[[1, 0], [0, 1]], 0]);
});
