/**
 * `docs/compatibility.json` against the package: every member and event is in it once and exists, what it
 * calls unsupported refuses with 501/59200, and what it calls supported does not. `docs/compatibility.md` is
 * written from it: UPDATE_COMPATIBILITY=1 node --test tests/package/compatibility.test.mjs
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { facade, joined, root } from './harness/facade.mjs';
import { page } from './harness/compatibility-page.mjs';

const table = JSON.parse(readFileSync(join(root, 'docs/compatibility.json'), 'utf8'));
const source = readdirSync(join(root, 'pkg-template/src'), { recursive: true })
  .filter((name) => name.endsWith('.ts') && !name.includes('generated'))
  .map((name) => readFileSync(join(root, 'pkg-template/src', name), 'utf8')).join('\n');
const kinds = ['yes', 'partly', 'no', 'inactive', 'accepted', 'ours'];
/** What every object, or every feature, has. */
const common = new Set(['constructor', 'on', 'off', 'name', 'dispose']);

/** Rows of an object: `[member, kind, note]`, events apart. */
function rows(entries) {
  const members = [];
  const events = [];
  for (const [names, said] of Object.entries(entries)) {
    const [, kind, note] = /^(\w+)(?:: (.+))?$/.exec(said) ?? [];
    assert.ok(kinds.includes(kind), `${names}: "${said}"`);
    assert.ok(note || kind === 'yes', `${names}: "${kind}" needs a reason`);
    const words = names.split(' ');
    const into = words[0] === 'event' ? (words.shift(), events) : members;
    into.push(...words.map((word) => [word, kind, note]));
  }
  return { members, events };
}

/** Public names of an object or a prototype, up to what all have. */
function namesOf(object) {
  const names = new Set();
  for (let at = object; at && at !== Object.prototype && at.constructor?.name !== 'Emitter'; at = Object.getPrototypeOf(at)) {
    Object.getOwnPropertyNames(at).filter((name) => !name.startsWith('_') && name !== 'constructor').forEach((name) => names.add(name));
  }
  return names;
}

/** A member without running its getter. */
function valueOf(object, member) {
  for (let at = object; at; at = Object.getPrototypeOf(at)) {
    const descriptor = Object.getOwnPropertyDescriptor(at, member);
    if (descriptor) return descriptor.value;
  }
  return undefined;
}

/** Fields that a class declares: those of objects that only a meeting makes. */
const fieldsOf = (Class) => [...String(Class).matchAll(/^ {2}([a-z]\w*)(?: = |;)/gm)].map(([, name]) => name);

/** The events that an interface of the sources names. */
function eventsOf(name) {
  const found = new RegExp(`interface ${name}(?:<[^{]*>)?(?: extends (\\w+)[^{]*)? \\{(?:\\n([\\s\\S]*?)\\n)?\\}`).exec(source);
  assert.ok(found, `there is no interface ${name}`);
  const [, extended, body = ''] = found;
  const own = [...body.matchAll(/^ {2}(?:\/\*\*.*\*\/ )?(\w+): /gm)].map(([, event]) => event);
  return extended ? [...eventsOf(extended), ...own] : own;
}

let live;
before(async () => {
  const it = await facade('compatibility');
  const { sdk, load } = it;
  const { client, agent, call } = await joined(it);
  const member = await joined(it, undefined, undefined, 'createTeamsCallAgent');
  const video = new sdk.LocalVideoStream({ id: 'c', name: '', deviceType: 'UsbCamera' });
  const audio = new sdk.LocalAudioStream({ id: 'm', name: '', deviceType: 'Microphone', isSystemDefault: true });
  const classOf = async (file, name) => (await load(file))[name];
  const shape = (Class) => ({ object: Class.prototype, fields: fieldsOf(Class) });
  const chat = await load('chat.js');
  live = {
    sdk, agent,
    exports: { 'plenary-sdk': sdk, 'plenary-sdk/chat': chat, 'plenary-sdk/effects': await load('effects.js') },
    calling: {
      CallClient: { object: client },
      'CallAgent, TeamsCallAgent': { object: agent, also: member.agent, events: ['CallAgentEvents', 'TeamsCallAgentEvents'] },
      'Call, TeamsCall': { object: call, also: member.call, events: ['CallEvents'] },
      'CallInfo, TeamsCallInfo': { object: call.info },
      Lobby: { object: call.lobby, events: ['LobbyEvents'] },
      RemoteParticipant: { ...shape(await classOf('calling/remote-participant.js', 'RemoteParticipant')), events: ['RemoteParticipantEvents'] },
      'IncomingCall, TeamsIncomingCall': { object: {}, events: ['IncomingCallEvents'] },
      DeviceManager: { object: await client.getDeviceManager(), events: ['DeviceManagerEvents'] },
      LocalVideoStream: { object: video, events: ['LocalVideoStreamEvents'] },
      LocalAudioStream: { object: audio, events: ['LocalAudioStreamEvents'] },
      RemoteVideoStream: { ...shape(await classOf('streams/remote-video-stream.js', 'RemoteVideoStream')), events: ['RemoteVideoStreamEvents'] },
      VideoStreamRenderer: { object: new sdk.VideoStreamRenderer(video) },
      VideoStreamRendererView: shape(await classOf('streams/video-stream-renderer.js', 'VideoStreamRendererView')),
    },
    features: Object.fromEntries(Object.entries(sdk.Features).map(([name, factory]) => {
      const owner = { DebugInfo: client, VideoEffects: video, AudioEffects: audio }[name] ?? call;
      return [name, { object: owner.feature(factory), feature: true }];
    })),
    chat: { ChatClient: shape(chat.ChatClient), ChatThreadClient: shape(chat.ChatThreadClient) },
  };
});

