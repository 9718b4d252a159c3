/** What everybody is told of a call: recordings (C3), hands and reactions (C5), and being muted by others. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { facade, joined, person, settle } from './harness/facade.mjs';

const built = await facade('state');
const { sdk, scripted } = built;
const { Recording, Transcription, RaiseHand, Reaction } = sdk.Features;
const { Started, Paused, Ended } = sdk.RecordingState;

afterEach(() => { for (const name of Object.keys(scripted.script)) delete scripted.script[name]; });

const [OLIVIA, MARCO] = ['8:orgid:olivia', '8:orgid:marco'];
const recording = (id, more = {}) => ({ id, kind: 'recording', paused: false, ...more });

/** A connected call, and what the service tells of it. */
async function inMeeting() {
  const scene = await joined(built);
  await settle();
  const { core, call } = scene;
  core.tell({ type: 'call', call: call.id, state: 'Connected', muted: false });
  core.asked.length = 0;
  const tell = (type, more, of = call.id) => core.tell({ type: 'event', agent: 1, event: { [type]: { call: of, ...more } } });
  return { ...scene, tell, state: (recordings, hands = [], of = call.id) => tell('state', { state: { recordings, hands } }, of) };
}

test('c3_a_recording_is_told_property_first_and_is_one_object_until_it_has_ended', async () => {
  const { call, state } = await inMeeting();
  const feature = call.feature(Recording);
  const heard = [];
  feature.on('isRecordingActiveChanged', () => heard.push(`active ${feature.isRecordingActive}`));
  feature.on('recordingsUpdated', ({ added, removed }) => {
    heard.push(`+${added.length} -${removed.length} of ${feature.recordings.length}`);
    added.forEach((one) => one.on('recordingStateChanged', () => heard.push(`state ${one.state}`)));
  });
  assert.deepEqual([feature.isRecordingActive, feature.recordings, feature.isTeamsConsentRequired], [false, [], false]);
  state([recording('r')]);
  const [one] = feature.recordings;
  assert.equal(one.state, Started);
  state([recording('r', { paused: true })]);
  assert.equal(feature.recordings[0], one);
  state([recording('r'), recording('t', { kind: 'transcription' })]);
  state([]);
  assert.deepEqual(heard, [
    '+1 -0 of 1', 'active true', `state ${Paused}`, 'active false', `state ${Started}`, 'active true',
    `state ${Ended}`, '+0 -1 of 0', 'active false',
  ]);
});

test('c3_transcription_is_told_apart_and_a_late_comer_finds_what_goes_on', async () => {
  const { call, state } = await inMeeting();
  const heard = [];
  const transcription = call.feature(Transcription);
  transcription.on('isTranscriptionActiveChanged', () => heard.push(transcription.isTranscriptionActive));
  state([recording('t', { kind: 'transcription' })]);
  // Asked for only now.
  assert.equal(call.feature(Recording).isRecordingActive, false);
  state([recording('r'), recording('t', { kind: 'transcription' })]);
  assert.deepEqual([call.feature(Recording).recordings.length, transcription.isTeamsConsentRequired], [1, false]);
  state([]);
  assert.deepEqual(heard, [true, false]);
});

test('c3_the_call_in_a_breakout_room_knows_of_the_recording_before_it_is_in_the_list', async () => {
  const { agent, core, call, state } = await inMeeting();
  state([recording('r')], [OLIVIA]);
  let known;
  agent.on('callsUpdated', ({ added: [next] }) => { known = next && [next.feature(Recording).isRecordingActive, next.feature(RaiseHand).getRaisedHands()]; });
  core.tell({ type: 'moved', call: call.id, to: 'next', room: '1' });
  assert.deepEqual(known, [true, []], 'hands stay in their room (E15)');
  state([], [], 'next');
  assert.equal(agent.calls.at(-1).feature(Recording).isRecordingActive, false);
});

