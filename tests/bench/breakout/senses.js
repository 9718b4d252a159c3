// What a page of the benchmark hears and sees, and of which room: the main meeting is blue and low, the
// breakout room red and high. Runs after `join/page.js`, before anything else.
(() => {
  const bench = window.__bench;
  /** Hz; windows of 10 ms tell them apart. */
  const TONES = { main: 400, room: 1000 };
  const HEARD = 0.01;
  const WINDOW = 480;

  /** Only the room's frames count. */
  bench.counts = `(frame) => {
    self.context ??= new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    context.drawImage(frame, 0, 0, 1, 1);
    const [red, , blue] = context.getImageData(0, 0, 1, 1).data;
    return red > 120 && blue < 100;
  }`;

  const meter = `registerProcessor('meter', class extends AudioWorkletProcessor {
    constructor() { super(); this.filled = 0; this.block = new Float32Array(${WINDOW}); }
    level(frequency) {
      const turn = 2 * Math.PI * frequency / sampleRate;
      let [re, im] = [0, 0];
      this.block.forEach((sample, n) => { re += sample * Math.cos(turn * n); im += sample * Math.sin(turn * n); });
      return 2 * Math.hypot(re, im) / ${WINDOW};
    }
    process([input]) {
      for (let n = 0; n < 128; n += 1) {
        this.block[this.filled] = input[0]?.[n] ?? 0;
        this.filled += 1;
        if (this.filled === ${WINDOW}) {
          this.filled = 0;
          this.port.postMessage([this.level(${TONES.main}), this.level(${TONES.room})]);
        }
      }
      return true;
    }
  });`;

  let audio;
  let ear;
  /** What was heard, every 10 ms: the levels of both tones. */
  const heard = [];
  async function listen() {
    audio = new AudioContext({ sampleRate: 48_000 });
    await audio.audioWorklet.addModule(URL.createObjectURL(new Blob([meter], { type: 'text/javascript' })));
    ear = new AudioWorkletNode(audio, 'meter', { numberOfOutputs: 1, channelCount: 1, channelCountMode: 'explicit' });
    ear.port.onmessage = ({ data: [main, room] }) => heard.push({ main: main > HEARD, room: room > HEARD });
    ear.connect(audio.destination);
  }
  const listening = listen();

  // What is played is heard: while it is played, and no longer.
  const playing = new Map();
  const { play, pause } = HTMLMediaElement.prototype;
  HTMLMediaElement.prototype.play = function played() {
    const stream = this.srcObject;
    if (stream?.getAudioTracks().length > 0 && playing.get(this)?.stream !== stream) {
      playing.get(this)?.source?.disconnect();
      const entry = { stream };
      playing.set(this, entry);
      void listening.then(() => {
        if (playing.get(this) !== entry) return;
        entry.source = audio.createMediaStreamSource(new MediaStream(stream.getAudioTracks()));
        entry.source.connect(ear);
      });
    }
    return play.call(this);
  };
  HTMLMediaElement.prototype.pause = function paused() {
    playing.get(this)?.source?.disconnect();
    playing.delete(this);
    return pause.call(this);
  };

  const pass = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

  /** Resolves when one room is heard, for half a second, and the other is not. */
  bench.hears = async (place) => {
    const other = place === 'main' ? 'room' : 'main';
    const end = performance.now() + 20_000;
    for (;;) {
      const last = heard.slice(-50);
      if (last.length === 50 && last.every((now) => now[place] && !now[other])) return;
      if (performance.now() > end) throw new Error(`the ${place} is not heard: ${JSON.stringify(last.slice(-5))}`);
      await pass(50);
    }
  };

  /** Runs a move: ms to its first frame, the longest silence, and for how long both rooms were heard. */
  bench.moving = async (start) => {
    await bench.hears('main');
    const from = heard.length;
    const { begun, first } = await bench.measure(start);
    await bench.hears('room');
    let [silence, longest, both] = [0, 0, 0];
    for (const now of heard.slice(from)) {
      silence = now.main || now.room ? 0 : silence + 10;
      longest = Math.max(longest, silence);
      if (now.main && now.room) both += 10;
    }
    return { frame: first - begun, silence: longest, both };
  };
})();
