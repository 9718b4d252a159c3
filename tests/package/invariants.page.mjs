/**
 * The invariants of `acs-api` 2.1 as functions over the live SDK: they run in a page that is in a real
 * meeting (tests/e2e) and in Node over a scripted core (invariants.test.mjs). This file imports nothing.
 *
 * Use in a page:
 *   const recorder = watch(sdk, agent);                  // before join()
 *   const call = recorder.follow(agent.join(...));       // at once after join()
 *   …                                                    // connected, ideally with a remote video
 *   const results = await checkWhileConnected(sdk, { client, agent, call, recorder, ... });
 *   await call.hangUp(); …                               // until callsUpdated.removed
 *   const after = await checkAfterEnd(sdk, { client, agent, call, recorder, ... });
 * Both give [{ name, ok, error? }]. Context: client, agent, call and recorder are needed; deviceManager,
 * localVideoStream, renderer, view, common (the two functions of @azure/communication-common) are
 * checked where given.
 */

const capabilityNames = [
  'turnVideoOn', 'unmuteMic', 'shareScreen', 'removeParticipant', 'hangUpForEveryOne', 'addCommunicationUser',
  'addTeamsUser', 'addPhoneNumber', 'manageLobby', 'spotlightParticipant', 'removeParticipantsSpotlight',
  'blurBackground', 'startLiveMeetingCaptions', 'startLiveCallingCaptions', 'setCaptionLanguage', 'raiseHand',
  'pstnDialOut', 'muteOthers', 'useReactions', 'viewAttendeeNames', 'startTogetherMode', 'joinBreakoutRooms',
  'forbidOthersAudio', 'forbidOthersVideo', 'realTimeText',
];

const callFeatures = [
  'BreakoutRooms', 'CallSurvey', 'Capabilities', 'Captions', 'DataChannel', 'DominantSpeakers', 'MediaAccess',
  'MediaStats', 'OptimalVideoCount', 'PPTLive', 'RaiseHand', 'Reaction', 'RealTimeText', 'Recording', 'Spotlight',
  'TeamsMeetingAudioConferencing', 'TogetherMode', 'Transcription', 'Transfer', 'UserFacingDiagnostics',
];

const callEvents = [
  'stateChanged', 'idChanged', 'isMutedChanged', 'isIncomingAudioMutedChanged', 'isScreenSharingOnChanged',
  'isLocalVideoStartedChanged', 'roleChanged', 'mutedByOthers', 'callerInfoChanged', 'transferorInfoChanged',
  'remoteParticipantsUpdated', 'localVideoStreamsUpdated', 'localAudioStreamsUpdated', 'remoteAudioStreamsUpdated',
];

function must(condition, message) {
  if (!condition) throw new Error(message);
}

/** Records what an agent tells, with what could be read at that moment. */
export function watch(sdk, agent) {
  const log = [];
  const seen = (call) => ({ call, state: call.state, threadId: call.info.threadId, end: call.callEndReason });
  agent.on('callsUpdated', ({ added, removed }) => {
    for (const call of added) log.push({ event: 'added', listed: agent.calls.includes(call), ...seen(call) });
    for (const call of removed) log.push({ event: 'removed', listed: agent.calls.includes(call), ...seen(call) });
  });
  return {
    log,
    follow(call) {
      const capabilities = call.feature(sdk.Features.Capabilities);
      log.push({ event: 'joined', capabilities: capabilities.capabilities, id: call.id, ...seen(call) });
      for (const event of callEvents) call.on(event, (args) => log.push({ event, args, muted: call.isMuted, ...seen(call) }));
      capabilities.on('capabilitiesChanged', (info) => {
        log.push({ event: 'capabilitiesChanged', info, now: capabilities.capabilities, ...seen(call) });
      });
      return call;
    },
  };
}

/** 1. Constructors, `feature` and `getEnvironmentInfo` need no waiting. */
export async function constructsSynchronously(sdk) {
  const client = new sdk.CallClient({ diagnostics: { tags: ['test'] } });
  const info = client.feature(sdk.Features.DebugInfo).getEnvironmentInfo();
  must(typeof info.then === 'function', 'getEnvironmentInfo() gives no promise');
  const { environment } = await info;
  must(typeof environment.browser === 'string' && typeof environment.platform === 'string', 'no environment');
  const stream = new sdk.LocalVideoStream(Object.freeze({ id: 'some', name: 'camera', deviceType: 'UsbCamera' }));
  must(stream.source.id === 'some' && stream.mediaStreamType === 'Video', 'LocalVideoStream does not keep its source');
  new sdk.VideoStreamRenderer(stream).dispose();
  await client.dispose();
}