test('c5_hands_have_their_order_and_are_told_one_by_one', async () => {
  const { core, call, state } = await inMeeting();
  const feature = call.feature(RaiseHand);
  const heard = [];
  feature.on('raisedHandEvent', ({ identifier }) => heard.push(['up', identifier.microsoftTeamsUserId]));
  feature.on('loweredHandEvent', ({ identifier }) => heard.push(['down', identifier.microsoftTeamsUserId]));
  state([], [OLIVIA, MARCO]);
  assert.deepEqual(feature.getRaisedHands().map(({ identifier, order }) => [identifier.microsoftTeamsUserId, order]), [['olivia', 1], ['marco', 2]]);
  state([], [MARCO]);
  assert.equal(feature.getRaisedHands()[0].order, 1);
  assert.deepEqual(heard, [['up', 'olivia'], ['up', 'marco'], ['down', 'olivia']]);
  await feature.raiseHand();
  await feature.lowerHand();
  await feature.lowerHands([{ microsoftTeamsUserId: 'marco' }]);
  await feature.lowerAllHands();
  assert.deepEqual(core.asked, [['raiseHand', call.id], ['lowerHand', call.id], ['lowerHand', call.id, MARCO], ['lowerAllHands', call.id]]);
});

test('c5_a_reaction_names_its_sender_as_a_text (acs-api 2.3) and only reactions are sent', async () => {
  const { core, call, tell } = await inMeeting();
  const feature = call.feature(Reaction);
  const heard = [];
  feature.on('reaction', (event) => heard.push(event));
  tell('reaction', { from: OLIVIA, reaction: 'heart' });
  tell('reaction', { from: OLIVIA, reaction: 'of a later version' });
  tell('of a later version', {});
  assert.deepEqual(heard, [{ identifier: OLIVIA, reactionMessage: { reactionType: 'heart' } }]);
  await feature.sendReaction({ reactionType: 'applause' });
  for (const reactionType of ['muteAll', undefined]) await assert.rejects(feature.sendReaction({ reactionType }), { code: 400 });
  assert.deepEqual(core.asked, [['applause', call.id]]);
});

test('s1_who_is_muted_by_others_is_muted_before_it_is_told_and_unmutes_themselves', async () => {
  const { core, call, tell } = await inMeeting();
  const heard = [];
  for (const event of ['isMutedChanged', 'mutedByOthers']) call.on(event, () => heard.push([event, call.isMuted]));
  tell('muted', { by: OLIVIA });
  assert.deepEqual(core.asked, [['mute', call.id]], 'the microphone follows');
  await settle();
  assert.deepEqual(heard, [['isMutedChanged', true], ['mutedByOthers', true]]);
  tell('muted', { by: OLIVIA });
  await call.unmute();
  await call.mute();
  assert.deepEqual(heard.slice(2), [['isMutedChanged', false], ['isMutedChanged', true]], 'by themselves');
});

test('s1_muting_others_is_asked_of_the_service', async () => {
  const { core, call } = await inMeeting();
  core.tell({ type: 'participants', call: call.id, added: [person(MARCO)], updated: [], removed: [] });
  await call.remoteParticipants[0].mute();
  await call.muteAllRemoteParticipants();
  assert.deepEqual(core.asked, [['muteParticipant', call.id, MARCO], ['muteAll', call.id]]);
  scripted.script.muteAll = () => { throw Object.assign(new Error('no'), { code: 403, subCode: 59120 }); };
  await assert.rejects(call.muteAllRemoteParticipants(), { code: 403, subCode: 59120 });
});

test('what_is_told_of_a_room_before_its_missed_move_is_caught_up_is_there_with_the_move', async () => {
  const { core, call, agent, state } = await inMeeting();
  state([recording('r'), recording('s')], [MARCO], 'room-call');
  core.tell({ type: 'moved', call: call.id, to: 'room-call', room: 'room', threadId: '19:room' });
  const room = agent.calls.find(({ id }) => id === 'room-call');
  assert.equal(room.feature(Recording).recordings.length, 2);
  assert.equal(room.feature(RaiseHand).getRaisedHands().length, 1);
});
