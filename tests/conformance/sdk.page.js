// In the page: our SDK in a room of an engine without receive slots. Only the agent socket's few answers
// are the test's; media and LiveKit's socket are real.
/* global Plenary */

const BrowsersWebSocket = globalThis.WebSocket;
let media;
let people = [];

class AgentSocket extends EventTarget {
  readyState = 0;

  constructor() {
    super();
    queueMicrotask(() => {
      this.readyState = 1;
      this.dispatchEvent(new Event('open'));
    });
  }

  send(text) {
    const { id, request } = JSON.parse(text);
    const kind = typeof request === 'string' ? request : Object.keys(request)[0];
    const replies = {
      hello: () => ({ welcome: { session: 's', identity: '8:acs:r_us', resumed: false, resumeWindowMs: 60000 } }),
      join: () => ({
        call: {
          call: request.join.call, serverCallId: 's', endpoint: 'us', state: 'connected', role: 'Presenter', media,
          roster: people.map((name) => ({ id: `8:acs:r_${name}`, displayName: name, role: 'Presenter', endpoints: [{ id: name, muted: false }] })),
        },
      }),
    };
    const reply = replies[kind]?.() ?? 'done';
    setTimeout(() => this.dispatchEvent(new MessageEvent('message', { data: JSON.stringify({ reply: { id, reply } }) })));
  }

  close() {
    this.readyState = 3;
  }
}

globalThis.WebSocket = new Proxy(BrowsersWebSocket, {
  construct: (Real, [url, ...rest]) => (new URL(url).pathname === '/agent' ? new AgentSocket() : new Real(url, ...rest)),
});

globalThis.peers = [];
globalThis.RTCPeerConnection = new Proxy(RTCPeerConnection, {
  construct(Real, args) {
    const peer = new Real(...args);
    peers.push(peer);
    return peer;
  },
});

globalThis.frames = {};

/** Joins as `us`; everybody in `others` is on the roster. */
globalThis.join = async (url, token, others) => {
  people = others;
  media = { url, token, expiresAt: Date.now() + 600_000, slots: false };
  const { CallClient, LocalVideoStream, VideoStreamRenderer } = Plenary;
  const client = new CallClient({ endpoint: location.origin });
  const getToken = async () => ({ token: 'a.b.c', expiresOnTimestamp: Date.now() + 3_600_000 });
  const agent = await client.createCallAgent({ getToken }, { displayName: 'us' });
  const [camera] = await (await client.getDeviceManager()).getCameras();
  const video = new LocalVideoStream(camera);
  const call = agent.join({ meetingLink: 'https://meet.test/x' }, { videoOptions: { localVideoStreams: [video] } });
  globalThis.call = call;
  const show = async (person, stream) => {
    const view = await new VideoStreamRenderer(stream).createView();
    Object.assign(view.target.style, { width: '320px', height: '180px' });
    document.body.append(view.target);
    const element = view.target.querySelector('video');
    const count = () => {
      frames[person.displayName] = (frames[person.displayName] ?? 0) + 1;
      element.requestVideoFrameCallback(count);
    };
    element.requestVideoFrameCallback(count);
  };
  const follow = (person) => {
    person.videoStreams.forEach((stream) => show(person, stream));
    person.on('videoStreamsUpdated', ({ added }) => added.forEach((stream) => show(person, stream)));
  };
  call.on('remoteParticipantsUpdated', ({ added }) => added.forEach(follow));
  call.remoteParticipants.forEach(follow);
};

/** Shares a canvas with a tone: what a browser's picker would give. */
globalThis.shareScreen = async () => {
  const canvas = document.body.appendChild(document.createElement('canvas'));
  [canvas.width, canvas.height] = [960, 540];
  const context = canvas.getContext('2d');
  let at = 0;
  setInterval(() => {
    at += 1;
    context.fillStyle = at % 2 ? '#04c' : '#fff';
    context.fillRect(0, 0, 960, 540);
  }, 100);
  const audio = new AudioContext();
  const tone = audio.createOscillator();
  const sound = audio.createMediaStreamDestination();
  tone.connect(sound);
  tone.start();
  const tracks = [...canvas.captureStream(10).getTracks(), ...sound.stream.getTracks()];
  navigator.mediaDevices.getDisplayMedia = async () => new MediaStream(tracks);
  await call.startScreenSharing();
};

/** Sound heard so far, as in page.js, of whom is not known here. */
globalThis.sounds = async () => {
  const heard = [];
  for (const peer of peers) {
    (await peer.getStats()).forEach(({ type, kind, ssrc, totalAudioEnergy = 0, packetsReceived }) => {
      if (type === 'inbound-rtp' && kind === 'audio') heard.push([ssrc, totalAudioEnergy, packetsReceived]);
    });
  }
  return heard;
};

/** Rids of the layers that flow now. */
globalThis.layers = async () => {
  const flowing = [];
  for (const peer of peers) {
    (await peer.getStats()).forEach((report) => {
      if (report.type === 'outbound-rtp' && report.rid && report.active) flowing.push(report.rid);
    });
  }
  return flowing.sort().join();
};
