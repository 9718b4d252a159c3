/**
 * What few pages need, loaded when it is first used: the name of the browser, the loudness of a stream, the
 * others' sound in one track, figures of the media, what a user should know. A module without imports at run time, so that the plain script can load it
 * too, from where it came from itself.
 */
export { watch } from './diagnosing.js';
export { meter } from './metering.js';
import type { EnvironmentInfo } from './features/debug-info.js';
import type { MediaStatsEntry, MediaStatsReportSample, MediaStatsReportSummary, MediaStatsSummaryEntry } from './features/media-stats.js';

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

/** @internal For display alone: nothing in the SDK depends on the browser's name. */
export function environment(): EnvironmentInfo['environment'] {
  const agent = typeof navigator === 'object' ? (navigator.userAgent ?? '') : '';
  const hints = typeof navigator === 'object' ? (navigator as { userAgentData?: Hints }).userAgentData : undefined;
  const platform = platforms.find(([, pattern]) => pattern.test(agent))?.[0] ?? hints?.platform.toLowerCase() ?? 'unknown';
  for (const [browser, pattern] of browsers) {
    const version = pattern.exec(agent)?.[1];
    if (version) return { platform, browser, browserVersion: version };
  }
  return { platform, browser: 'unknown', browserVersion: '' };
}

/** @internal All sound in one track; `update` says which tracks there are now. */
export function mix(): { stream: MediaStream; update(tracks: MediaStreamTrack[]): void; close(): void } {
  const context = new AudioContext();
  const all = context.createMediaStreamDestination();
  const sources = new Map<MediaStreamTrack, MediaStreamAudioSourceNode>();
  return {
    stream: all.stream,
    update(tracks) {
      for (const [track, source] of sources) {
        if (tracks.includes(track)) continue;
        source.disconnect();
        sources.delete(track);
      }
      for (const track of tracks) {
        if (sources.has(track)) continue;
        const source = context.createMediaStreamSource(new MediaStream([track]));
        source.connect(all);
        sources.set(track, source);
      }
    },
    close: () => void context.close(),
  };
}

/** @internal What is known of a call's connection: the sections of remote streams, and the tracks that are sent. */
export interface Measured {
  peer?: RTCPeerConnection;
  /** Stream by mid. */ streams: Record<string, number>;
  /** Remote streams that show a screen. */ screens: number[];
  /** Id of the screen's track, while one is sent. */ ownScreen: string | undefined;
}

type Report = Record<string, unknown> & { id: string; type: string; timestamp: number };
const SAMPLE_MS = 1000;

/** @internal Tells figures every second, and their sums, until the returned function is called. */
export function collect(
  look: () => Measured | undefined,
  { aggregationInterval = 10, dataPointsPerAggregation = 6 }: { aggregationInterval?: number | undefined; dataPointsPerAggregation?: number | undefined },
  sampled: (sample: MediaStatsReportSample) => void,
  summed: (summary: MediaStatsReportSummary) => void,
): () => void {
  let before = new Map<string, Report>();
  let connection: RTCPeerConnection | undefined;
  let samples: MediaStatsReportSample[] = [];
  let ended = false;
  const timer = setInterval(async () => {
    const measured = look();
    const report = await measured?.peer?.getStats().catch(() => undefined);
    if (!measured || !report || ended) return;
    // Counters of another connection begin at nothing.
    if (connection !== measured.peer) before = new Map();
    connection = measured.peer;
    const now = new Map<string, Report>([...report.values()].map((one: Report) => [one.id, one]));
    const sample = sampleOf(now, before, measured);
    before = now;
    samples.push(sample);
    sampled(sample);
    if (samples.length >= aggregationInterval * dataPointsPerAggregation) {
      summed(summaryOf(samples, aggregationInterval));
      samples = [];
    }
  }, SAMPLE_MS);
  return () => {
    ended = true;
    clearInterval(timer);
  };
}

function sampleOf(now: Map<string, Report>, before: Map<string, Report>, measured: Measured): MediaStatsReportSample {
  const sample: MediaStatsReportSample = {
    audio: { send: [], receive: [] }, video: { send: [], receive: [] }, screenShare: { send: [], receive: [] }, transports: [],
  };
  const layers = new Map<unknown, MediaStatsEntry>();
  for (const one of now.values()) {
    if (one.type === 'inbound-rtp') {
      const stream = measured.streams[one['mid'] as string];
      // A section that nobody is in has nothing to tell.
      if (one['kind'] === 'video' && stream === undefined) continue;
      const kind = one['kind'] === 'audio' ? 'audio' : measured.screens.includes(stream ?? -1) ? 'screenShare' : 'video';
      sample[kind].receive.push({ ...received(one, now, before), ...(stream !== undefined && { streamId: stream }) });
    } else if (one.type === 'outbound-rtp') {
      const source = now.get(one['mediaSourceId'] as string);
      const screen = source !== undefined && source['trackIdentifier'] === measured.ownScreen;
      const list = sample[one['kind'] === 'audio' ? 'audio' : screen ? 'screenShare' : 'video'].send;
      const entry = sent(one, source, now, before);
      // The largest layer stands for the picture, the others beside it.
      const main = layers.get(one['mid']);
      if (main) {
        const [larger, smaller] = size(entry) > size(main) ? [entry, main] : [main, entry];
        const { altLayouts = [], ...alone } = smaller;
        larger.altLayouts = [alone, ...altLayouts, ...(larger.altLayouts ?? [])];
        list[list.indexOf(main)] = larger;
        layers.set(one['mid'], larger);
      } else {
        list.push(entry);
        layers.set(one['mid'], entry);
      }
    } else if (one.type === 'candidate-pair' && one['nominated']) {
      sample.transports.push(defined({
        id: one['transportId'], rttInMs: ms(one['currentRoundTripTime']),
        availableIncomingBitrate: one['availableIncomingBitrate'], availableOutgoingBitrate: one['availableOutgoingBitrate'],
      }));
    }
  }
  return sample;
}