/** 2. The same object every time. */
export async function keepsIdentity(sdk, { client, agent, call, deviceManager, recorder }) {
  const own = recorder.log.filter((entry) => entry.id === call.id || entry.call.id === call.id);
  must(own.every((entry) => entry.call === call), 'an event named another object than join() returned');
  if (call.state !== 'Disconnected') must(agent.calls.includes(call), 'agent.calls holds another object');
  must(call.info === call.info && call.lobby === call.lobby, 'info or lobby is a new object each time');
  for (const name of callFeatures) must(call.feature(sdk.Features[name]) === call.feature(sdk.Features[name]), `${name} is a new object each time`);
  must(client.feature(sdk.Features.DebugInfo) === client.feature(sdk.Features.DebugInfo), 'DebugInfo is new each time');
  if (deviceManager) must((await client.getDeviceManager()) === deviceManager, 'getDeviceManager() gives another object');
  const before = [...call.remoteParticipants];
  for (const [at, person] of before.entries()) {
    must(call.remoteParticipants[at] === person, 'a participant is a new object each time');
    for (const [n, stream] of [...person.videoStreams].entries()) must(person.videoStreams[n] === stream, 'a stream is a new object each time');
  }
}

/** 3. Methods run with a Proxy as `this`. */
export async function worksThroughProxies(sdk, { client, agent, call, deviceManager, view }) {
  const proxied = (target) => new Proxy(target, { get: (it, key) => Reflect.get(it, key) });
  const nothing = () => {};
  const proxies = [agent, call, deviceManager, call.feature(sdk.Features.Captions), call.feature(sdk.Features.Transfer), call.feature(sdk.Features.Spotlight)];
  for (const proxy of proxies.filter(Boolean).map(proxied)) {
    proxy.on('stateChanged', nothing);
    proxy.off('stateChanged', nothing);
  }
  const viaProxy = proxied(call);
  must(viaProxy.feature(sdk.Features.Recording) === call.feature(sdk.Features.Recording), 'feature() through a Proxy is another');
  must(viaProxy.id === call.id && viaProxy.state === call.state && viaProxy.info === call.info, 'getters through a Proxy differ');
  must(proxied(client).feature(sdk.Features.DebugInfo) === client.feature(sdk.Features.DebugInfo), 'DebugInfo through a Proxy is another');
  if (deviceManager) {
    must((await proxied(client).getDeviceManager()) === deviceManager, 'getDeviceManager() through a Proxy is another');
    must(Array.isArray(await proxied(deviceManager).getCameras()), 'getCameras() through a Proxy fails');
  }
  if (call.state === 'Connected') {
    const muted = call.isMuted;
    await viaProxy.mute();
    if (!muted) await viaProxy.unmute();
  }
  if (view) await proxied(view).updateScalingMode(view.scalingMode);
}

/** 4. The UI library defines its own members on our objects. */
export function staysExtensible(sdk, context) {
  const wanted = [
    [context.client, ['getState', 'onStateChange', 'offStateChange', 'createView', 'disposeView']],
    [context.deviceManager, ['unsubscribe', 'selectCamera', 'getUnparentedVideoStreams']],
    [context.call, ['unsubscribe']],
  ];
  for (const [object, names] of wanted) {
    if (!object) continue;
    must(Object.isExtensible(object), 'an object is not extensible');
    for (const name of names) {
      must(!(name in object), `${name} is already there`);
      Object.defineProperty(object, name, { configurable: true, value: 1 });
      delete object[name];
    }
  }
  must(!('incomingCalls' in context.agent), 'CallAgent has incomingCalls');
}

/** 5. Whatever was handed out may be frozen; `info` is a class instance with live getters. */
export function survivesFreezing(sdk, { call }) {
  const info = Object.getPrototypeOf(call.info);
  must(info !== Object.prototype && 'get' in (findDescriptor(call.info, 'threadId') ?? {}), 'call.info is no instance with getters');
  const capabilities = call.feature(sdk.Features.Capabilities);
  const diagnostics = call.feature(sdk.Features.UserFacingDiagnostics);
  const copies = [
    () => capabilities.capabilities,
    () => diagnostics.network.getLatest(),
    () => diagnostics.media.getLatest(),
    () => call.feature(sdk.Features.Spotlight).getSpotlightedParticipants(),
    () => call.feature(sdk.Features.RaiseHand).getRaisedHands(),
    () => call.feature(sdk.Features.DominantSpeakers).dominantSpeakers,
    () => call.feature(sdk.Features.MediaAccess).getAllOthersMediaAccess(),
  ];
  for (const copy of copies) must(copy() !== copy(), `${copy} gives the same object twice`);
  const plain = [call.callEndReason, call.callerInfo, call.remoteParticipants, call.localVideoStreams, call.lobby.participants];
  for (const person of call.remoteParticipants) plain.push(person.identifier, person.endpointDetails, person.videoStreams);
  for (const value of [...copies.map((copy) => copy()), ...plain]) freeze(value);
}

