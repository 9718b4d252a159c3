import { Emitter, type PropertyChangedEvent } from '../events.js';
import { later } from '../loading.js';

/** Loudness of a stream, measured ten times a second while somebody listens to it. */
export class Volume extends Emitter<{
  /** `level` changed. */ levelChanged: PropertyChangedEvent;
}> {
  /** 0 (silence: 60 dB below full scale) to 100. */
  level = 0;
  /** @internal */
  _stop: (() => void) | undefined;

  /** @internal */
  static async _of(stream: MediaStream): Promise<Volume> {
    const { meter } = await later();
    const volume = new Volume();
    volume._stop = meter(stream, (level) => {
      volume.level = level;
      volume._emit('levelChanged');
    });
    return volume;
  }
}
