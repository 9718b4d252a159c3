import { notSupported } from '../errors.js';
import { Emitter } from '../events.js';

/** Names of effects. */
export type VideoEffectName = 'BackgroundBlur' | 'BackgroundReplacement' | (string & {});
/** Changes pictures; the effects package of ACS has such classes, ours come later. */
export interface VideoEffectProcessor {
  /** Which effect. */ readonly name: VideoEffectName;
}
/** Settings of {@link BackgroundBlurEffect}. */
export interface BackgroundBlurConfig {
  /** 0 to 1. */ blurIntensity?: number;
}
/** Blurs what is behind the user. */
export interface BackgroundBlurEffect extends VideoEffectProcessor {
  /** Changes the settings. */ configure(config: BackgroundBlurConfig): Promise<void>;
}
/** Settings of {@link BackgroundReplacementEffect}. */
export interface BackgroundReplacementConfig {
  /** Address of a picture. */ backgroundImageUrl: string;
}
/** Replaces what is behind the user. */
export interface BackgroundReplacementEffect extends VideoEffectProcessor {
  /** Changes the settings. */ configure(config: BackgroundReplacementConfig): Promise<void>;
}
/** Why an effect failed. */
export interface VideoEffectErrorPayload {
  /** Number of the error. */ code: string;
  /** A sentence. */ message: string;
}
/** Events of {@link VideoEffectsFeature}. */
export interface VideoEffectsEvents {
  /** Effects run. */ effectsStarted: (effects: VideoEffectName[]) => void;
  /** Effects ended. */ effectsStopped: (effects: VideoEffectName[]) => void;
  /** An effect failed. */ effectsError: (error: VideoEffectErrorPayload) => void;
  /** Too few pictures per second. */ fpsWarningThresholdReached: (...args: unknown[]) => void;
  /** The machine is too slow. */ timeForEffectsWarningReached: (...args: unknown[]) => void;
}

/** Effects on the camera's picture; not available in meetings (rule C4). */
export class VideoEffectsFeature extends Emitter<VideoEffectsEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'VideoEffects';

  /** Running effects: none. */
  get activeEffects(): VideoEffectName[] {
    return [];
  }

  /** Whether an effect could run: no. */
  async isSupported(_effect: VideoEffectProcessor): Promise<boolean> {
    return false;
  }

  /** @throws CommunicationServicesError 501/59200: not available. */
  async startEffects(_effect: VideoEffectProcessor): Promise<void> {
    throw notSupported('Video effects');
  }

  /** Does nothing. */
  async stopEffects(): Promise<void> {}

  /** Does nothing. */
  dispose(): void {}
}
