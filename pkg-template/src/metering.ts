/** The loudness of a stream. Part of `later.ts`. */

/** As often as a meter on a page is worth moving. */
const METER_MS = 100;
/** Sound of this level below full scale counts as silence. */
const SILENCE_DB = -60;

/** @internal Tells the loudness of a stream, 0 (60 dB below full scale) to 100, until the returned function is called. */
export function meter(stream: MediaStream, told: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  try {
    context.createMediaStreamSource(stream).connect(analyser);
  } catch (error) {
    // A stream without sound; a browser has few contexts.
    void context.close();
    throw error;
  }
  const samples = new Float32Array(analyser.fftSize);
  let before = -1;
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    const decibels = Math.max(SILENCE_DB, 10 * Math.log10(power));
    const level = Math.min(100, Math.round(100 * (1 - decibels / SILENCE_DB)));
    if (level !== before) told((before = level));
  }, METER_MS);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
