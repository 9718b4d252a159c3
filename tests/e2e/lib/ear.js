// In a page of a test: gives a function that says which of some tones sound in these tracks now.
window.ear = (context, tracks) => {
  const analyser = context.createAnalyser();
  analyser.fftSize = 4096;
  analyser.smoothingTimeConstant = 0;
  context.createMediaStreamSource(new MediaStream(tracks)).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  return (tones) => {
    analyser.getFloatFrequencyData(bins);
    return tones.filter((tone) => {
      const bin = Math.round(tone / (context.sampleRate / analyser.fftSize));
      return Math.max(bins[bin - 1], bins[bin], bins[bin + 1]) > -50;
    });
  };
};
