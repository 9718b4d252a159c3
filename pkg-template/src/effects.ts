/**
 * In place of `@azure/communication-calling-effects`, whose classes applications import by name: from the package,
 * which may be installed under that name, or from its entry `effects`. There are no effects in meetings (rule C4):
 * the features VideoEffects and AudioEffects say so of each of these.
 */
import { notSupported } from './errors.js';
import type { AudioEffectProcessor } from './features/audio-effects.js';
import type { BackgroundBlurConfig, BackgroundReplacementConfig, VideoEffectProcessor } from './features/video-effects.js';

/** Would blur what is behind the user; `VideoEffects` does not support it. */
export class BackgroundBlurEffect implements VideoEffectProcessor {
  /** Which effect. */
  readonly name = 'BackgroundBlur';

  /** Settings have nothing to act on. */
  constructor(_config?: BackgroundBlurConfig) {}

  /** @throws CommunicationServicesError 501/59200: not available. */
  async configure(_config: BackgroundBlurConfig): Promise<void> {
    throw notSupported('Blurring the background');
  }
}

/** Would replace what is behind the user; `VideoEffects` does not support it. */
export class BackgroundReplacementEffect implements VideoEffectProcessor {
  /** Which effect. */
  readonly name = 'BackgroundReplacement';

  /** The picture is not loaded. */
  constructor(_config: BackgroundReplacementConfig) {}

  /** @throws CommunicationServicesError 501/59200: not available. */
  async configure(_config: BackgroundReplacementConfig): Promise<void> {
    throw notSupported('Replacing the background');
  }
}

/** Would take more noise away than the browser does; `AudioEffects` does not support it. */
export class DeepNoiseSuppressionEffect implements AudioEffectProcessor {
  /** Which effect. */
  readonly name = 'DeepNoiseSuppression';
}