test('the table has every value that is exported, and no other', () => {
  assert.deepEqual(Object.keys(table.exports), Object.keys(live.exports));
  for (const [entry, module] of Object.entries(live.exports)) {
    assert.deepEqual(rows(table.exports[entry]).members.map(([name]) => name).sort(), Object.keys(module).sort(), entry);
  }
});

test('the table has every object, and no other', () => {
  for (const part of ['calling', 'features', 'chat']) {
    assert.deepEqual(Object.keys(table[part]).sort(), Object.keys(live[part]).sort(), part);
  }
});

test('it has every member of each, and no other', () => {
  for (const part of ['calling', 'features', 'chat']) {
    for (const [name, { object, also, fields = [] }] of Object.entries(live[part])) {
      const found = new Set([...namesOf(object), ...(also ? namesOf(also) : []), ...fields]);
      const listed = rows(table[part][name]).members.map(([member]) => member);
      assert.deepEqual(listed.length, new Set(listed).size, `${name}: a member stands twice`);
      const missing = [...found].filter((member) => !listed.includes(member) && !common.has(member));
      assert.deepEqual(missing, [], `${name}: not in the table`);
      assert.deepEqual(listed.filter((member) => !found.has(member) && !common.has(member)), [], `${name}: not in the package`);
    }
  }
});

test('it has every event of each, and what never comes is told nowhere', () => {
  const told = (event) => new RegExp(`'${event}'`).test(source);
  for (const part of ['calling', 'features']) {
    for (const [name, { object, events: interfaces, feature }] of Object.entries(live[part])) {
      const { events } = rows(table[part][name]);
      const ofFeature = feature && new RegExp(`class ${object.constructor.name} extends \\w+<(\\w+)>`).exec(source)?.[1];
      const declared = new Set((ofFeature ? [ofFeature] : interfaces ?? []).flatMap(eventsOf));
      // A feature may name its events in place.
      if (!feature || ofFeature) assert.deepEqual(events.map(([event]) => event).sort(), [...declared].sort(), name);
      for (const [event, kind] of events) {
        // Several objects have events of one name; here only what nobody tells.
        if (kind === 'yes' || kind === 'ours') assert.ok(told(event), `${name}: nobody tells ${event}`);
        else if (feature) assert.doesNotMatch(String(object.constructor), new RegExp(`_emit\\(["']${event}`), `${name} tells ${event}`);
      }
    }
  }
});

test('what is not supported refuses with 501/59200, and nothing else does', async () => {
  for (const part of ['calling', 'features', 'chat']) {
    for (const [name, { object }] of Object.entries(live[part])) {
      for (const [member, kind] of rows(table[part][name]).members) {
        const method = valueOf(object, member);
        if (kind === 'no') {
          const refusal = async () => method.call(object);
          await assert.rejects(refusal, { code: 501, subCode: 59200 }, `${name}.${member} is said to be unsupported`);
        } else if (typeof method === 'function') {
          assert.doesNotMatch(String(method), /\{\s*(throw notSupported|return this\._unsupported)\(/, `${name}.${member} is said to be "${kind}"`);
        }
      }
    }
  }
});

test('no effect is said to be supported', async () => {
  const { BackgroundBlurEffect, BackgroundReplacementEffect, DeepNoiseSuppressionEffect } = live.exports['plenary-sdk/effects'];
  const [video, audio] = [live.features.VideoEffects.object, live.features.AudioEffects.object];
  for (const Effect of [BackgroundBlurEffect, BackgroundReplacementEffect]) assert.equal(await video.isSupported(new Effect({})), false);
  assert.equal(await audio.isSupported(new DeepNoiseSuppressionEffect()), false);
});

test('so are the locators of the table', () => {
  for (const locator of [{ groupId: 'x' }, { roomId: 'x' }]) {
    assert.throws(() => live.agent.join(locator), { code: 501, subCode: 59200 });
  }
  assert.ok(live.agent.join({ meetingId: '1', passcode: 'x' }));
  rows(table.options.join);
});

test('docs/compatibility.md is written from it', () => {
  const file = join(root, 'docs/compatibility.md');
  const wanted = page(table);
  if (process.env.UPDATE_COMPATIBILITY) writeFileSync(file, wanted);
  assert.equal(readFileSync(file, 'utf8'), wanted, 'run it with UPDATE_COMPATIBILITY=1');
});
