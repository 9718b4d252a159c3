// The smallest application on the package: joins what the address bar's hash says and shows who is
// there. Written as for `@azure/communication-calling`, with another import.
import * as sdk from 'plenary-sdk';
import { createIdentifierFromRawId, getIdentifierRawId } from '@azure/communication-common';
import { checkAfterEnd, checkWhileConnected, watch } from './invariants.page.mjs';

const { CallClient, LocalVideoStream, VideoStreamRenderer } = sdk;

const { endpoint, token, expiresOn, displayName, meetingLink } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const main = document.querySelector('main');

const client = new CallClient({ endpoint });
const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.parse(expiresOn) }), dispose() {} };
const agent = await client.createCallAgent(credential, { displayName });
const devices = await client.getDeviceManager();
await devices.askDevicePermission({ audio: true, video: true });
const [camera] = await devices.getCameras();
const localVideoStream = new LocalVideoStream(camera);
const recorder = watch(sdk, agent);
const call = recorder.follow(agent.join({ meetingLink }, { videoOptions: { localVideoStreams: [localVideoStream] } }));
let renderer;
let view;

async function show(participant, stream) {
  const tile = document.createElement('article');
  tile.className = 'tile';
  tile.textContent = participant.displayName;
  main.append(tile);
  renderer = new VideoStreamRenderer(stream);
  view = await renderer.createView({ scalingMode: 'Crop' });
  tile.append(view.target);
}

function follow(participant) {
  participant.videoStreams.forEach((stream) => show(participant, stream));
  participant.on('videoStreamsUpdated', ({ added }) => added.forEach((stream) => show(participant, stream)));
}

call.on('remoteParticipantsUpdated', ({ added }) => added.forEach(follow));
call.remoteParticipants.forEach(follow);
const told = () => {
  main.className = { InLobby: 'waiting', Connected: 'meeting-app', Disconnected: 'ended' }[call.state] ?? 'connecting';
};
call.on('stateChanged', told);
told();

/** The invariants of `acs-api` 2.1, over the package as it is shipped. */
const context = () => ({
  client, agent, call, recorder, deviceManager: devices, localVideoStream, renderer, view,
  common: { createIdentifierFromRawId, getIdentifierRawId },
});
window.app = {
  client, agent, call,
  whileConnected: () => checkWhileConnected(sdk, context()),
  afterEnd: () => checkAfterEnd(sdk, { ...context(), deviceManager: undefined }),
};
