import { Emitter, type PropertyChangedEvent } from '../events.js';

/** Loudness of a stream, measured ten times a second until its stream is disposed of or its call has ended. */
export class Volume extends Emitter<{
  /** `level` changed. */ levelChanged: PropertyChangedEvent;
}> {
  /** 0 (silence: 60 dB below full scale) to 100. */
  level = 0;
  /** @internal */
  _stop: () => void;

  /** @internal */
  constructor(meter: typeof import('../later.js').meter, stream: MediaStream) {
    super();
    this._stop = meter(stream, (level) => {
      this.level = level;
      this._emit('levelChanged');
    });
  }
}
