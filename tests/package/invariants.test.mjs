import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIdentifierFromRawId, getIdentifierRawId } from '@azure/communication-common';
import { credential, facade, person, settle, stream } from './harness/facade.mjs';
import { checkAfterEnd, checkWhileConnected, watch } from './invariants.page.mjs';

const built = await facade('invariants');
const { sdk, scripted } = built;
const common = { createIdentifierFromRawId, getIdentifierRawId };

function allGood(results) {
  const bad = results.filter(({ ok }) => !ok);
  assert.deepEqual(bad.map(({ name, error }) => `${name}: ${error}`), []);
  assert.ok(results.length > 5);
}

for (const kind of ['createCallAgent', 'createTeamsCallAgent']) {
  test(`the invariants hold from join() to the end, with ${kind}`, async () => {
    const client = new sdk.CallClient();
    const agent = await client[kind](credential, { undefined: undefined });
    const deviceManager = await client.getDeviceManager();
    const core = scripted.cores.at(-1);
    const recorder = watch(sdk, agent);
    scripted.script.join = (it, _agent, call) => it.tell({ type: 'call', call, state: 'Connecting' });
    const localVideoStream = new sdk.LocalVideoStream((await deviceManager.getCameras())[0]);
    const call = recorder.follow(agent.join({ meetingId: '12 34' }, { videoOptions: { localVideoStreams: [localVideoStream] } }));
    assert.equal(call.kind, kind === 'createCallAgent' ? 'Call' : 'TeamsCall');
    const tell = (change) => core.tell({ call: call.id, ...change });
    await settle();
    tell({ type: 'call', state: 'InLobby' });
    tell({ type: 'call', state: 'Connected', threadId: '19:meeting_x@thread.v2', role: 'Presenter', participantId: 'me-1', serverCallId: 's' });
    tell({ type: 'participants', added: [person('8:orgid:ada'), person('8:acs:resource_bob')], updated: [], removed: [] });
    tell({ type: 'streams', participant: '8:orgid:ada', added: [stream(3), stream(4, { mediaStreamType: 'ScreenSharing' })], updated: [], removed: [] });
    tell({ type: 'lobby', added: [person('8:acs:resource_eve', { state: 'InLobby' })], removed: [] });
    tell({ type: 'diagnostic', area: 'network', diagnostic: 'networkSendQuality', value: 2 });
    tell({ type: 'speaking', speakers: ['8:orgid:ada'] });
    const renderer = new sdk.VideoStreamRenderer(call.remoteParticipants[0].videoStreams[0]);
    const context = { client, agent, call, recorder, deviceManager, localVideoStream, renderer, common };
    allGood(await checkWhileConnected(sdk, context));

    // What was frozen above must not be changed in place now.
    tell({ type: 'participants', added: [person('8:acs:resource_carl')], updated: [person('8:orgid:ada', { muted: true, endpoints: ['a', 'b'] })], removed: ['8:acs:resource_bob'] });
    tell({ type: 'streams', participant: '8:orgid:ada', added: [stream(5)], updated: [stream(3, { width: 640, height: 360 })], removed: [4] });
    tell({ type: 'diagnostic', area: 'network', diagnostic: 'networkSendQuality', value: 1 });
    tell({ type: 'lobby', added: [], removed: ['8:acs:resource_eve'] });
    tell({ type: 'call', role: 'Organizer', mayAdmit: true });
    assert.equal(call.remoteParticipants.length, 2);
    allGood(await checkWhileConnected(sdk, context));

    tell({ type: 'call', state: 'Disconnected', end: { code: 0, subCode: 0, message: 'The call was ended locally.' } });
    tell({ type: 'call', state: 'Disconnected', end: { code: 0, subCode: 0, message: 'Again.' } });
    await settle();
    allGood(await checkAfterEnd(sdk, context));
    await client.dispose();
    allGood(await checkAfterEnd(sdk, { ...context, deviceManager: undefined }));
    scripted.script.join = undefined;
  });
}

test('the checks find what is wrong', async () => {
  const client = new sdk.CallClient();
  const agent = await client.createCallAgent(credential);
  const recorder = watch(sdk, agent);
  const call = recorder.follow(agent.join({ meetingLink: 'x' }));
  await settle();
  scripted.cores.at(-1).tell({ type: 'call', call: call.id, state: 'Connected' });
  Object.defineProperty(call, 'unsubscribe', { value: 1 });
  call.lobby.then = () => {};
  const results = await checkWhileConnected(sdk, { client, agent, call, recorder });
  const bad = results.filter(({ ok }) => !ok).map(({ name }) => name);
  assert.deepEqual(bad, ['staysExtensible', 'keepsOrder', 'nothingIsThenable'], JSON.stringify(results));
  await client.dispose();
});
