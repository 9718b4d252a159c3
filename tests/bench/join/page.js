// In every page of the benchmark, before anything else: sends its traffic through the relay, and
// notes when the first frame of somebody else was decoded, whichever client received it.
(() => {
  // `counts` is the source of a function that tells whether a frame is one that is waited for.
  const bench = { first: null, since: 0, route: null, peers: [], counts: '() => true' };
  window.__bench = bench;
  const now = () => performance.timeOrigin + performance.now();

  /** `{tcp: [from, to], udp: [from, to]}`: ports of the service and of the relay before it. */
  bench.through = (route) => { bench.route = route; };
  const swap = (text, ports, before, after) => (ports ? text.replaceAll(`${before}${ports[0]}${after}`, `${before}${ports[1]}${after}`) : text);

  window.WebSocket = new Proxy(WebSocket, {
    construct(target, [url, ...rest]) {
      return new target(swap(String(url), bench.route?.tcp, ':', '/'), ...rest);
    },
  });

  /** Candidates over UDP point at the relay; those over TCP would go past it. */
  function rerouted(sdp) {
    if (!sdp) return sdp;
    const lines = sdp.split('\r\n').filter((line) => !/^a=candidate:.* tcp /i.test(line));
    return lines.map((line) => (/^a=candidate:/.test(line) ? swap(line, bench.route?.udp, ' ', ' ') : line)).join('\r\n');
  }

  // In one worker that is there before anything begins: what the page does meanwhile is no part of decoding.
  const reader = () => `
    const counts = ${bench.counts};
    onmessage = async ({ data: readable }) => {
      const frames = readable.getReader();
      for (;;) {
        const { done, value } = await frames.read();
        if (done) return;
        const at = performance.timeOrigin + performance.now();
        if (counts(value)) postMessage(at);
        value.close();
      }
    };`;
  let decoded;
  addEventListener('DOMContentLoaded', () => {
    decoded = new Worker(URL.createObjectURL(new Blob([reader()], { type: 'text/javascript' })));
    decoded.onmessage = ({ data: at }) => { if (at >= bench.since) bench.first ??= at; };
  });
  const watched = new WeakSet();
  /** A processor is handed each frame as it comes out of the decoder. */
  function watch(track) {
    if (track.kind !== 'video' || watched.has(track)) return;
    watched.add(track);
    const { readable } = new MediaStreamTrackProcessor({ track, maxBufferSize: 1 });
    decoded.postMessage(readable, [readable]);
  }

  const { setRemoteDescription, addIceCandidate } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.setRemoteDescription = async function rerouting(description) {
    bench.peers.push(this);
    await setRemoteDescription.call(this, { type: description.type, sdp: rerouted(description.sdp) });
    for (const { receiver } of this.getTransceivers()) watch(receiver.track);
  };
  RTCPeerConnection.prototype.addIceCandidate = async function rerouting(candidate) {
    if (candidate?.candidate && / tcp /i.test(candidate.candidate)) return;
    const text = candidate?.candidate ? swap(candidate.candidate, bench.route?.udp, ' ', ' ') : undefined;
    await addIceCandidate.call(this, text === undefined ? candidate : { ...(candidate.toJSON?.() ?? candidate), candidate: text });
  };

  /** Does `start` and gives the times of its beginning and of the first decoded frame. */
  bench.measure = async (start) => {
    const begun = now();
    [bench.first, bench.since] = [null, begun];
    const [result] = await Promise.all([start(), bench.decoded()]);
    return { begun, first: bench.first, result };
  };
  bench.decoded = async () => {
    const end = performance.now() + 20_000;
    while (bench.first === null) {
      if (performance.now() > end) throw new Error(`no frame was decoded: ${await bench.received()}`);
      await new Promise((resolve) => { setTimeout(resolve, 5); });
    }
  };
  bench.now = now;

  /** What came over the newest connection, for the message of a failure. */
  bench.received = async () => {
    const peer = bench.peers.at(-1);
    if (!peer) return 'no connection was made';
    const reports = [...(await peer.getStats()).values()].filter(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
    const numbers = reports.map(({ mid, packetsReceived, framesReceived, framesDecoded, keyFramesDecoded, pliCount }) =>
      ({ mid, packetsReceived, framesReceived, framesDecoded, keyFramesDecoded, pliCount }));
    return `${peer.connectionState}, ${JSON.stringify(numbers)}`;
  };

  /** Resolves when the SDK's object is in a state. */
  bench.reaches = (call, state) => new Promise((resolve, reject) => {
    const look = () => {
      if (call.state === state) resolve();
      else if (call.state === 'Disconnected') reject(new Error(`the call ended: ${JSON.stringify(call.callEndReason)}`));
    };
    call.on('stateChanged', look);
    look();
  });
})();