/** 6. `off` with a stranger, `on` and `feature` at any time; one listener's failure is its own. */
export function toleratesListeners(sdk, { agent, call, deviceManager }) {
  const sources = [agent, call, call.lobby, deviceManager, ...call.remoteParticipants];
  for (const name of callFeatures) sources.push(call.feature(sdk.Features[name]));
  for (const source of sources.filter((it) => it && 'off' in it)) {
    source.off('stateChanged', () => {});
    source.off('noSuchEvent', function stranger() {}.bind(source));
    const listener = () => {};
    source.on('noSuchEvent', listener);
    source.off('noSuchEvent', listener);
    source.off('noSuchEvent', listener);
  }
}

/** 7. Property before event, `added` before everything, the thread before `Connected`. */
export function keepsOrder(sdk, { call, recorder }) {
  const log = recorder.log.filter((entry) => entry.call === call);
  const joined = log.find((entry) => entry.event === 'joined');
  must(typeof joined.id === 'string' && joined.id !== '' && joined.id === call.id, 'the id was not there at once, or changed');
  const events = log.filter((entry) => entry.event !== 'joined');
  must(events[0]?.event === 'added' && events[0].listed, 'callsUpdated.added was not the first event of the call');
  must(log.filter((entry) => entry.event === 'added').length === 1, 'added more than once');
  const connected = log.find((entry) => entry.event === 'stateChanged' && entry.state === 'Connected');
  if (connected) must(Boolean(connected.threadId), 'info.threadId was not known before Connected');
  const states = log.filter((entry) => entry.event === 'stateChanged').map((entry) => entry.state);
  must(states.every((state, at) => state !== states[at - 1]), 'stateChanged without a change');
}

/** 7, at the end: `callEndReason` comes before `callsUpdated.removed`. */
export function endsInOrder(sdk, { agent, call, recorder }) {
  const log = recorder.log.filter((entry) => entry.call === call);
  const ended = log.findIndex((entry) => entry.event === 'stateChanged' && entry.state === 'Disconnected');
  const removed = log.filter((entry) => entry.event === 'removed');
  must(ended >= 0 && typeof log[ended].end?.code === 'number', 'Disconnected without a callEndReason');
  must(removed.length === 1 && log.indexOf(removed[0]) > ended, 'removed not exactly once after Disconnected');
  must(typeof removed[0].end?.subCode === 'number' && !removed[0].listed, 'removed without reason, or still listed');
  must(!agent.calls.includes(call), 'agent.calls still holds the call');
  must(call.localVideoStreams.length === 0, 'the ended call still holds a camera');
}

/** 8. All 25 from `join()` on, told once when connected. */
export function capabilitiesAreComplete(sdk, { call, recorder }) {
  const log = recorder.log.filter((entry) => entry.call === call);
  const atJoin = log.find((entry) => entry.event === 'joined').capabilities;
  must(Object.keys(atJoin).sort().join() === [...capabilityNames].sort().join(), 'not exactly the 25 capabilities');
  for (const name of capabilityNames) {
    must(atJoin[name].isPresent === false && atJoin[name].reason === 'NotInitialized', `${name} was told before the call was connected`);
  }
  const changes = log.filter((entry) => entry.event === 'capabilitiesChanged');
  const connected = log.filter((entry) => entry.event === 'stateChanged' && entry.state === 'Connected');
  if (connected.length === 0) return;
  must(changes.length >= 1, 'capabilitiesChanged did not come with Connected');
  const [{ info, now }] = changes;
  must(info.oldValue && info.newValue && typeof info.reason === 'string', 'capabilitiesChanged lacks a field');
  must(capabilityNames.every((name) => now[name].reason !== 'NotInitialized'), 'something is still NotInitialized');
  must(Object.keys(info.newValue).length === capabilityNames.length, 'the first change does not tell all of them');
  must(now.turnVideoOn.isPresent && now.unmuteMic.isPresent, 'nobody may speak or show their camera');
}

