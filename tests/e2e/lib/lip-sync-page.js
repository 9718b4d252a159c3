// Runs after attendee-page.js. Who sends flashes and beeps at one instant; who receives, and who sends for
// comparison, notes when that is shown and heard.

(() => {
  const PERIOD_MS = 1_000;
  const FLASH_MS = 120;
  const FRAME_MS = 33;

  // Notes when each of the tones begins.
  const EAR = `registerProcessor('ear', class extends AudioWorkletProcessor {
    constructor({ processorOptions: { tones } }) {
      super();
      this.window = new Float32Array(512);
      this.tones = tones.map((tone) => ({ tone, silent: 0, factor: 2 * Math.cos(2 * Math.PI * tone / sampleRate) }));
    }

    process([[samples]]) {
      if (!samples) return true;
      this.window.copyWithin(0, 128);
      this.window.set(samples, 384);
      for (const one of this.tones) {
        let [a, b] = [0, 0];
        for (const sample of this.window) [a, b] = [sample + one.factor * a - b, a];
        const level = Math.sqrt(Math.max(0, a * a + b * b - one.factor * a * b)) / 256;
        if (level < 0.05) one.silent += 1;
        else if (one.silent > 100 || one.heard) {
          one.heard = true;
          if (level > 0.1) {
            if (one.silent > 100) this.port.postMessage({ tone: one.tone, at: Date.now() });
            [one.silent, one.heard] = [0, false];
          }
        }
      }
      return true;
    }
  });`;

  const LATE = `onrtctransform = ({ transformer: { readable, writable, options } }) => {
    const writer = writable.getWriter();
    readable.pipeTo(new WritableStream({ write(frame) { setTimeout(() => writer.write(frame), options.late); } }));
  };`;

  const script = (text) => URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));

  /** Notes flashes of the videos and beeps of the tracks that it is given. */
  class Witness {
    constructor(audio, tones) {
      this.audio = audio;
      this.flashes = [];
      this.beeps = [];
      this.ready = audio.audioWorklet.addModule(script(EAR)).then(() => {
        this.ear = new AudioWorkletNode(audio, 'ear', { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit', processorOptions: { tones } });
        this.ear.port.onmessage = ({ data }) => this.beeps.push(data);
      });
      this.heard = new Set();
    }

    async hear(tracks) {
      await this.ready;
      for (const track of tracks) {
        if (this.heard.has(track)) continue;
        this.heard.add(track);
        this.audio.createMediaStreamSource(new MediaStream([track])).connect(this.ear);
      }
    }

    see(video) {
      this.video = video;
      const context = Object.assign(document.createElement('canvas'), { width: 4, height: 4 }).getContext('2d', { willReadFrequently: true });
      let white = true;
      const look = (now, { expectedDisplayTime }) => {
        context.drawImage(video, 0, 0, 4, 4);
        const [red, green, blue] = context.getImageData(1, 1, 1, 1).data;
        const is = Math.min(red, green, blue) > 160;
        if (is && !white) this.flashes.push(Date.now() - performance.now() + expectedDisplayTime);
        white = is;
        video.requestVideoFrameCallback(look);
      };
      video.requestVideoFrameCallback(look);
    }

    /** By how many ms each beep came after its flash, the latest last. */
    apart(tone) {
      const beeps = this.beeps.filter((beep) => beep.tone === tone);
      return this.flashes.flatMap((flash) => beeps.map(({ at }) => at - flash).filter((apart) => Math.abs(apart) < PERIOD_MS / 2));
    }

    close() {
      this.ear.disconnect();
      this.video.remove();
      this.video.srcObject = null;
    }

    forget() {
      [this.flashes, this.beeps] = [[], []];
    }
  }

  Attendee.prototype.sends = function sends(tone) {
    this.audio = new AudioContext();
    this.tone = tone;
    const oscillator = new OscillatorNode(this.audio, { frequency: tone });
    const gain = new GainNode(this.audio, { gain: 0 });
    const out = this.audio.createMediaStreamDestination();
    oscillator.connect(gain).connect(out);
    oscillator.start();
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 });
    const context = canvas.getContext('2d');
    let [flashed, beeping, turn] = [performance.now(), false, 0];
    setInterval(() => {
      const now = performance.now();
      if (now - flashed >= PERIOD_MS) flashed = now;
      const on = now - flashed < FLASH_MS;
      context.fillStyle = on ? '#fff' : '#123';
      context.fillRect(0, 0, 320, 180);
      // A picture that stands still is not sent.
      turn = (turn + 8) % 300;
      context.fillStyle = '#789';
      context.fillRect(turn, 160, 20, 20);
      if (on !== beeping) gain.gain.setValueAtTime(on ? 0.5 : 0, this.audio.currentTime);
      beeping = on;
    }, FRAME_MS);
    this.microphone = new Plenary.LocalAudioStream(out.stream);
    const pictures = canvas.captureStream(30);
    this.camera = new Plenary.LocalVideoStream(pictures);
    this.sent = { video: pictures, sound: out.stream.getAudioTracks()[0] };
  };

  /** How far sound is behind time. */
  Attendee.prototype.clock = function clock() {
    return performance.now() - this.audio.currentTime * 1_000;
  };

  // Only who is asked for is shown.
  Attendee.prototype.render = () => {};

  /** From now on pictures leave so many ms later than sound of the same instant. */
  Attendee.prototype.sendPicturesLate = function late(ms) {
    for (const peer of window.__watch.peers) {
      for (const sender of peer.getSenders()) {
        if (sender.track?.kind === 'video') sender.transform = new RTCRtpScriptTransform(new Worker(script(LATE)), { late: ms });
      }
    }
  };

  /** What is sent, as shown and heard where it is made. */
  Attendee.prototype.witnessOwn = async function own() {
    this.witness = new Witness(this.audio, [this.tone]);
    await this.witness.hear([this.sent.sound]);
    const video = Object.assign(document.createElement('video'), { srcObject: this.sent.video, muted: true });
    document.body.append(video);
    await video.play();
    this.witness.see(video);
  };

  /** Shows one person's picture and nobody else's, and listens to everything. */
  Attendee.prototype.show = async function show(name, tones) {
    this.witness ??= new Witness(this.audio, tones);
    this.shown?.renderer.dispose();
    const person = this.call.remoteParticipants.find(({ displayName }) => displayName.startsWith(name));
    const renderer = new Plenary.VideoStreamRenderer(person.videoStreams.find(({ isAvailable }) => isAvailable));
    const { target } = await renderer.createView();
    target.style.height = '180px';
    document.body.append(target);
    const video = target.querySelector('video');
    this.shown = { renderer, video };
    await this.witness.hear(window.__watch.peers.flatMap((peer) => peer.getReceivers()).map(({ track }) => track).filter(({ kind }) => kind === 'audio'));
    this.witness.see(video);
    this.witness.forget();
  };

  /**
   * By how many ms the browser takes the sound to be behind the picture that is shown: of what it plays now it
   * knows the time of capture, from sender reports. Nothing until it does.
   */
  Attendee.prototype.believes = async function believes() {
    const [track] = this.shown.video.srcObject.getVideoTracks();
    const peer = window.__watch.peers.find((one) => one.getReceivers().some((receiver) => receiver.track === track));
    // The sound in the section of the same stream: the two are synchronised.
    const sections = peer.remoteDescription.sdp.split('\nm=').slice(1);
    const streams = Object.fromEntries(sections.map((text) => [/a=mid:(\S+)/.exec(text)[1], /a=msid:(\S+)/.exec(text)?.[1]]));
    const { mid } = peer.getTransceivers().find(({ receiver }) => receiver.track === track);
    const inbound = [...(await peer.getStats()).values()].filter(({ type, mid: its }) => type === 'inbound-rtp' && streams[its] === streams[mid]);
    const at = (wanted) => inbound.find(({ kind }) => kind === wanted)?.estimatedPlayoutTimestamp;
    return at('video') && at('audio') && at('video') - at('audio');
  };
})();
