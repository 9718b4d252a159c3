import { Emitter } from '../events.js';
import { CallFeatureBase } from './base.js';

/** Options of `createCollector`. */
export interface MediaStatsCollectorOptions {
  /** Seconds from one summary to the next. */ aggregationInterval?: number;
  /** Values per aggregation. */ dataPointsPerAggregation?: number;
}
/** Figures of one stream or transport, by name. */
export type MediaStatsEntry = Record<string, string | number | undefined>;
/** Figures of one kind of media. */
export interface MediaStatsDirections {
  /** Sent. */ send: MediaStatsEntry[];
  /** Received. */ receive: MediaStatsEntry[];
}
/** All figures of a moment. */
export interface MediaStatsReportSample {
  /** Sound. */ audio: MediaStatsDirections;
  /** Cameras. */ video: MediaStatsDirections;
  /** Screens. */ screenShare: MediaStatsDirections;
  /** Transports. */ transports: MediaStatsEntry[];
}

/** Collects figures. */
export class MediaStatsCollector extends Emitter<{
  /** Figures of a moment. */ sampleReported: (sample: MediaStatsReportSample) => void;
  /** Figures of an interval. */ summaryReported: (summary: MediaStatsReportSample) => void;
}> {
  /** Stops collecting. */
  dispose(): void {}
}

/** Figures of the media. A collector reports nothing yet. */
export class MediaStatsCallFeature extends CallFeatureBase<Record<never, never>> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'MediaStats';

  /** A collector. */
  createCollector(_options?: MediaStatsCollectorOptions): MediaStatsCollector {
    return new MediaStatsCollector();
  }
}
