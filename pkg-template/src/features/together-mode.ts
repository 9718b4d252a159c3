import type { CollectionUpdatedEvent } from '../events.js';
import type { StreamSize } from '../types.js';
import type { RemoteVideoStream } from '../streams/remote-video-stream.js';
import { CallFeatureBase } from './base.js';

/** The stream of the scene. */
export type TogetherModeVideoStream = RemoteVideoStream;
/** Where somebody sits. */
export interface TogetherModeSeatingPosition {
  /** Pixels. */ top: number;
  /** Pixels. */ left: number;
  /** Pixels. */ width: number;
  /** Pixels. */ height: number;
}
/** Seats by raw id. */
export type TogetherModeSeatingMap = Map<string, TogetherModeSeatingPosition>;
/** Events of {@link TogetherModeCallFeature}. */
export interface TogetherModeEvents {
  /** Streams came or went. */ togetherModeStreamsUpdated: CollectionUpdatedEvent<TogetherModeVideoStream>;
  /** The scene has another size. */ togetherModeSceneUpdated: (seats: TogetherModeSeatingMap) => void;
  /** People sit elsewhere. */ togetherModeSeatingUpdated: (seats: TogetherModeSeatingMap) => void;
}

/** Together mode. It cannot be started yet. */
export class TogetherModeCallFeature extends CallFeatureBase<TogetherModeEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'TogetherMode';

  /** The streams, none. */
  get togetherModeStream(): ReadonlyArray<TogetherModeVideoStream> {
    return [];
  }

  /** The seats, none. */
  get togetherModeSeatingMap(): TogetherModeSeatingMap {
    return new Map();
  }

  /** Size of the scene. */
  get sceneSize(): StreamSize {
    return { width: 0, height: 0 };
  }

  /** Accepted and ignored. */
  set sceneSize(_size: StreamSize) {}

  /** @throws CommunicationServicesError 501/59200: not supported yet. */
  start(): Promise<void> {
    return this._unsupported('Together mode');
  }
}
