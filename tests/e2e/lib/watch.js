// Runs in the page before anything else (`addInitScript`): keeps count of what a page opens, whoever
// opens it, so that a leak is seen from outside the SDK.
(() => {
  const watch = {
    peers: [], sockets: [], tracks: [], memories: [], timers: new Set(), listeners: 0, violations: [], screens: [],
  };
  window.__watch = watch;

  const wrapped = (Original, list) => new Proxy(Original, {
    construct(target, args, newTarget) {
      const made = Reflect.construct(target, args, newTarget);
      list.push(made);
      return made;
    },
  });
  window.RTCPeerConnection = wrapped(RTCPeerConnection, watch.peers);
  window.WebSocket = wrapped(WebSocket, watch.sockets);

  const media = navigator.mediaDevices;
  if (media) {
    for (const name of ['getUserMedia', 'getDisplayMedia']) {
      const ask = media[name]?.bind(media);
      if (!ask) continue;
      media[name] = async (constraints) => {
        const stream = await ask(constraints);
        watch.tracks.push(...stream.getTracks());
        return stream;
      };
    }
    const clone = MediaStreamTrack.prototype.clone;
    MediaStreamTrack.prototype.clone = function cloned() {
      const copy = clone.call(this);
      watch.tracks.push(copy);
      return copy;
    };
  }

  for (const [set, clear, once] of [['setTimeout', 'clearTimeout', true], ['setInterval', 'clearInterval', false]]) {
    const [start, stop] = [window[set], window[clear]];
    window[set] = (act, ms, ...rest) => {
      const id = start(typeof act !== 'function' ? act : (...args) => {
        if (once) watch.timers.delete(id);
        act(...args);
      }, ms, ...rest);
      watch.timers.add(id);
      return id;
    };
    window[clear] = (id) => {
      watch.timers.delete(id);
      stop(id);
    };
  }

  // Listeners on what outlives a call; those on elements and sockets die with them.
  const lasting = () => [window, document, document.body, media, navigator.connection];
  const held = new Map();
  const key = (target, type, options) => `${lasting().indexOf(target)} ${type} ${Boolean(options?.capture ?? options)}`;
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  EventTarget.prototype.addEventListener = function added(type, listener, options) {
    const target = this ?? window;
    if (listener && !options?.once && lasting().includes(target)) {
      const name = key(target, type, options);
      if (!held.has(name)) held.set(name, new Set());
      held.get(name).add(listener);
      options?.signal?.addEventListener('abort', () => held.get(name).delete(listener));
    }
    return addEventListener.call(target, type, listener, options);
  };
  EventTarget.prototype.removeEventListener = function removed(type, listener, options) {
    const target = this ?? window;
    held.get(key(target, type, options))?.delete(listener);
    return removeEventListener.call(target, type, listener, options);
  };

  for (const name of ['instantiate', 'instantiateStreaming']) {
    const instantiate = WebAssembly[name];
    WebAssembly[name] = async (...args) => {
      const result = await instantiate(...args);
      const memory = (result.instance ?? result).exports?.memory;
      if (memory) watch.memories.push(memory);
      return result;
    };
  }

  document.addEventListener('securitypolicyviolation', (event) => {
    watch.violations.push(`${event.violatedDirective}: ${event.blockedURI}`);
  });

  /** What is open now. */
  watch.open = () => ({
    peers: watch.peers.filter((peer) => peer.connectionState !== 'closed' && peer.signalingState !== 'closed').length,
    sockets: watch.sockets.filter((socket) => socket.readyState < WebSocket.CLOSING).length,
    tracks: watch.tracks.filter((track) => track.readyState === 'live').length,
    timers: watch.timers.size,
    listeners: [...held.values()].reduce((sum, set) => sum + set.size, 0),
    mediaElements: document.querySelectorAll('audio, video').length,
    memory: watch.memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0),
  });

  /** Sums over every peer connection that the page ever had; a closed one keeps what it last said. */
  const last = new Map();
  watch.stats = async () => {
    for (const peer of watch.peers) {
      if (peer.signalingState === 'closed') continue;
      const sums = { videoIn: 0, audioIn: 0, frames: 0, energy: 0, videoOut: 0, audioOut: 0, framesOut: 0 };
      for (const report of (await peer.getStats()).values()) {
        if (report.type === 'inbound-rtp' && report.kind === 'video') {
          sums.videoIn += report.packetsReceived ?? 0;
          sums.frames += report.framesDecoded ?? 0;
        } else if (report.type === 'inbound-rtp') {
          sums.audioIn += report.packetsReceived ?? 0;
          sums.energy += report.totalAudioEnergy ?? 0;
        } else if (report.type === 'outbound-rtp' && report.kind === 'video') {
          sums.videoOut += report.packetsSent ?? 0;
          sums.framesOut += report.framesEncoded ?? 0;
        } else if (report.type === 'outbound-rtp') {
          sums.audioOut += report.packetsSent ?? 0;
        }
      }
      last.set(peer, sums);
    }
    const total = { videoIn: 0, audioIn: 0, frames: 0, energy: 0, videoOut: 0, audioOut: 0, framesOut: 0 };
    for (const sums of last.values()) for (const name of Object.keys(total)) total[name] += sums[name];
    return total;
  };

  /** A fingerprint of what a video shows now; empty when it shows nothing. */
  watch.picture = (video) => {
    if (!video || video.readyState < 2 || video.videoWidth === 0) return '';
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [48, 27];
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(video, 0, 0, 48, 27);
    const { data } = context.getImageData(0, 0, 48, 27);
    let [sum, least, most] = [0, 255, 0];
    for (let at = 0; at < data.length; at += 4) {
      sum = (sum * 31 + data[at] + 256 * data[at + 1]) % 4294967291;
      least = Math.min(least, data[at + 1]);
      most = Math.max(most, data[at + 1]);
    }
    // One flat colour is no picture.
    return most - least > 20 ? String(sum) : '';
  };

  // Which screens were shown, in order: a call that ended and came back would be seen here.
  addEventListener('DOMContentLoaded', () => {
    const look = () => {
      for (const name of ['join-form', 'waiting', 'meeting', 'end']) {
        const shown = name === 'join-form' ? document.querySelector('form.card') : document.querySelector(`main .${name}`);
        if (shown && watch.screens.at(-1) !== name) watch.screens.push(name);
      }
    };
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
  });
})();