/** 9. Numbers that rise. */
export function streamIdsRise(sdk, { call }) {
  for (const person of call.remoteParticipants) {
    const ids = person.videoStreams.map((stream) => stream.id);
    must(ids.every((id) => Number.isInteger(id)), 'a stream id is no integer');
    must(ids.every((id, at) => at === 0 || id > ids[at - 1]), 'stream ids do not rise');
    for (const stream of person.videoStreams) {
      must(['Video', 'ScreenSharing'].includes(stream.mediaStreamType), 'a stream is neither camera nor screen');
      must(typeof stream.isAvailable === 'boolean' && typeof stream.isReceiving === 'boolean', 'a stream lacks its flags');
      must(Number.isInteger(stream.size.width) && Number.isInteger(stream.size.height), 'a stream lacks its size');
    }
  }
}

/** 10 and 11. One participant per identity, whose raw id is what the other package makes of it. */
export function identifiersRoundTrip(sdk, { call, common }) {
  const people = [...call.remoteParticipants, ...call.lobby.participants];
  const ids = people.map(({ identifier }) => {
    must(typeof identifier.kind === 'string', 'an identifier has no kind');
    if (!common) return JSON.stringify(identifier);
    const raw = common.getIdentifierRawId(identifier);
    must(/^(8:(acs|orgid|dod|gcch|teamsvisitor|spool):|28:|4:)/.test(raw), `${raw} is not a raw id`);
    must(JSON.stringify(sorted(common.createIdentifierFromRawId(raw))) === JSON.stringify(sorted(identifier)), `${raw} does not come back`);
    return raw;
  });
  must(new Set(ids).size === ids.length, 'an identity is there twice');
}

/** 12. Everything is awaited somewhere. */
export function nothingIsThenable(sdk, context) {
  const { agent, call, client, deviceManager, localVideoStream, renderer, view } = context;
  const objects = { agent, call, client, deviceManager, localVideoStream, renderer, view, info: call.info, lobby: call.lobby };
  for (const name of callFeatures) objects[name] = call.feature(sdk.Features[name]);
  for (const [at, person] of call.remoteParticipants.entries()) objects[`participant ${at}`] = person;
  for (const [name, object] of Object.entries(objects)) must(!object || !('then' in object), `${name} has then`);
}

/** 13. Real errors with numbers. */
export async function errorsAreReal(sdk, { agent, call, client }) {
  const bad = {
    resume: () => call.resume(),
    sendDtmf: () => call.sendDtmf('Num1'),
    addParticipant: () => call.addParticipant({ communicationUserId: '8:acs:a_b' }),
    startCall: () => agent.startCall([{ communicationUserId: '8:acs:a_b' }]),
    join: () => agent.join({ groupId: '00000000-0000-0000-0000-000000000000' }),
    createCallAgent: () => client.createCallAgent(undefined),
  };
  for (const [name, run] of Object.entries(bad)) {
    let error;
    try {
      await run();
    } catch (caught) {
      error = caught;
    }
    must(error instanceof Error && error.message !== '', `${name} gave no Error`);
    must(Number.isInteger(error.code) && Number.isInteger(error.subCode), `${name}: no numeric code and subCode`);
  }
}

/** 2.3: every feature is there from `join()` on, with the members that the UI library touches. */
export function featuresAreComplete(sdk, { call }) {
  const feature = (name) => call.feature(sdk.Features[name]);
  for (const name of callFeatures) must(feature(name).name === name, `${name} has another name`);
  must(feature('Captions').captions.kind === 'Captions' && 'on' in feature('Captions').captions, 'Captions');
  must(Array.isArray(feature('Captions').captions.supportedSpokenLanguages), 'Captions.supportedSpokenLanguages');
  must(Number.isInteger(feature('OptimalVideoCount').optimalVideoCount), 'OptimalVideoCount');
  must(Array.isArray(feature('DominantSpeakers').dominantSpeakers.speakersList), 'DominantSpeakers');
  for (const area of ['network', 'media']) {
    must(typeof feature('UserFacingDiagnostics')[area].getLatest() === 'object' && 'on' in feature('UserFacingDiagnostics')[area], area);
  }
  must(feature('Recording').isRecordingActive === false && feature('Transcription').isTranscriptionActive === false, 'Recording');
  must(Array.isArray(feature('MediaAccess').getAllOthersMediaAccess()), 'MediaAccess');
  must(typeof feature('MediaAccess').getMeetingMediaAccess().isAudioPermitted === 'boolean', 'MediaAccess');
  must(feature('PPTLive').isActive === false, 'PPTLive');
  const effects = new sdk.LocalVideoStream({ id: 'x', name: 'x', deviceType: 'UsbCamera' }).feature(sdk.Features.VideoEffects);
  must(Array.isArray(effects.activeEffects) && 'on' in effects, 'VideoEffects');
  for (const [name, value] of Object.entries(memberList(call))) must(value !== undefined, `${name} is undefined`);
}