const size = (entry: MediaStatsEntry): number => Number(entry['frameHeightSent'] ?? 0);

function received(one: Report, now: Map<string, Report>, before: Map<string, Report>): MediaStatsEntry {
  const rate = rates(one, before);
  const delay = Number(one['jitterBufferDelay']) / Number(one['jitterBufferEmittedCount']);
  return defined({
    ...common(one, now),
    bitrate: bits(rate('bytesReceived')), jitterInMs: ms(one['jitter']),
    packets: one['packetsReceived'], packetsPerSecond: rate('packetsReceived'),
    packetsLost: one['packetsLost'], packetsLostPerSecond: rate('packetsLost'),
    jitterBufferDelayInMs: ms(delay), audioOutputLevel: one['kind'] === 'audio' ? one['audioLevel'] : undefined,
    frameRateReceived: rate('framesReceived'), frameRateDecoded: one['framesPerSecond'],
    frameWidthReceived: one['frameWidth'], frameHeightReceived: one['frameHeight'],
    framesReceived: one['framesReceived'], framesDecoded: one['framesDecoded'], framesDropped: one['framesDropped'],
    keyFramesDecoded: one['keyFramesDecoded'], freezeCount: one['freezeCount'], totalFreezeDurationInMs: ms(one['totalFreezesDuration']),
  });
}

function sent(one: Report, source: Report | undefined, now: Map<string, Report>, before: Map<string, Report>): MediaStatsEntry {
  const rate = rates(one, before);
  const remote = now.get(one['remoteId'] as string);
  return defined({
    ...common(one, now),
    bitrate: bits(rate('bytesSent')), jitterInMs: ms(remote?.['jitter']), rttInMs: ms(remote?.['roundTripTime']),
    packets: one['packetsSent'], packetsPerSecond: rate('packetsSent'),
    packetsLost: remote?.['packetsLost'], audioInputLevel: source?.['audioLevel'],
    frameRateInput: source?.['framesPerSecond'], frameWidthInput: source?.['width'], frameHeightInput: source?.['height'],
    frameRateEncoded: rate('framesEncoded'), frameRateSent: one['framesPerSecond'],
    frameWidthSent: one['frameWidth'], frameHeightSent: one['frameHeight'],
    framesSent: one['framesSent'], keyFramesEncoded: one['keyFramesEncoded'],
  });
}

const common = (one: Report, now: Map<string, Report>): Record<string, unknown> => ({
  id: one.id, transportId: one['transportId'],
  codecName: (now.get(one['codecId'] as string)?.['mimeType'] as string | undefined)?.split('/')[1],
});

/** By how much a counter of a report rose in a second. */
function rates(one: Report, before: Map<string, Report>): (name: string) => number | undefined {
  const old = before.get(one.id);
  const seconds = old && (one.timestamp - old.timestamp) / 1000;
  return (name) => (seconds && typeof one[name] === 'number' ? Math.max(0, (one[name] - Number(old[name] ?? 0)) / seconds) : undefined);
}

const ms = (seconds: unknown): number | undefined => (typeof seconds === 'number' && Number.isFinite(seconds) ? seconds * 1000 : undefined);
const bits = (bytes: number | undefined): number | undefined => bytes && bytes * 8;

function defined(entry: Record<string, unknown>): MediaStatsEntry {
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined)) as MediaStatsEntry;
}

/** Every metric of every stream: its sums over each interval, and its values. */
function summaryOf(samples: MediaStatsReportSample[], interval: number): MediaStatsReportSummary {
  const sum = (entries: (sample: MediaStatsReportSample) => MediaStatsEntry[]): MediaStatsSummaryEntry[] => {
    const byId = new Map<unknown, MediaStatsSummaryEntry>();
    samples.forEach((sample, at) => {
      for (const entry of entries(sample)) {
        let summary = byId.get(entry['id']);
        if (!summary) byId.set(entry['id'], (summary = {}));
        for (const [name, value] of Object.entries(entry)) {
          if (value !== undefined && typeof value !== 'object') put((summary[name] ??= { raw: [], timestamp: new Date() }), value, Math.floor(at / interval));
        }
      }
    });
    return [...byId.values()];
  };
  return {
    audio: { send: sum((s) => s.audio.send), receive: sum((s) => s.audio.receive) },
    video: { send: sum((s) => s.video.send), receive: sum((s) => s.video.receive) },
    screenShare: { send: sum((s) => s.screenShare.send), receive: sum((s) => s.screenShare.receive) },
    transports: sum((s) => s.transports),
  };
}

function put(metric: MediaStatsSummaryEntry[string], value: string | number, interval: number): void {
  metric.raw.push(value);
  if (typeof value !== 'number') return;
  const { count, sum, min, max } = (metric.aggregation ??= { count: [], sum: [], min: [], max: [] });
  // What began later has intervals without a value.
  for (let at = count.length; at < interval; at += 1) count[at] = sum[at] = min[at] = max[at] = 0;
  count[interval] = (count[interval] ?? 0) + 1;
  sum[interval] = (sum[interval] ?? 0) + value;
  min[interval] = Math.min(min[interval] ?? value, value);
  max[interval] = Math.max(max[interval] ?? value, value);
}
