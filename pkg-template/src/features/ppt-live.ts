import type { PropertyChangedEvent } from '../events.js';
import type { CommunicationIdentifierKind } from '../identifiers.js';
import { CallFeatureBase } from './base.js';

/** Events of {@link PPTLiveCallFeature}. */
export interface PPTLiveEvents {
  /** `isActive` changed. */
  isActiveChanged: PropertyChangedEvent;
}

/** PowerPoint Live; not rendered in these meetings (rule C6). */
export class PPTLiveCallFeature extends CallFeatureBase<PPTLiveEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'PPTLive';
  /** Always false. */
  readonly isActive: boolean = false;
  /** Nothing to show. */
  readonly target: HTMLElement | undefined = undefined;
  /** Who presents. */
  readonly activePresenterId: CommunicationIdentifierKind | undefined = undefined;
}
