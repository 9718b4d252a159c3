import { notSupported } from '../errors.js';
import { Emitter } from '../events.js';

/** Changes sound; the effects package of ACS has such classes, ours come later. */
export interface AudioEffectProcessor {
  /** Which effect. */ readonly name: string;
}
/** Effects by name, or as objects. */
export interface AudioEffectsStartConfig {
  /** Takes the echo away. */ echoCancellation?: AudioEffectProcessor | string;
  /** Takes noise away. */ noiseSuppression?: AudioEffectProcessor | string;
}
/** Which effects to stop. */
export interface AudioEffectsStopConfig {
  /** Echo. */ echoCancellation?: boolean;
  /** Noise. */ noiseSuppression?: boolean;
}
/** Running effects. */
export interface ActiveAudioEffects {
  /** Echo. */ echoCancellation: string[];
  /** Noise. */ noiseSuppression: string[];
}
/** Events of {@link AudioEffectsFeature}. */
export interface AudioEffectsEvents {
  /** Effects run. */ effectsStarted: (effects: ActiveAudioEffects) => void;
  /** Effects ended. */ effectsStopped: (effects: ActiveAudioEffects) => void;
  /** An effect failed. */ effectsError: (error: {
    /** Which failure. */ code: string;
    /** A sentence. */ message: string;
  }) => void;
}

/** Effects on the microphone's sound. The browser's own always run; no others are available. */
export class AudioEffectsFeature extends Emitter<AudioEffectsEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'AudioEffects';

  /** Running effects: none. */
  get activeEffects(): ActiveAudioEffects {
    return { echoCancellation: [], noiseSuppression: [] };
  }

  /** Whether an effect could run: no. */
  async isSupported(_effect: AudioEffectProcessor | string): Promise<boolean> {
    return false;
  }

  /** @throws CommunicationServicesError 501/59200: not available. */
  async startEffects(_effects: AudioEffectsStartConfig): Promise<void> {
    throw notSupported('Audio effects');
  }

  /** Does nothing. */
  async stopEffects(_effects: AudioEffectsStopConfig): Promise<void> {}

  /** Does nothing. */
  dispose(): void {}
}
