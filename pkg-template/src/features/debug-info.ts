import type { Core } from '../core.js';
import { Emitter, type PropertyChangedEvent } from '../events.js';
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
      environment: environment(),
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

interface Hints { platform: string; brands: { brand: string; version: string }[] }

const browsers: [string, RegExp][] = [
  ['edge', /Edg(?:e|A|iOS)?\/([\d.]+)/],
  ['opera', /OPR\/([\d.]+)/],
  ['samsung', /SamsungBrowser\/([\d.]+)/],
  ['firefox', /(?:Firefox|FxiOS)\/([\d.]+)/],
  ['chrome', /(?:Chrome|CriOS)\/([\d.]+)/],
  ['safari', /Version\/([\d.]+).*Safari/],
];
const platforms: [string, RegExp][] = [
  ['ios', /iPhone|iPad|iPod/],
  ['android', /Android/],
  ['windows', /Windows/],
  ['mac', /Mac OS X/],
  ['linux', /Linux|X11/],
];

/** For display alone: nothing in the SDK depends on the browser's name. */
function environment(): EnvironmentInfo['environment'] {
  const agent = typeof navigator === 'object' ? (navigator.userAgent ?? '') : '';
  const hints = typeof navigator === 'object' ? (navigator as { userAgentData?: Hints }).userAgentData : undefined;
  const platform = platforms.find(([, pattern]) => pattern.test(agent))?.[0] ?? hints?.platform.toLowerCase() ?? 'unknown';
  for (const [browser, pattern] of browsers) {
    const version = pattern.exec(agent)?.[1];
    if (version) return { platform, browser, browserVersion: version };
  }
  return { platform, browser: 'unknown', browserVersion: '' };
}
