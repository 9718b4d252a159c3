import { disposed, invalidArgument, settled } from '../errors.js';
import { currentCore, loadedCore } from '../runtime.js';
import type { CreateViewOptions, ScalingMode, StreamSize } from '../types.js';
import type { TrackUser } from './camera.js';
import { LocalVideoStream } from './local-video-stream.js';
import { RemoteVideoStream } from './remote-video-stream.js';
import { watchRendered } from './rendered.js';

/** A picture in the page. */
export class VideoStreamRendererView {
  /** @internal The core's element: `target`, or in it. */
  _view: HTMLElement;
  /** @internal */
  _scalingMode: ScalingMode;
  /** @internal */
  _onDispose: (() => void) | undefined;
  /** The element to put into the page; it fills its parent and may be moved. */
  readonly target: HTMLElement;
  /** Whether left and right are exchanged. */
  readonly isMirrored: boolean;

  /** @internal */
  constructor(view: HTMLElement, target: HTMLElement, options: Required<CreateViewOptions>, onDispose: () => void) {
    this._view = view;
    this._scalingMode = options.scalingMode;
    this._onDispose = onDispose;
    this.target = target;
    this.isMirrored = options.isMirrored;
  }

  /** How the picture fills its element. */
  get scalingMode(): ScalingMode {
    return this._scalingMode;
  }

  /** Changes {@link scalingMode}; does nothing once disposed. */
  async updateScalingMode(mode: ScalingMode): Promise<void> {
    if (!this._onDispose) return;
    this._scalingMode = mode;
    await settled(() => currentCore()?.updateScaling(this._view, mode));
  }

  /** Takes the picture out of the page and frees it. */
  dispose(): void {
    const onDispose = this._onDispose;
    this._onDispose = undefined;
    onDispose?.();
  }
}

/** Shows a stream, local or remote. */
export class VideoStreamRenderer {
  /** @internal */
  _stream: LocalVideoStream | RemoteVideoStream;
  /** @internal Replaced, never changed. */
  _views: ReadonlyArray<VideoStreamRendererView> = [];
  /** @internal */
  _isDisposed = false;

  /** @throws CommunicationServicesError 400/59202 for anything but a stream of this SDK. */
  constructor(stream: LocalVideoStream | RemoteVideoStream) {
    const parts = stream as Partial<LocalVideoStream & RemoteVideoStream> | undefined;
    if (!parts?._camera && !parts?._callId) {
      throw invalidArgument('A VideoStreamRenderer needs a LocalVideoStream or a RemoteVideoStream.');
    }
    this._stream = stream;
  }

  /** Size of the picture. @deprecated Use `size` of the remote stream. */
  get size(): StreamSize {
    return '_callId' in this._stream ? this._stream.size : { width: 0, height: 0 };
  }

  /**
   * Makes an element that shows the stream.
   * @throws CommunicationServicesError when the camera cannot be opened, the remote stream is gone,
   * or the renderer was disposed meanwhile (409/59201).
   */
  async createView(options: CreateViewOptions = {}): Promise<VideoStreamRendererView> {
    if (this._isDisposed) throw disposed('VideoStreamRenderer');
    const all = { scalingMode: options.scalingMode ?? 'Crop', isMirrored: options.isMirrored ?? false } as const;
    const view = await settled(() => this._open(all));
    if (this._isDisposed) {
      view.dispose();
      throw disposed('VideoStreamRenderer');
    }
    this._views = [...this._views, view];
    return view;
  }

  /** Disposes all views of this renderer. */
  dispose(): void {
    this._isDisposed = true;
    for (const view of this._views) view.dispose();
    this._views = [];
  }

  /** @internal */
  async _open(options: Required<CreateViewOptions>): Promise<VideoStreamRendererView> {
    const { scalingMode, isMirrored } = options;
    const core = await loadedCore();
    const stream = this._stream;
    if ('_camera' in stream) return openLocal(stream, options);
    const view = core.openRemoteView(stream._callId, stream.id, scalingMode, isMirrored);
    const stopWatching = watchRendered(view, (width, height) => currentCore()?.setRendered(view, width, height));
    return new VideoStreamRendererView(view, view, options, () => {
      stopWatching();
      closeView(view);
    });
  }
}

/** A local view keeps its target when the camera is switched: the core's element changes inside it. */
async function openLocal(stream: LocalVideoStream, options: Required<CreateViewOptions>): Promise<VideoStreamRendererView> {
  if (stream._isDisposed) throw disposed('LocalVideoStream');
  const core = await loadedCore();
  const target = document.createElement('div');
  target.style.width = target.style.height = '100%';
  let made: VideoStreamRendererView | undefined;
  const show = (track: MediaStreamTrack): HTMLElement => {
    const view = core.openLocalView(track, made?.scalingMode ?? options.scalingMode, options.isMirrored);
    target.replaceChildren(view);
    return view;
  };
  const user: TrackUser = {
    replaced(track) {
      if (!made) return;
      closeView(made._view);
      made._view = show(track);
    },
  };
  const track = await stream._camera.open(user);
  try {
    const view = new VideoStreamRendererView(show(stream._camera.track ?? track), target, options, () => {
      closeView(view._view);
      stream._camera.close(user);
      target.remove();
    });
    made = view;
    return view;
  } catch (error) {
    stream._camera.close(user);
    throw error;
  }
}

/** A core that was disposed of has closed its views. */
const closeView = (view: HTMLElement): void => currentCore()?.closeView(view);
