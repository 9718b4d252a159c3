// In the page: one livekit-client room, and what it sees of the others.
/* global LivekitClient */

globalThis.frames = {};

globalThis.join = async (url, token, options) => {
  const room = new LivekitClient.Room(options);
  globalThis.room = room;
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
  await room.connect(url, token);
  await room.localParticipant.enableCameraAndMicrophone();
};

/** Sound heard so far, summed over all receivers (WebRTC's totalAudioEnergy). */
globalThis.soundEnergy = async () => {
  let energy = 0;
  for await (const [report] of reports()) {
    if (report.type === 'inbound-rtp' && report.kind === 'audio') energy += report.totalAudioEnergy ?? 0;
  }
  return energy;
};

/** The same by the source of the track that it came from. */
globalThis.soundBySource = async () => {
  const heard = {};
  for (const participant of room.remoteParticipants.values()) {
    for (const { source, track } of participant.audioTrackPublications.values()) {
      const stats = await track?.receiver?.getStats();
      for (const report of stats?.values() ?? []) {
        if (report.type === 'inbound-rtp') heard[source] = report.totalAudioEnergy ?? 0;
      }
    }
  }
  return heard;
};

/** All statistics of this client's connections. */
async function* reports() {
  const { publisher, subscriber } = room.engine.pcManager;
  for (const transport of [publisher, subscriber]) {
    const stats = transport && (await transport._pc.getStats());
    if (stats) for (const report of stats.values()) yield [report, stats];
  }
}

/** The codec of the first stream of a type that has a member. */
globalThis.codecOf = async (type, having) => {
  for await (const [report, stats] of reports()) {
    if (report.type === type && report[having] !== undefined) return stats.get(report.codecId);
  }
};

globalThis.dtlsVersion = async () => {
  for await (const [report] of reports()) {
    if (report.type === 'transport') return report.tlsVersion;
  }
};
