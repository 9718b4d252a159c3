// What the pages of the benchmark do: a member who sends and admits, a guest with our SDK, a guest with
// LiveKit's client. `window.Plenary`, `window.LivekitClient` and `window.AgentSocket` are there.
(() => {
  const post = async (path, body, token) => {
    const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
    const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  const credential = ({ token, expiresOn }) => ({ getToken: async () => ({ token, expiresOnTimestamp: Date.parse(expiresOn) }), dispose() {} });

  /** A camera that is open already: what is measured is joining, not opening it. */
  async function camera(client) {
    const devices = await client.getDeviceManager();
    await devices.askDevicePermission({ audio: true, video: true });
    const stream = new window.Plenary.LocalVideoStream((await devices.getCameras())[0]);
    await stream.getMediaStream();
    return stream;
  }

  window.actors = {
    /** Signs in, schedules two meetings and starts both; gives their links. */
    async organiser() {
      const { value: [{ id }] } = await (await fetch('/dev/members')).json();
      const { accessToken, communicationToken } = await post('/dev/signIn', { member: id });
      const client = new window.Plenary.CallClient({ endpoint: location.origin });
      const agent = await client.createTeamsCallAgent(credential(communicationToken));
      const video = await camera(client);
      const links = {};
      for (const scope of ['organization', 'everyone']) {
        const start = new Date();
        const meeting = await post('/v1.0/me/onlineMeetings', {
          subject: scope, startDateTime: start.toISOString(), endDateTime: new Date(+start + 3_600_000).toISOString(), lobbyBypassSettings: { scope },
        }, accessToken);
        links[scope] = meeting.joinWebUrl;
        const call = agent.join({ meetingLink: meeting.joinWebUrl }, { videoOptions: { localVideoStreams: [video] } });
        await window.__bench.reaches(call, 'Connected');
        window.organiser = { ...window.organiser, [scope]: call };
      }
      return links;
    },

    /** Lets in the one who waits; gives when it was asked. */
    async admit() {
      const { lobby } = window.organiser.organization;
      while (lobby.participants.length === 0) await new Promise((resolve) => { lobby.on('lobbyParticipantsUpdated', resolve); });
      const at = window.__bench.now();
      await lobby.admit(lobby.participants[0].identifier);
      return at;
    },

    /** A guest with our SDK, ready to join. */
    async guest() {
      const client = new window.Plenary.CallClient({ endpoint: location.origin });
      const agent = await client.createCallAgent(credential(await post('/dev/guests', { displayName: 'Guest' })), { displayName: 'Guest' });
      window.guest = { client, agent, video: await camera(client) };
    },

    /** `join()` to the first frame, without a lobby. */
    async join(link) {
      const { agent, video } = window.guest;
      const { begun, first } = await window.__bench.measure(() => {
        window.guest.call = agent.join({ meetingLink: link }, { videoOptions: { localVideoStreams: [video] } });
      });
      return first - begun;
    },

    /** In the lobby, with the transport up if there is going to be one. */
    async wait(link) {
      const { agent, video } = window.guest;
      window.__bench.peers.length = 0;
      window.__bench.first = null;
      const call = agent.join({ meetingLink: link }, { videoOptions: { localVideoStreams: [video] } });
      window.guest.call = call;
      await window.__bench.reaches(call, 'InLobby');
      const end = performance.now() + 5000;
      while (!window.__bench.peers.some(({ connectionState }) => connectionState === 'connected') && performance.now() < end) {
        await new Promise((resolve) => { setTimeout(resolve, 10); });
      }
      if (window.__bench.first !== null) throw new Error('a frame came before admission');
      return window.__bench.peers.some(({ connectionState }) => connectionState === 'connected');
    },

    async firstFrame() {
      await window.__bench.decoded();
      return window.__bench.first;
    },

    async guestLeaves() {
      const { call, agent, client, video } = window.guest;
      await call.hangUp();
      await agent.dispose();
      video.dispose();
      await client.dispose();
    },

    /** An admission without media of its own, for LiveKit's client to take its place. */
    async livekit(link) {
      const { token } = await post('/dev/guests', { displayName: 'LiveKit' });
      const agent = await window.AgentSocket.open(location.origin, token, 'LiveKit');
      const { media } = await agent.join(link);
      const tracks = await window.LivekitClient.createLocalTracks({ audio: true, video: true });
      const room = new window.LivekitClient.Room();
      // As its documentation advises where the token is there before the join.
      await room.prepareConnection(media.url, media.token);
      window.livekit = { agent, media, room, tracks };
    },

    /** `connect()` to the first frame; the own tracks follow as in LiveKit's examples. */
    async livekitJoin() {
      const { media, room, tracks } = window.livekit;
      const { begun, first } = await window.__bench.measure(async () => {
        await room.connect(media.url, media.token);
        await Promise.all(tracks.map((track) => room.localParticipant.publishTrack(track)));
      });
      return first - begun;
    },

    async livekitLeaves() {
      const { agent, room, tracks } = window.livekit;
      await room.disconnect();
      tracks.forEach((track) => track.stop());
      await agent.ask({ leave: { call: agent.call } }).catch(() => {});
      agent.socket.close();
    },
  };
})();
