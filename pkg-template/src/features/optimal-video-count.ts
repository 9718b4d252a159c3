import type { PropertyChangedEvent } from '../events.js';
import { CallFeatureBase } from './base.js';

/** Why the count changed. */
export type OvcChangeReason = 'bandwidth' | 'performance' | 'externalLimit' | 'unknown';
/** Events of {@link OptimalVideoCountCallFeature}. */
export interface OptimalVideoCountEvents {
  /** `optimalVideoCount` changed. */
  optimalVideoCountChanged: PropertyChangedEvent;
}

/** How many remote videos a page should show. */
export class OptimalVideoCountCallFeature extends CallFeatureBase<OptimalVideoCountEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'OptimalVideoCount';
  /** Videos that can be shown at once; a fixed nine until it is measured. */
  readonly optimalVideoCount: number = 9;
  /** Why it last changed. */
  readonly lastOvcChangeReason: OvcChangeReason = 'unknown';
}
