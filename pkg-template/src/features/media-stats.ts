import { Emitter } from '../events.js';
import type { CallRecord } from '../calling/call-record.js';
import { later } from '../loading.js';
import { currentCore } from '../runtime.js';
import { CallFeatureBase } from './base.js';

/** Options of `createCollector`. */
export interface MediaStatsCollectorOptions {
  /** Seconds that are summed up; 10 unless said. */ aggregationInterval?: number;
  /** Intervals from one summary to the next; 6 unless said. */ dataPointsPerAggregation?: number;
}
/**
 * Figures of one stream or transport by name, as far as the browser has them: `id`, `codecName`, `bitrate` (bits per
 * second), `jitterInMs`, `rttInMs`, `packets`, `packetsPerSecond`, `packetsLost`, `packetsLostPerSecond`, `transportId`, levels of sound (0 to 1), sizes
 * and rates of pictures. `streamId` is the `id` of a {@link RemoteVideoStream}.
 */
export interface MediaStatsEntry {
  /** Smaller layers of a picture that is sent in several. */ altLayouts?: MediaStatsEntry[];
  /** A figure. */ [name: string]: string | number | MediaStatsEntry[] | undefined;
}
/** Figures of one kind of media. */
export interface MediaStatsDirections<Entry = MediaStatsEntry> {
  /** Sent. */ send: Entry[];
  /** Received. */ receive: Entry[];
}
/** Figures of all kinds of media. */
export interface MediaStatsReport<Entry> {
  /** Sound. */ audio: MediaStatsDirections<Entry>;
  /** Cameras. */ video: MediaStatsDirections<Entry>;
  /** Screens. */ screenShare: MediaStatsDirections<Entry>;
  /** Transports. */ transports: Entry[];
}
/** All figures of a moment. */
export interface MediaStatsReportSample extends MediaStatsReport<MediaStatsEntry> {}
/** One figure over some intervals. */
export interface MediaStatsSummaryValue {
  /** Of numbers: one item per interval. */
  aggregation?: {
    /** How many values. */ count: number[];
    /** Their sum. */ sum: number[];
    /** The smallest. */ min: number[];
    /** The largest. */ max: number[];
  };
  /** All values, one per second. */ raw: (string | number)[];
  /** When the figure was summed up. */ timestamp: Date;
}
/** Figures of one stream or transport over some intervals, by name. */
export type MediaStatsSummaryEntry = Record<string, MediaStatsSummaryValue>;
/** All figures of some intervals. */
export interface MediaStatsReportSummary extends MediaStatsReport<MediaStatsSummaryEntry> {}

/** Collects figures until it is disposed or the call ends. */
export class MediaStatsCollector extends Emitter<{
  /** Figures of a moment, every second. */ sampleReported: (sample: MediaStatsReportSample) => void;
  /** Figures of some intervals. */ summaryReported: (summary: MediaStatsReportSummary) => void;
}> {
  /** @internal Set while it collects. */
  _stop: (() => void) | undefined;
  /** @internal */
  _isDisposed = false;

  /** Stops collecting. */
  dispose(): void {
    this._isDisposed = true;
    this._stop?.();
  }
}

/** Figures of the media, from the browser's own statistics. */
export class MediaStatsCallFeature extends CallFeatureBase<Record<never, never>> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'MediaStats';

  /** A collector that begins at once; dispose of it when it is needed no longer. */
  createCollector(options: MediaStatsCollectorOptions = {}): MediaStatsCollector {
    const collector = new MediaStatsCollector();
    void later().then(({ collect }) => {
      if (collector._isDisposed) return;
      collector._stop = collect(
        () => {
          if (this._record.state === 'Disconnected') collector.dispose();
          return measured(this._record);
        },
        options,
        (sample) => collector._emit('sampleReported', sample),
        (summary) => collector._emit('summaryReported', summary),
      );
    }, reportError);
    return collector;
  }
}

function measured(record: CallRecord): ReturnType<Parameters<Awaited<ReturnType<typeof later>>['collect']>[0]> {
  const inside = currentCore()?.inside(record.id);
  const streams = record.remoteParticipants.flatMap((person) => person.videoStreams);
  return inside && {
    ...inside,
    screens: streams.filter((stream) => stream.mediaStreamType === 'ScreenSharing').map((stream) => stream.id),
    ownScreen: record.media.screen?._camera.track?.id,
  };
}
