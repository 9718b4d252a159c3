// The application that every project here builds: joins what the address bar's hash says, shows who is
// there and what is written. What it takes of the SDK is handed in, so that each project imports it in
// its own way.

/**
 * @param {{ CallClient, Features, LocalVideoStream, VideoStreamRenderer, ChatClient }} sdk
 * @param {HTMLElement} main takes the state of the call as its class and the pictures as its children
 * @param {(agent) => { follow(call) }} [watch] is shown the agent before it joins, and the call at once
 */
export async function meet({ CallClient, Features, LocalVideoStream, VideoStreamRenderer, ChatClient }, main, watch) {
  const { endpoint, token, expiresOn, displayName, meetingLink } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
  const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.parse(expiresOn) }), dispose() {} };

  const client = new CallClient({ endpoint });
  const agent = await client.createCallAgent(credential, { displayName });
  const devices = await client.getDeviceManager();
  await devices.askDevicePermission({ audio: true, video: true });
  const [camera] = await devices.getCameras();
  const localVideoStream = new LocalVideoStream(camera);
  const recorder = watch?.(agent);
  const call = agent.join({ meetingLink }, { videoOptions: { localVideoStreams: [localVideoStream] } });
  recorder?.follow(call);
  const app = { client, agent, devices, localVideoStream, recorder, call };
  // What few pages need is a part of its own, loaded now.
  app.environment = await client.feature(Features.DebugInfo).getEnvironmentInfo();

  const renderers = [];
  async function show(participant, stream) {
    const tile = document.createElement('article');
    tile.className = 'tile';
    tile.textContent = participant.displayName;
    main.append(tile);
    app.renderer = new VideoStreamRenderer(stream);
    renderers.push(app.renderer);
    app.view = await app.renderer.createView({ scalingMode: 'Crop' });
    // Three on a screen: what cannot be seen is not sent.
    app.view.target.style.height = '200px';
    tile.append(app.view.target);
  }
  function follow(participant) {
    participant.videoStreams.forEach((stream) => show(participant, stream));
    participant.on('videoStreamsUpdated', ({ added }) => added.forEach((stream) => show(participant, stream)));
  }
  call.on('remoteParticipantsUpdated', ({ added }) => added.forEach(follow));
  call.remoteParticipants.forEach(follow);

  // Another entry of the package, over the same core.
  const chat = new ChatClient(endpoint, credential);
  app.write = async (content) => {
    await chat.startRealtimeNotifications();
    chat.on('chatMessageReceived', ({ message }) => { main.dataset.message = message; });
    await chat.getChatThreadClient(call.info.threadId).sendMessage({ content }, { senderDisplayName: displayName });
  };

  /** What an application ends with. */
  app.stop = async () => {
    renderers.forEach((renderer) => renderer.dispose());
    await chat.stopRealtimeNotifications();
    await agent.dispose();
    await client.dispose();
  };

  const told = () => {
    main.className = { InLobby: 'waiting', Connected: 'meeting-app', Disconnected: 'ended' }[call.state] ?? 'connecting';
  };
  call.on('stateChanged', told);
  told();
  return app;
}
