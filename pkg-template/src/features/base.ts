import type { CallRecord } from '../calling/call-record.js';
import { notSupported } from '../errors.js';
import { Emitter } from '../events.js';
import type { CallFeature } from './factory.js';
import type { CallChange } from '../runtime.js';

/** What the features of a call have in common. */
export abstract class CallFeatureBase<Events extends object> extends Emitter<Events> implements CallFeature {
  /** Name of the feature, as in `Features`. */
  abstract readonly name: string;
  /** @internal */
  _record: CallRecord;

  /** @internal */
  constructor(record: CallRecord) {
    super();
    this._record = record;
  }

  /** Does nothing: a feature lives as long as its call. */
  dispose(): void {}

  /** @internal After the call has applied a change and told it. */
  _apply(_change: CallChange): void {}

  /** @internal A rejected promise. */
  async _unsupported(what: string, why?: string): Promise<never> {
    throw notSupported(what, why);
  }
}

/** The reason for what the meeting rules exclude (C6). */
export const notInMeetings = 'the service has none in its meetings';
