import type { Core } from '../core.js';
import { Emitter, type PropertyChangedEvent } from '../events.js';
import { later } from '../loading.js';
import { currentCore } from '../runtime.js';

/** What the page runs in. */
export interface EnvironmentInfo {
  /** System and browser. */
  environment: { /** Such as `windows`. */ platform: string; /** Such as `chrome`. */ browser: string; /** Its version. */ browserVersion: string };
  /** Always true: what counts is what the browser can do. */ isSupportedPlatform: boolean;
  /** Whether it has WebRTC, devices and WebAssembly. */ isSupportedBrowser: boolean;
  /** Whether it is new enough. */ isSupportedBrowserVersion: boolean;
  /** All of it. */ isSupportedEnvironment: boolean;
}
/** How many of each the SDK holds; zero after disposal. */
export type Counters = ReturnType<Core['counters']>;
/** Events of {@link DebugInfoFeature}. */
export interface DebugInfoEvents {
  /** `isCallClientActiveInAnotherTab` changed. */
  isCallClientActiveInAnotherTabChanged: PropertyChangedEvent;
}

/** Where the module that knows it cannot be loaded: this never rejects (2.1.1). */
const unknown = { platform: 'unknown', browser: 'unknown', browserVersion: '' };

/** Tells about the browser and the SDK. */
export class DebugInfoFeature extends Emitter<DebugInfoEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'DebugInfo';
  /** Always false: several tabs do not disturb each other. */
  readonly isCallClientActiveInAnotherTab: boolean = false;

  /** What the page runs in. Never rejects, also on a server. */
  async getEnvironmentInfo(): Promise<EnvironmentInfo> {
    const isSupportedBrowser =
      typeof RTCPeerConnection === 'function' &&
      typeof WebAssembly === 'object' &&
      typeof navigator === 'object' &&
      Boolean(navigator.mediaDevices);
    const isSupportedBrowserVersion = isSupportedBrowser && typeof [].findLast === 'function';
    return {
      environment: await later().then(({ environment }) => environment(), () => unknown),
      isSupportedPlatform: true,
      isSupportedBrowser,
      isSupportedBrowserVersion,
      isSupportedEnvironment: isSupportedBrowserVersion,
    };
  }

  /** Ours: how much the SDK holds, for tests of leaks; `undefined` when nothing is loaded. */
  getCounters(): Counters | undefined {
    return currentCore()?.counters();
  }
}
