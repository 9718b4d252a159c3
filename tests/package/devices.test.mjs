import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { facade, settle } from './harness/facade.mjs';

const built = await facade('devices');
const { sdk, scripted } = built;
afterEach(() => { for (const name of Object.keys(scripted.script)) delete scripted.script[name]; });

async function open() {
  const client = new sdk.CallClient();
  const manager = await client.getDeviceManager();
  return { client, manager, core: scripted.cores.at(-1) };
}

test('the lists have the API’s shapes and ask for no permission', async () => {
  const { manager, core } = await open();
  assert.deepEqual(await manager.getCameras(), [{ id: 'cam1', name: 'Front', deviceType: 'UsbCamera' }]);
  assert.deepEqual((await manager.getMicrophones()).map(({ id, isSystemDefault, deviceType }) => [id, isSystemDefault, deviceType]), [['mic1', true, 'Microphone'], ['mic2', false, 'Microphone']]);
  assert.deepEqual((await manager.getSpeakers())[0].deviceType, 'Speaker');
  assert.equal(core.named('askPermission').length, 0);
  assert.equal(manager.selectedMicrophone.id, 'mic1');
  assert.equal(manager.selectedSpeaker.id, 'speaker1');
});

test('permission is asked for what is wanted, and answers with what is allowed', async () => {
  const { manager, core } = await open();
  assert.deepEqual(await manager.askDevicePermission({ audio: true, video: false }), { audio: true, video: false });
  assert.deepEqual(core.named('askPermission'), [['askPermission', true, false]]);
});

test('a choice is told once it is made, by every manager of the page', async () => {
  const { manager } = await open();
  const other = (await open()).manager;
  assert.notEqual(other, manager);
  const heard = [];
  for (const it of [manager, other]) it.on('selectedMicrophoneChanged', () => heard.push(it.selectedMicrophone.id));
  await manager.selectMicrophone((await manager.getMicrophones())[1]);
  await settle();
  assert.deepEqual(heard, ['mic2', 'mic2']);
  scripted.script.selectMicrophone = () => { throw Object.assign(new Error('gone'), { code: 400, subCode: 1 }); };
  await assert.rejects(manager.selectMicrophone({ id: 'mic3' }), { code: 400 });
  assert.equal(manager.selectedMicrophone.id, 'mic2');
});

test('what was plugged in or out is told with what it was; a chosen device that is gone gives way', async () => {
  const { manager, core } = await open();
  await manager.selectMicrophone({ id: 'mic2' });
  const heard = [];
  manager.on('videoDevicesUpdated', ({ added, removed }) => heard.push(['video', added.map(({ id }) => id), removed.map(({ id }) => id)]));
  manager.on('audioDevicesUpdated', ({ added, removed }) => heard.push(['audio', added.map(({ id }) => id), removed.map(({ id }) => id)]));
  manager.on('selectedMicrophoneChanged', () => heard.push(['microphone', manager.selectedMicrophone.id]));
  core.deviceList = core.deviceList.filter(({ id }) => id !== 'mic2').concat({ id: 'cam2', name: 'Back', kind: 'camera', isSystemDefault: false });
  core.tell({ type: 'devices', video: true, audio: true });
  await settle();
  assert.deepEqual(heard, [['video', ['cam2'], []], ['audio', [], ['mic2']], ['microphone', 'mic1']]);
  core.tell({ type: 'devices', video: true, audio: true });
  await settle();
  assert.equal(heard.length, 3);
});

test('a disposed client’s manager hears nothing more', async () => {
  await open();
  const { client, manager, core } = await open();
  await client.dispose();
  let heard = 0;
  manager.on('videoDevicesUpdated', () => { heard += 1; });
  core.deviceList = [];
  core.tell({ type: 'devices', video: true, audio: true });
  await settle();
  assert.equal(heard, 0);
});
