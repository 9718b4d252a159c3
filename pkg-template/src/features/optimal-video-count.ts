import type { PropertyChangedEvent } from '../events.js';
import type { CallRecord } from '../calling/call-record.js';
import type { CallChange } from '../runtime.js';
import { CallFeatureBase } from './base.js';
import { lookAfter } from './user-facing-diagnostics.js';

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
  /** @internal */
  _told: { count: number; reason: OvcChangeReason } = { count: 9, reason: 'unknown' };

  /** @internal */
  constructor(record: CallRecord) {
    super(record);
    lookAfter(record);
  }

  /**
   * Videos that can be shown at once: nine, and fewer while more than a part of what arrives is lost on its way
   * (`bandwidth`) or not drawn in time (`performance`). It rises again by one every ten seconds.
   */
  get optimalVideoCount(): number { return this._told.count }
  /** Why it last changed; `unknown` when it rose. */
  get lastOvcChangeReason(): OvcChangeReason { return this._told.reason }

  /** @internal */
  override _apply(change: CallChange): void {
    if (change.type !== 'videoCount') return;
    this._told = change;
    this._emit('optimalVideoCountChanged');
  }
}