/** Members that may never be undefined on a call. */
function memberList(call) {
  const names = [
    'kind', 'id', 'state', 'direction', 'callerInfo', 'isMuted', 'isIncomingAudioMuted', 'isScreenSharingOn', 'isLocalVideoStarted',
    'localVideoStreams', 'localAudioStreams', 'remoteAudioStreams', 'remoteParticipants', 'role', 'lobby', 'info', 'feature', 'hangUp',
    'mute', 'unmute', 'muteAllRemoteParticipants', 'muteIncomingAudio', 'unmuteIncomingAudio', 'sendDtmf', 'startVideo',
    'stopVideo', 'hold', 'resume', 'startScreenSharing', 'stopScreenSharing', 'startAudio', 'stopAudio', 'setConstraints',
    'dispose', 'addParticipant', 'removeParticipant', 'on', 'off',
  ];
  return Object.fromEntries(names.map((name) => [name, call[name]]));
}

/** The value exports of `acs-api` section 6, and ours. */
export function exportsAreComplete(sdk) {
  for (const name of ['CallClient', 'LocalVideoStream', 'LocalAudioStream', 'VideoStreamRenderer', 'WbLocalVideoStream', 'configure']) {
    must(typeof sdk[name] === 'function', `${name} is not exported`);
  }
  const values = {
    CallAgentKind: { CallAgent: 'CallAgent', TeamsCallAgent: 'TeamsCallAgent' },
    CallKind: { Call: 'Call', TeamsCall: 'TeamsCall' },
    IncomingCallKind: { IncomingCall: 'IncomingCall', TeamsIncomingCall: 'TeamsIncomingCall' },
    DiagnosticQuality: { Good: 1, Poor: 2, Bad: 3 },
    RecordingState: { None: 0, Started: 1, Paused: 2, Ended: 3 },
    DevicePermissionAccess: { granted: 'granted', denied: 'denied', prompt: 'prompt' },
    disconnectCategoryMap: { userInitiated: 'Expected', fatalError: 'Unexpected' },
  };
  for (const [name, members] of Object.entries(values)) {
    for (const [key, value] of Object.entries(members)) must(sdk[name]?.[key] === value, `${name}.${key} is not ${value}`);
  }
  for (const name of [...callFeatures, 'DebugInfo', 'VideoEffects', 'AudioEffects']) must(sdk.Features[name], `Features.${name} is missing`);
}

const whileConnected = {
  exportsAreComplete, featuresAreComplete, constructsSynchronously, keepsIdentity, worksThroughProxies, staysExtensible,
  survivesFreezing, toleratesListeners, keepsOrder, capabilitiesAreComplete, streamIdsRise, identifiersRoundTrip,
  nothingIsThenable, errorsAreReal,
};
const afterEnd = {
  endsInOrder, featuresAreComplete, keepsIdentity, worksThroughProxies, survivesFreezing, toleratesListeners, keepsOrder,
  capabilitiesAreComplete, nothingIsThenable,
};

/** Runs everything that holds in a connected call. */
export function checkWhileConnected(sdk, context) {
  return runAll(whileConnected, sdk, context);
}

/** Runs everything that holds when the call has ended. */
export function checkAfterEnd(sdk, context) {
  return runAll(afterEnd, sdk, context);
}

async function runAll(checks, sdk, context) {
  const results = [];
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check(sdk, context);
      results.push({ name, ok: true });
    } catch (error) {
      results.push({ name, ok: false, error: String(error?.stack ?? error) });
    }
  }
  return results;
}

/** As immer does it: plain objects, arrays and maps, never class instances. */
function freeze(value) {
  if (value === null || typeof value !== 'object' || Object.isFrozen(value)) return;
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) freeze(inner);
}

function sorted(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function findDescriptor(object, key) {
  for (let at = object; at; at = Object.getPrototypeOf(at)) {
    const found = Object.getOwnPropertyDescriptor(at, key);
    if (found) return found;
  }
  return undefined;
}
