/** Remote views need no page of ours; local ones are in tests/e2e. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { facade, joined, person, settle, stream } from './harness/facade.mjs';

const built = await facade('renderer');
const { sdk, scripted } = built;
afterEach(() => { for (const name of Object.keys(scripted.script)) delete scripted.script[name]; });

async function remote() {
  const { core, call } = await joined(built);
  await settle();
  core.tell({ type: 'participants', call: call.id, added: [person('8:acs:r_a')], updated: [], removed: [] });
  core.tell({ type: 'streams', call: call.id, participant: '8:acs:r_a', added: [stream(7)], updated: [], removed: [] });
  core.views = [];
  return { core, call, video: call.remoteParticipants[0].videoStreams[0] };
}

test('a view has what it was asked for, and passes its scaling on', async () => {
  const { core, call, video } = await remote();
  const view = await new sdk.VideoStreamRenderer(video).createView({ scalingMode: 'Fit', isMirrored: true });
  assert.deepEqual(core.named('openRemoteView').at(-1), ['openRemoteView', call.id, 7, 'Fit', true]);
  assert.deepEqual([view.scalingMode, view.isMirrored, view.target], ['Fit', true, core.views[0]]);
  await view.updateScalingMode('Stretch');
  assert.deepEqual([view.scalingMode, core.views[0].scaling], ['Stretch', 'Stretch']);
  const plain = await new sdk.VideoStreamRenderer(video).createView();
  assert.deepEqual([plain.scalingMode, plain.isMirrored], ['Crop', false]);
});

test('disposing a renderer disposes its views, each once', async () => {
  const { core, video } = await remote();
  const renderer = new sdk.VideoStreamRenderer(video);
  const [first] = [await renderer.createView(), await renderer.createView({})];
  first.dispose();
  renderer.dispose();
  renderer.dispose();
  assert.deepEqual(core.views.map(({ closed }) => closed), [1, 1]);
  await first.updateScalingMode('Fit');
  assert.equal(first.scalingMode, 'Crop');
  await assert.rejects(renderer.createView(), { code: 409, subCode: 59201 });
});

test('a renderer that is disposed while its view opens leaves none', async () => {
  const { core, video } = await remote();
  const renderer = new sdk.VideoStreamRenderer(video);
  const opening = renderer.createView();
  renderer.dispose();
  await assert.rejects(opening, { code: 409, subCode: 59201 });
  assert.ok(core.views.every(({ closed }) => closed === 1));
});

test('a view that the core refuses is rejected with its numbers', async () => {
  const { video } = await remote();
  scripted.script.openRemoteView = () => { throw Object.assign(new Error('gone'), { code: 404, subCode: 59150 }); };
  await assert.rejects(new sdk.VideoStreamRenderer(video).createView(), { name: 'CommunicationServicesError', code: 404, subCode: 59150 });
});

test('a stream tells its changes after it has them', async () => {
  const { core, call, video } = await remote();
  const heard = [];
  for (const event of ['isAvailableChanged', 'isReceivingChanged', 'sizeChanged']) {
    video.on(event, () => heard.push([event, video.isAvailable, video.isReceiving, video.size]));
  }
  core.tell({ type: 'streams', call: call.id, participant: '8:acs:r_a', added: [], updated: [stream(7, { receiving: true, width: 640, height: 360 })], removed: [] });
  core.tell({ type: 'streams', call: call.id, participant: '8:acs:r_a', added: [], updated: [], removed: [7] });
  const size = { width: 640, height: 360 };
  assert.deepEqual(heard, [
    ['isReceivingChanged', true, true, size], ['sizeChanged', true, true, size],
    ['isAvailableChanged', false, false, size], ['isReceivingChanged', false, false, size],
  ]);
  await assert.rejects(video.getMediaStream(), { code: 412, subCode: 59203 });
});

test('a stream that is not received yet is waited for: asking for it makes it come', async () => {
  const { core, call, video } = await remote();
  let track;
  scripted.script.remoteTrack = () => track;
  globalThis.MediaStream = class { constructor(tracks) { this.tracks = tracks; } };
  const asked = video.getMediaStream();
  await settle();
  assert.deepEqual(core.named('remoteTrack').at(-1), ['remoteTrack', call.id, 7]);
  track = { id: 't' };
  core.tell({ type: 'streams', call: call.id, participant: '8:acs:r_a', added: [], updated: [stream(7, { receiving: true })], removed: [] });
  assert.deepEqual((await asked).tracks, [track]);
  delete globalThis.MediaStream;
});

/** A browser's observers, for the time of `run`: what each was told to look at, and `told` to report. */
async function withObservers(run) {
  const observers = {};
  const observer = (name) => class {
    constructor(told) { observers[name] = { told, seen: new Set() }; }
    observe(element) { observers[name].seen.add(element); }
    unobserve(element) { observers[name].seen.delete(element); }
  };
  const listeners = new Set();
  Object.assign(globalThis, {
    ResizeObserver: observer('size'), IntersectionObserver: observer('sight'), window: { devicePixelRatio: 2 },
    document: {
      visibilityState: 'visible', pictureInPictureElement: null,
      addEventListener: (_, listener) => listeners.add(listener), removeEventListener: (_, listener) => listeners.delete(listener),
    },
  });
  try {
    await run(observers, listeners);
  } finally {
    for (const name of ['ResizeObserver', 'IntersectionObserver', 'window', 'document']) delete globalThis[name];
  }
}

test('a view tells how large it is rendered and whether it is in sight, until it is disposed', () => withObservers(async (observers, listeners) => {
  const { core, video } = await remote();
  scripted.script.openRemoteView = () => {};
  const view = await new sdk.VideoStreamRenderer(video).createView();
  const { target } = view;
  target.contains = (element) => element === target;
  const rendered = () => core.views.at(-1).rendered;
  observers.size.told([{ target, contentRect: { width: 160, height: 90 } }]);
  assert.deepEqual(rendered(), [0, 0], 'not in sight');
  observers.sight.told([{ target, isIntersecting: true }]);
  assert.deepEqual(rendered(), [320, 180], 'in device pixels');
  document.visibilityState = 'hidden';
  listeners.forEach((listener) => listener());
  assert.deepEqual(rendered(), [0, 0], 'behind another tab');
  document.pictureInPictureElement = target;
  listeners.forEach((listener) => listener());
  assert.deepEqual(rendered(), [320, 180], 'floating above it');
  view.dispose();
  assert.deepEqual([observers.size.seen.size, observers.sight.seen.size, listeners.size], [0, 0, 0]);
}));

test('a view that outlives its client asks nothing of a core that is gone', () => withObservers(async (observers) => {
  const own = await facade('renderer-outlived');
  const { client, core, call } = await joined(own);
  await settle();
  core.tell({ type: 'participants', call: call.id, added: [person('8:acs:r_a')], updated: [], removed: [] });
  core.tell({ type: 'streams', call: call.id, participant: '8:acs:r_a', added: [stream(7)], updated: [], removed: [] });
  const { target } = await new own.sdk.VideoStreamRenderer(call.remoteParticipants[0].videoStreams[0]).createView();
  target.contains = () => false;
  await client.dispose();
  core.setRendered = () => { throw new Error('the core is gone'); };
  observers.size.told([{ target, contentRect: { width: 160, height: 90 } }]);
}));
