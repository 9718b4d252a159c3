// In every page of the benchmark, before anything else: what the clock says, and how large wasm is.
(() => {
  const memories = [];
  const bench = { through() {}, now: () => performance.timeOrigin + performance.now() };
  window.__bench = bench;
  for (const name of ['instantiate', 'instantiateStreaming']) {
    const original = WebAssembly[name];
    WebAssembly[name] = async (...given) => {
      const made = await original.apply(WebAssembly, given);
      const { memory } = (made.instance ?? made).exports;
      if (memory) memories.push(memory);
      return made;
    };
  }
  bench.wasmBytes = () => memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);

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
