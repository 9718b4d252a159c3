/** What an application writes, to be compiled against the declarations; never run. */
import {
  CallClient, CallKind, DiagnosticQuality, Features, LocalVideoStream, VideoStreamRenderer, configure,
  type Call, type CallAgent, type CallState, type CommunicationServicesError, type RemoteVideoStream, type TeamsCall,
} from './types/index.js';
import initialise, { init } from './types/init.js';

const credential = { getToken: async () => ({ token: '', expiresOnTimestamp: 0 }) };

export async function meet(place: HTMLElement): Promise<void> {
  configure({ endpoint: 'https://meet.example' });
  await init();
  await initialise(new URL('https://cdn.example/plenary_bg.wasm'));
  const client = new CallClient({ endpoint: 'https://meet.example', diagnostics: { tags: ['app'] } });
  const agent: CallAgent = await client.createCallAgent(credential, { displayName: 'Ada' });
  const devices = await client.getDeviceManager();
  await devices.askDevicePermission({ audio: true, video: true });
  const [camera] = await devices.getCameras();
  const video = new LocalVideoStream(camera!);
  const call: Call = agent.join({ meetingLink: '' }, { videoOptions: { localVideoStreams: [video] }, audioOptions: { muted: true } });
  agent.on('callsUpdated', ({ added, removed }) => console.log(added[0]!.id, removed.length));
  agent.on('connectionStateChanged', ({ newValue }) => console.log(newValue satisfies 'Connected' | 'Disconnected'));
  call.on('stateChanged', () => console.log(call.state satisfies CallState, call.callEndReason?.subCode));
  call.on('remoteParticipantsUpdated', ({ added }) => {
    for (const person of added) person.on('videoStreamsUpdated', (event) => event.added.forEach(show));
  });
  call.lobby.on('lobbyParticipantsUpdated', async ({ added }) => {
    for (const { identifier } of added) await call.lobby.admit(identifier);
  });
  const lobby: boolean = call.feature(Features.Capabilities).capabilities.manageLobby.isPresent;
  call.feature(Features.UserFacingDiagnostics).media.on('diagnosticChanged', ({ diagnostic, value }) => {
    if (diagnostic === 'audioPlaybackBlocked' || value === DiagnosticQuality.Bad) console.log(lobby);
  });
  call.feature(Features.DominantSpeakers).on('dominantSpeakersChanged', () => {});
  call.feature(Features.BreakoutRooms).on('breakoutRoomsUpdated', (event) => {
    if (event.type === 'join') console.log(event.data.id);
  });
  console.log((await client.feature(Features.DebugInfo).getEnvironmentInfo()).environment.browser);
  console.log(video.feature(Features.VideoEffects).activeEffects.length);
  await call.unmute().catch((error: CommunicationServicesError) => console.log(error.code, error.subCode));

  async function show(stream: RemoteVideoStream): Promise<void> {
    const view = await new VideoStreamRenderer(stream).createView({ scalingMode: 'Fit', isMirrored: false });
    place.append(view.target);
  }
}

export async function member(): Promise<void> {
  const agent = await new CallClient().createTeamsCallAgent(credential);
  const call: TeamsCall = agent.join({ meetingId: '1', passcode: 'x' });
  console.log(call.kind === CallKind.TeamsCall, call.kind === ('TeamsCall' as CallKind));
  // @ts-expect-error members join meetings alone
  agent.join({ groupId: '' });
  // @ts-expect-error a feature of a client is none of a call
  call.feature(Features.DebugInfo);
  // @ts-expect-error there is no such event
  call.on('stateChange', () => {});
}
