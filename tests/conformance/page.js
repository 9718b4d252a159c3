// In the page: one livekit-client room, and what it sees of the others.
/* global LivekitClient */

globalThis.frames = {};

globalThis.join = async (url, token, options) => {
  const room = new LivekitClient.Room(options);
  globalThis.room = room;
  show(room);
  await room.connect(url, token);
  await room.localParticipant.enableCameraAndMicrophone();
};

/** Shows what a room's others send, and counts their frames. */
function show(room) {
  room.on('trackSubscribed', (track, _publication, participant) => {
    const element = track.attach();
    element.dataset.owner = participant.identity;
    document.body.append(element);
    if (track.kind !== 'video') return;
    const count = () => {
      frames[participant.identity] = (frames[participant.identity] ?? 0) + 1;
      element.requestVideoFrameCallback(count);
    };
    element.requestVideoFrameCallback(count);
  });
  room.on('trackUnsubscribed', (track) => track.detach().forEach((e) => e.remove()));
}

/**
 * Several people in one page, each with a small moving picture and a tone: cheaper than a page and a fake
 * camera for each. The first one watches the others.
 */
globalThis.crowd = async (url, people) => {
  for (const [name, token] of people) {
    const first = !globalThis.room;
    const room = new LivekitClient.Room({ publishDefaults: { simulcast: false } });
    if (first) {
      globalThis.room = room;
      show(room);
    }
    await room.connect(url, token, { autoSubscribe: first });
    await room.localParticipant.publishTrack(picture(name), { source: 'camera' });
    await room.localParticipant.publishTrack(tone(), { source: 'microphone' });
  }
};

function picture(name, width = 160, height = 120) {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext('2d');
  let n = 0;
  setInterval(() => {
    context.fillStyle = `hsl(${(n += 7)} 80% 50%)`;
    context.fillRect(0, 0, width, height);
    context.fillStyle = 'black';
    context.fillText(`${name} ${n}`, 10, 60);
  }, 66);
  return canvas.captureStream(15).getVideoTracks()[0];
}

/** Somebody who sends a moving picture as `options` say, and nothing else. */
globalThis.send = async (url, token, [width, height], options) => {
  globalThis.room = new LivekitClient.Room(options);
  await room.connect(url, token);
  await room.localParticipant.publishTrack(picture('picture', width, height), { source: 'camera' });
};

/** Somebody who only watches. */
globalThis.watch = async (url, token, options) => {
  globalThis.room = new LivekitClient.Room(options);
  globalThis.failed = [];
  room.on('trackSubscriptionFailed', (sid, _participant, reason) => failed.push(reason ?? sid));
  show(room);
  await room.connect(url, token);
};

/** From now on this page lacks a video codec, as other browsers do. */
globalThis.lack = (name) => {
  const { codecs } = RTCRtpReceiver.getCapabilities('video');
  const others = codecs.filter(({ mimeType }) => mimeType.toLowerCase() !== `video/${name}`);
  for (const method of ['createOffer', 'createAnswer']) {
    const describe = RTCPeerConnection.prototype[method];
    RTCPeerConnection.prototype[method] = function (...given) {
      for (const transceiver of this.getTransceivers()) {
        if (transceiver.receiver.track.kind === 'video') transceiver.setCodecPreferences(others);
      }
      return describe.apply(this, given);
    };
  }
};

/** Whether this client's camera is encoded in a second codec. */
globalThis.encodesToo = (name) => {
  const { track } = room.localParticipant.getTrackPublication('camera');
  const encodings = track.simulcastCodecs.get(name)?.sender?.getParameters().encodings ?? [];
  return encodings.some(({ active }) => active);
};

/** Ask for the 'LOW', 'MEDIUM' or 'HIGH' layer of a participant's camera. */
globalThis.wantLayer = (identity, quality) => {
  const publication = room.remoteParticipants.get(identity).getTrackPublication('camera');
  publication.setVideoQuality(LivekitClient.VideoQuality[quality]);
};

/** What is received of the one video: its height in lines, decoded frames, bytes. */
globalThis.videoStats = async () => {
  for await (const [report, stats] of reports()) {
    if (report.type === 'inbound-rtp' && report.kind === 'video' && report.packetsReceived > 0) {
      return { ...report, codec: stats.get(report.codecId)?.mimeType };
    }
  }
};

function tone() {
  globalThis.audio ??= new AudioContext();
  const [source, out] = [audio.createOscillator(), audio.createMediaStreamDestination()];
  source.connect(out);
  source.start();
  return out.stream.getAudioTracks()[0];
}

/** What arrives as sound of somebody or anybody, by track: its source, and the statistics of what it is received by. */
async function* soundsOf(identity) {
  for (const participant of room.remoteParticipants.values()) {
    if (identity && participant.identity !== identity) continue;
    for (const { source, track } of participant.audioTrackPublications.values()) {
      const stats = await track?.receiver?.getStats();
      for (const report of stats?.values() ?? []) if (report.type === 'inbound-rtp') yield [source, report];
    }
  }
}

/** Sound heard so far of somebody: of each stream its SSRC, WebRTC's totalAudioEnergy, its packets. */
globalThis.sounds = async (identity) => {
  const heard = [];
  for await (const [, { ssrc, totalAudioEnergy = 0, packetsReceived }] of soundsOf(identity)) heard.push([ssrc, totalAudioEnergy, packetsReceived]);
  return heard;
};

/** The energy by the source of the track. */
globalThis.soundBySource = async () => {
  const heard = {};
  for await (const [source, { totalAudioEnergy = 0 }] of soundsOf()) heard[source] = totalAudioEnergy;
  return heard;
};

/** How many of the sounds that are received are no silence. */
globalThis.voices = async () => {
  let voices = 0;
  for await (const [report] of reports()) {
    if (report.type === 'inbound-rtp' && report.kind === 'audio' && report.totalAudioEnergy > 0) voices += 1;
  }
  return voices;
};

/** All statistics of this client's connections. */
async function* reports() {
  const { publisher, subscriber } = room.engine.pcManager;
  for (const transport of [publisher, subscriber]) {
    const stats = transport && (await transport._pc.getStats());
    if (stats) for (const report of stats.values()) yield [report, stats];
  }
}

/** The codec of the first stream of a type and kind that packets came or went in. */
globalThis.codecOf = async (type, kind) => {
  for await (const [report, stats] of reports()) {
    if (report.type === type && report.kind === kind && (report.packetsSent ?? report.packetsReceived) > 0) return stats.get(report.codecId);
  }
};

/** What sound is sent as. */
globalThis.soundCodec = () => {
  const { sender } = [...room.localParticipant.audioTrackPublications.values()][0].track;
  return sender.getParameters().codecs[0].mimeType;
};

globalThis.dtlsVersion = async () => {
  for await (const [report] of reports()) {
    if (report.type === 'transport') return report.tlsVersion;
  }
};
