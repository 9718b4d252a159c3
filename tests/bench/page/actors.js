// What the pages of the benchmark do: a member who starts the meeting, a page full of senders, and one who watches
// them all with our SDK, with LiveKit's client, or with bare peer connections.
(() => {
  const { now, reaches } = window.__bench;
  const SIZE = [160, 90];
  const FRAMES_PER_SECOND = 10;

  const post = async (path, body, token) => {
    const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
    const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  const credential = ({ token, expiresOn }) => ({ getToken: async () => ({ token, expiresOnTimestamp: Date.parse(expiresOn) }), dispose() {} });
  const guest = (displayName) => post('/dev/guests', { displayName });

  /** A small picture that moves. */
  function picture(number) {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = SIZE;
    const context = canvas.getContext('2d');
    let step = 0;
    setInterval(() => {
      context.fillStyle = `hsl(${(number * 40 + step++ * 5) % 360} 80% 50%)`;
      context.fillRect(0, 0, ...SIZE);
    }, 1000 / FRAMES_PER_SECOND);
    return canvas.captureStream(FRAMES_PER_SECOND).getVideoTracks()[0];
  }

  /** A quiet tone. */
  function tone(number) {
    const context = tone.context ??= new AudioContext();
    const oscillator = new OscillatorNode(context, { frequency: 300 + 40 * number });
    const [gain, out] = [new GainNode(context, { gain: 0.1 }), context.createMediaStreamDestination()];
    oscillator.connect(gain).connect(out);
    oscillator.start();
    return out.stream.getAudioTracks()[0];
  }

  /** An admission without media of its own, for another client to take its place. */
  async function admission(name, link) {
    const { token } = await guest(name);
    const agent = await window.AgentSocket.open(location.origin, token, name);
    const { media } = await agent.join(link);
    return media;
  }

  const Room = (options) => new window.LivekitClient.Room(options);
  const shown = new Set();
  let complete;
  const allShown = (count) => new Promise((resolve) => { complete = () => { if (shown.size >= count) resolve(now()); }; complete(); });

  /** A place in the grid; `element` counts once it has shown two pictures: then it moves. */
  function place(element) {
    const cell = document.createElement('div');
    cell.style.cssText = 'width:160px;height:90px;float:left;overflow:hidden';
    cell.append(element);
    document.body.append(cell);
    return cell;
  }
  function countFrames(video) {
    let frames = 0;
    const count = () => {
      frames += 1;
      if (frames < 2) video.requestVideoFrameCallback(count);
      else { shown.add(video); complete?.(); }
    };
    video.requestVideoFrameCallback(count);
  }

  const watchers = {
    async ours(link, count) {
      const { CallClient, VideoStreamRenderer } = window.Plenary;
      const client = new CallClient({ endpoint: location.origin });
      const agent = await client.createCallAgent(credential(await guest('Watcher')), { displayName: 'Watcher' });
      const render = async (stream) => {
        const view = await new VideoStreamRenderer(stream).createView();
        place(view.target);
        countFrames(view.target.querySelector('video') ?? view.target);
      };
      const take = (participant) => {
        const renderAll = (streams) => streams.filter((stream) => stream.mediaStreamType === 'Video').forEach(render);
        participant.on('videoStreamsUpdated', ({ added }) => renderAll(added));
        renderAll(participant.videoStreams);
      };
      return async () => {
        const begun = now();
        const call = agent.join({ meetingLink: link }, { audioOptions: { muted: true } });
        call.on('remoteParticipantsUpdated', ({ added }) => added.forEach(take));
        call.remoteParticipants.forEach(take);
        window.watching = call;
        return (await allShown(count)) - begun;
      };
    },

    async livekit(link, count) {
      const media = await admission('Watcher', link);
      // As its guide advises for calls with many videos.
      const room = Room({ adaptiveStream: true, dynacast: true });
      await room.prepareConnection(media.url, media.token);
      room.on('trackSubscribed', (track) => {
        const element = track.attach();
        element.style.cssText = 'width:100%;height:100%';
        if (track.kind === 'audio') return;
        place(element);
        countFrames(element);
      });
      return async () => {
        const begun = now();
        await room.connect(media.url, media.token);
        window.watching = room;
        return (await allShown(count)) - begun;
      };
    },
  };

  window.actors = {
    /** Signs in, schedules a meeting without a lobby and starts it; gives its link. */
    async organiser() {
      const { value: [{ id }] } = await (await fetch('/dev/members')).json();
      const { accessToken, communicationToken } = await post('/dev/signIn', { member: id });
      const agent = await new window.Plenary.CallClient({ endpoint: location.origin }).createTeamsCallAgent(credential(communicationToken));
      const start = new Date();
      const meeting = await post('/v1.0/me/onlineMeetings', {
        subject: 'Page', startDateTime: start.toISOString(), endDateTime: new Date(+start + 3_600_000).toISOString(), lobbyBypassSettings: { scope: 'everyone' },
      }, accessToken);
      await reaches(agent.join({ meetingLink: meeting.joinWebUrl }, { audioOptions: { muted: true } }), 'Connected');
      return meeting.joinWebUrl;
    },

    /** Everybody who is seen: one participant and one small picture each, and a tone where there is to be sound. */
    async senders([link, count, sound]) {
      for (let number = 0; number < count; number += 1) {
        const media = await admission(`Sender ${number}`, link);
        const room = Room();
        await room.connect(media.url, media.token, { autoSubscribe: false });
        await room.localParticipant.publishTrack(picture(number), { source: 'camera', simulcast: false });
        if (sound) await room.localParticipant.publishTrack(tone(number), { source: 'microphone' });
      }
    },

    /** Ready to join; `watch` does it and gives the time until all pictures moved, in ms. */
    async prepare([who, link, count]) {
      window.start = await watchers[who](link, count);
    },
    async watch() {
      return window.start();
    },

    /** Script loaded, core ready: the cameras are listed. Time since the page began, in ms. */
    async ready(who) {
      if (who === 'ours') await (await new window.Plenary.CallClient({ endpoint: location.origin }).getDeviceManager()).getCameras();
      else await window.LivekitClient.Room.getLocalDevices('videoinput', false);
      return performance.now();
    },

    /** A bare sender of `count` pictures: its offer, once all candidates are in it. */
    async bareOffer([count, sound]) {
      const peer = window.peer = new RTCPeerConnection();
      for (let number = 0; number < count; number += 1) {
        peer.addTransceiver(picture(number), { direction: 'sendonly' });
        if (sound) peer.addTransceiver(tone(number), { direction: 'sendonly' });
      }
      return settled(peer, await peer.createOffer());
    },
    async bareAnswer([offer, count]) {
      const peer = window.peer = new RTCPeerConnection();
      const sound = new MediaStream();
      peer.ontrack = ({ track }) => {
        if (track.kind === 'audio') {
          sound.addTrack(track);
          return;
        }
        const video = document.createElement('video');
        [video.muted, video.autoplay, video.srcObject] = [true, true, new MediaStream([track])];
        video.style.cssText = 'width:100%;height:100%';
        place(video);
        countFrames(video);
      };
      await peer.setRemoteDescription({ type: 'offer', sdp: offer });
      window.all = allShown(count);
      if (sound.active) Object.assign(window.sound = new Audio(), { srcObject: sound, autoplay: true });
      return settled(peer, await peer.createAnswer());
    },
    async bareConnect(answer) {
      await window.peer.setRemoteDescription({ type: 'answer', sdp: answer });
    },
    async bareShown() {
      await window.all;
    },

    /** A guest who makes agents and joins calls, again and again. */
    async comesAndGoes(link) {
      const client = new window.Plenary.CallClient({ endpoint: location.origin });
      window.again = { client, link, token: credential(await guest('Guest')) };
    },
    async agents(count) {
      const { client, token } = window.again;
      for (let at = 0; at < count; at += 1) await (await client.createCallAgent(token, { displayName: 'Guest' })).dispose();
    },
    async calls(count) {
      const { client, link, token } = window.again;
      const agent = await client.createCallAgent(token, { displayName: 'Guest' });
      for (let at = 0; at < count; at += 1) {
        const call = agent.join({ meetingLink: link });
        await reaches(call, 'Connected');
        await call.hangUp();
      }
      await agent.dispose();
    },
    /** Everything that the SDK holds and should hold no longer. */
    async held() {
      const counters = window.again.client.feature(window.Plenary.Features.DebugInfo).getCounters();
      return Object.values(counters).reduce((sum, count) => sum + count, 0);
    },

    wasmBytes: async () => window.__bench.wasmBytes(),
    /** How many pictures moved in a second: that what is measured is at work. */
    async moving() {
      const videos = [...shown];
      const frames = () => videos.map((video) => video.getVideoPlaybackQuality().totalVideoFrames);
      const before = frames();
      await new Promise((resolve) => { setTimeout(resolve, 1000); });
      return frames().filter((count, at) => count > before[at]).length;
    },
  };

  async function settled(peer, description) {
    const gathered = new Promise((resolve) => { peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && resolve(); });
    await peer.setLocalDescription(description);
    await gathered;
    return peer.localDescription.sdp;
  }
})();
