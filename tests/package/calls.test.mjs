import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { credential, facade, joined, person, settle, stream } from './harness/facade.mjs';

const built = await facade('calls');
const { sdk, scripted } = built;
const { script } = scripted;
const camera = { id: 'cam1', name: 'Front', deviceType: 'UsbCamera' };
const ended = (call) => ({ type: 'call', call: call.id, state: 'Disconnected', end: { code: 0, subCode: 4097, message: 'Over.' } });
const failing = (code, subCode) => () => { throw Object.assign(new Error('no'), { code, subCode }); };

afterEach(() => { for (const name of Object.keys(script)) delete script[name]; });

test('join gives the call at once, and tells what happened during it afterwards', async () => {
  script.join = (core, _agent, call) => core.tell({ type: 'call', call, state: 'Connecting' });
  const { agent, call: other } = await joined(built);
  await settle();
  const heard = [];
  agent.on('callsUpdated', ({ added, removed }) => heard.push(['callsUpdated', added, removed]));
  const call = agent.join({ meetingId: '1' });
  call.on('stateChanged', () => heard.push(['stateChanged', call.state]));
  assert.equal(call.state, 'None');
  assert.match(call.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(agent.calls, [other, call]);
  await settle();
  assert.deepEqual(heard, [['callsUpdated', [call], []], ['stateChanged', 'Connecting']]);
});

test('a locator that the core refuses throws its error, and leaves no call', async () => {
  const { agent } = await joined(built);
  script.join = failing(400, 59010);
  let updates = 0;
  await settle();
  agent.on('callsUpdated', () => { updates += 1; });
  const before = agent.calls;
  assert.throws(() => agent.join({ meetingLink: 'nonsense' }), { name: 'CommunicationServicesError', code: 400, subCode: 59010 });
  assert.throws(() => agent.join(undefined), { code: 400, subCode: 59202 });
  assert.throws(() => agent.join({ roomId: '1' }), { code: 501, subCode: 59200 });
  await settle();
  assert.equal(agent.calls, before);
  assert.equal(updates, 0);
});

test('join passes on what it is given', async () => {
  const { core, call } = await joined(built, { audioOptions: { muted: true } });
  const [, agent, id, locator, options] = core.named('join').at(-1);
  assert.deepEqual([agent, id, locator, options], [core.agents, call.id, { meetingLink: 'https://meet.example/x' }, { muted: true }]);
  assert.equal(call.isMuted, true);
});

test('the agent is asked for with name, kind, endpoint and tokens', async () => {
  sdk.configure({ endpoint: 'https://page.example' });
  await new sdk.CallClient().createCallAgent(credential, { displayName: 'Ada' });
  await new sdk.CallClient({ endpoint: 'https://own.example' }).createTeamsCallAgent(credential, { undefined: undefined });
  sdk.configure({ endpoint: undefined });
  const asked = scripted.cores.at(-1).named('createAgent').slice(-2).map(([, options]) => options);
  assert.equal(asked[0].kind, 'guest');
  assert.equal(asked[0].displayName, 'Ada');
  assert.equal(asked[0].address, 'wss://page.example/agent');
  assert.equal((await asked[0].getToken()).token, 'a.b.c');
  assert.equal(asked[1].kind, 'member');
  assert.equal(asked[1].address, 'wss://own.example/agent');
});

test('whoever comes back, or comes in from the lobby, is the same object', async () => {
  const { core, call } = await joined(built);
  await settle();
  const tell = (change) => core.tell({ call: call.id, ...change });
  tell({ type: 'lobby', added: [person('8:acs:r_ada', { state: 'InLobby' })], removed: [] });
  const [ada] = call.lobby.participants;
  assert.equal(ada.state, 'InLobby');
  tell({ type: 'participants', added: [person('8:acs:r_ada')], updated: [], removed: [] });
  tell({ type: 'lobby', added: [], removed: ['8:acs:r_ada'] });
  assert.deepEqual([call.remoteParticipants[0] === ada, ada.state, call.lobby.participants.length], [true, 'Connected', 0]);
  tell({ type: 'streams', participant: '8:acs:r_ada', added: [stream(1)], updated: [], removed: [] });
  tell({ type: 'participants', added: [], updated: [], removed: ['8:acs:r_ada'] });
  assert.deepEqual([ada.state, ada.videoStreams.length, call.remoteParticipants.length], ['Disconnected', 0, 0]);
  tell({ type: 'participants', added: [person('8:acs:r_ada')], updated: [], removed: [] });
  assert.equal(call.remoteParticipants[0], ada);
  assert.deepEqual(ada.identifier, { kind: 'communicationUser', communicationUserId: '8:acs:r_ada' });
});

test('a participant’s properties are new before any of its events, and only what changed is told', async () => {
  const { core, call } = await joined(built);
  await settle();
  core.tell({ type: 'participants', call: call.id, added: [person('8:acs:r_ada')], updated: [], removed: [] });
  const [ada] = call.remoteParticipants;
  const heard = [];
  for (const event of ['stateChanged', 'isMutedChanged', 'displayNameChanged', 'roleChanged', 'isSpeakingChanged']) {
    ada.on(event, (args) => heard.push([event, ada.isMuted, ada.displayName, args]));
  }
  core.tell({ type: 'participants', call: call.id, added: [], updated: [person('8:acs:r_ada', { muted: true, displayName: 'Ada' })], removed: [] });
  assert.deepEqual(heard, [
    ['isMutedChanged', true, 'Ada', undefined],
    ['displayNameChanged', true, 'Ada', { oldValue: '8:acs:r_ada', newValue: 'Ada' }],
  ]);
  core.tell({ type: 'speaking', call: call.id, speakers: ['8:acs:r_ada'] });
  assert.equal(ada.isSpeaking, true);
  assert.equal(call.feature(sdk.Features.DominantSpeakers).dominantSpeakers.speakersList[0].communicationUserId, '8:acs:r_ada');
});

test('changes that a listener causes are told after what was being told', async () => {
  const { core, call } = await joined(built);
  await settle();
  const heard = [];
  call.on('stateChanged', () => {
    core.tell({ type: 'call', call: call.id, muted: true });
    heard.push('state');
  });
  call.on('isMutedChanged', () => heard.push('muted'));
  call.on('roleChanged', () => heard.push('role'));
  core.tell({ type: 'call', call: call.id, state: 'Connected', role: 'Presenter' });
  assert.deepEqual(heard, ['role', 'state', 'muted']);
});

test('at the end the reason is there first, the camera is given back, and the call leaves the list last', async () => {
  const { core, agent, call } = await joined(built);
  const video = new sdk.LocalVideoStream(camera);
  await call.startVideo(video);
  const heard = [];
  call.on('stateChanged', () => heard.push([call.state, call.callEndReason.subCode, agent.calls.length]));
  call.on('localVideoStreamsUpdated', ({ removed }) => heard.push(['video', removed.length, agent.calls.length]));
  agent.on('callsUpdated', ({ removed }) => heard.push(['removed', removed.length, agent.calls.length]));
  core.tell(ended(call));
  core.tell({ type: 'call', call: call.id, state: 'Connected' });
  assert.deepEqual(heard, [['Disconnected', 4097, 1], ['video', 1, 1], ['removed', 1, 0]]);
  await settle();
  assert.equal(core.tracks.at(-1).stopped, true);
  await call.hangUp();
  await assert.rejects(call.startVideo(video), { code: 412, subCode: 59203 });
  await assert.rejects(call.info.getServerCallId(), { subCode: 59203 });
});

test('the call’s ids come while the info object stays', async () => {
  const { core, call } = await joined(built);
  await settle();
  const { info } = call;
  const id = info.getServerCallId();
  let told = 0;
  info.onCallInfoChanged('callInfoChanged', () => { told += 1; });
  assert.deepEqual([info.threadId, info.participantId], [undefined, '']);
  core.tell({ type: 'call', call: call.id, threadId: '19:t', participantId: 'p', serverCallId: 's' });
  assert.deepEqual([info.threadId, info.participantId, await id, told], ['19:t', 'p', 's', 1]);
});

test('what the core refuses is rejected with its numbers; what it did not expect too, with a cause', async () => {
  const { call } = await joined(built);
  script.mute = failing(403, 59120);
  await assert.rejects(call.mute(), { name: 'CommunicationServicesError', message: 'no', code: 403, subCode: 59120 });
  const odd = new TypeError('odd');
  script.mute = () => { throw odd; };
  await assert.rejects(call.mute(), (error) => error instanceof Error && error.code === 500 && error.subCode === 59170 && error.cause === odd);
  script.mute = () => Promise.reject('text');
  await assert.rejects(call.mute(), { message: 'text', code: 500 });
});

test('lobby and removal name people by raw id', async () => {
  const { core, call } = await joined(built);
  await call.lobby.admit({ communicationUserId: '8:acs:r_a' });
  await call.lobby.reject({ microsoftTeamsUserId: 'b' });
  assert.deepEqual(await call.lobby.admitAll(), { successCount: 2, failureCount: 1 });
  await call.removeParticipant({ kind: 'communicationUser', communicationUserId: '8:acs:r_c' });
  const asked = ['admit', 'reject', 'admitAll', 'remove'].flatMap((name) => core.named(name));
  assert.deepEqual(asked, [['admit', call.id, '8:acs:r_a'], ['reject', call.id, '8:orgid:b'], ['admitAll', call.id], ['remove', call.id, '8:acs:r_c']]);
});

test('diagnostics that came before anybody asked are in getLatest', async () => {
  const { core, call } = await joined(built);
  await settle();
  core.tell({ type: 'diagnostic', call: call.id, area: 'media', diagnostic: 'audioPlaybackBlocked', value: true });
  const { media } = call.feature(sdk.Features.UserFacingDiagnostics);
  assert.deepEqual(media.getLatest(), { audioPlaybackBlocked: { value: true, valueType: 'DiagnosticFlag' } });
  const heard = [];
  media.on('diagnosticChanged', (args) => heard.push(args));
  core.tell({ type: 'diagnostic', call: call.id, area: 'media', diagnostic: 'cameraFreeze', value: 3 });
  assert.deepEqual(heard, [{ diagnostic: 'cameraFreeze', value: 3, valueType: 'DiagnosticQuality' }]);
});

test('capabilities follow role and rights', async () => {
  const { core, call } = await joined(built);
  const feature = call.feature(sdk.Features.Capabilities);
  const heard = [];
  feature.on('capabilitiesChanged', (info) => heard.push(Object.keys(info.newValue).length));
  await settle();
  core.tell({ type: 'call', call: call.id, state: 'InLobby' });
  core.tell({ type: 'call', call: call.id, state: 'Connected', threadId: 't', role: 'Presenter' });
  const reasons = (...names) => names.map((name) => feature.capabilities[name].reason);
  assert.deepEqual(reasons('manageLobby', 'raiseHand', 'joinBreakoutRooms', 'spotlightParticipant'),
    ['RoleRestricted', 'RoleRestricted', 'Capable', 'FeatureNotSupported']);
  core.tell({ type: 'call', call: call.id, role: 'Organizer', mayAdmit: true });
  assert.deepEqual(heard, [25], 'S1: a guest never, whatever their role');
});

test('capabilities of a member follow role and lobby', async () => {
  const { core, call } = await joined(built, undefined, undefined, 'createTeamsCallAgent');
  const { Capabilities } = built.sdk.Features;
  const able = () => {
    const { capabilities } = call.feature(Capabilities);
    return ['manageLobby', 'removeParticipant', 'hangUpForEveryOne'].map((name) => capabilities[name].isPresent);
  };
  await settle();
  core.tell({ type: 'call', call: call.id, state: 'Connected', threadId: 't', role: 'Attendee' });
  assert.deepEqual(able(), [false, false, false]);
  core.tell({ type: 'call', call: call.id, role: 'Presenter', mayAdmit: false });
  assert.deepEqual(able(), [false, true, false], 'only organisers admit here');
  core.tell({ type: 'call', call: call.id, mayAdmit: true });
  assert.deepEqual(able(), [true, true, false]);
  core.tell({ type: 'call', call: call.id, role: 'Co-organizer' });
  assert.deepEqual(able(), [true, true, true]);
});

test('dispose ends the agent once, whatever the core says', async () => {
  const { agent, core, call, client } = await joined(built);
  await settle();
  const states = [];
  agent.on('connectionStateChanged', (args) => states.push(args));
  script.disposeAgent = failing(500, 59170);
  const [first, second] = [agent.dispose(), agent.dispose()];
  await assert.rejects(first, { code: 500 });
  await assert.rejects(second, { code: 500 });
  assert.equal(core.named('disposeAgent').length, 1);
  assert.deepEqual(states, [{ oldValue: 'Connected', newValue: 'Disconnected' }]);
  assert.deepEqual([agent.calls.length, call.state, typeof call.callEndReason.code], [0, 'Disconnected', 'number']);
  assert.throws(() => agent.join({ meetingLink: 'x' }), { code: 409, subCode: 59201 });
  agent.off('callsUpdated', () => {});
  assert.equal(client._agents.size, 0);
});

test('the last client takes the core along, and a new one starts another', async () => {
  const other = await facade('clients');
  const [a, b] = [new other.sdk.CallClient(), new other.sdk.CallClient()];
  await a.createCallAgent(credential);
  await b.getDeviceManager();
  const [core] = other.scripted.cores;
  await a.dispose();
  assert.equal(core.named('dispose').length, 0);
  await b.dispose();
  assert.equal(core.named('dispose').length, 1);
  await assert.rejects(a.createCallAgent(credential), { code: 409, subCode: 59201 });
  await new other.sdk.CallClient().getDeviceManager();
  assert.deepEqual([other.scripted.cores.length, other.scripted.loads.length], [2, 1]);
});

test('a wasm that does not load is an error that says so, and the next call tries again', async () => {
  const other = await facade('loading');
  other.scripted.script.init = () => { throw new Error('404'); };
  const client = new other.sdk.CallClient();
  await assert.rejects(client.createCallAgent(credential), { code: 500, subCode: 59204 });
  await assert.rejects(client.getDeviceManager(), { code: 500, subCode: 59204 });
  delete other.scripted.script.init;
  const manager = await client.getDeviceManager();
  assert.equal(await client.getDeviceManager(), manager);
  assert.equal(other.scripted.loads.length, 3);
});

test('the total counts everybody in the call, and is told when it changes', async () => {
  const { core, call } = await joined(built);
  const told = [];
  call.on('totalParticipantCountChanged', () => told.push(call.totalParticipantCount));
  const tell = (change) => core.tell({ call: call.id, ...change });
  tell({ type: 'participants', added: [person('8:acs:r_ada')], updated: [], removed: [] });
  assert.equal(call.totalParticipantCount, 0, 'nobody counts before one is in');
  tell({ type: 'call', state: 'Connected' });
  tell({ type: 'participants', added: [person('8:acs:r_bo'), person('8:acs:r_cy')], updated: [], removed: [] });
  tell({ type: 'participants', added: [person('8:acs:r_di')], updated: [], removed: ['8:acs:r_ada'] });
  tell({ type: 'participants', added: [], updated: [person('8:acs:r_di', { muted: true })], removed: ['8:acs:r_bo'] });
  tell(ended(call));
  assert.deepEqual(told, [2, 4, 3, 0]);
});
