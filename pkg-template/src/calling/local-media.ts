/** What a call sends: which local streams, and the order of starting and stopping them. */
import { invalidArgument, settled, wrongState } from '../errors.js';
import { loadedCore } from '../runtime.js';
import type { TrackUser } from '../streams/camera.js';
import type { LocalAudioStream } from '../streams/local-audio-stream.js';
import type { LocalVideoStream } from '../streams/local-video-stream.js';
import { givenScreen, pickScreen, type SharedScreen } from '../streams/screen.js';
import type { CallRecord } from './call-record.js';

export class LocalMedia {
  /** Replaced, never changed. */
  video: ReadonlyArray<LocalVideoStream> = [];
  screen: LocalVideoStream | undefined;
  /** Camera and screen; replaced, never changed. */
  streams: ReadonlyArray<LocalVideoStream> = [];
  /** Replaced, never changed. */
  audio: ReadonlyArray<LocalAudioStream> = [];
  /** The last tries to open a camera and to capture a screen, for whoever tells of their failure. */
  opened: Promise<unknown> | undefined;
  picked: Promise<unknown> | undefined;
  /** Starting and stopping wait for each other, so that quick clicks end as the last one says. */
  private turn: Promise<unknown> = Promise.resolve();
  private readonly _videoUser: TrackUser = { _replaced: (track) => this.publish(track) };
  private readonly _screenUser: TrackUser = { _replaced: (track) => this.share(track) };
  private shared: SharedScreen | undefined;
  private readonly _audioUser = { _replaced: (stream: LocalAudioStream) => stream._sendIn(this.record.id) };

  constructor(private record: CallRecord) {}

  /** Another call goes on with everything that is sent. */
  _belongsTo(record: CallRecord): void {
    this.record = record;
  }

  /** Before `join`: the stream is the call's at once; its track is published now or as soon as it is open. */
  _joinWith(stream: LocalVideoStream | undefined): MediaStreamTrack | undefined {
    if (!stream) return undefined;
    this.video = this.streams = [checked(stream)];
    const track = stream._camera._openNow(this._videoUser);
    return track;
  }

  /** After `join`: publishes a camera that was not open yet. A camera that fails leaves the call without. */
  _startJoined(stream: LocalVideoStream): void {
    this._inTurn(async () => {
      if (!this.video.includes(stream)) return;
      await this.publish(await stream._camera.open(this._videoUser));
    }).catch(() => this._removeVideo(stream));
  }

  startVideo(stream: LocalVideoStream): Promise<void> {
    return this._inTurn(async () => {
      checked(stream);
      if (this.video.includes(stream)) return;
      if (this.video.length > 0) {
        throw wrongState('A call sends one camera: stop the other stream first, or use its switchSource().');
      }
      this._mustLive();
      const track = await (this.opened = stream._camera.open(this._videoUser));
      try {
        this._mustLive();
        await this.publish(track);
        this._mustLive();
      } catch (error) {
        stream._camera.close(this._videoUser);
        throw error;
      }
      this.video = [stream];
      this.tell('isLocalVideoStartedChanged', [stream], []);
    });
  }

  /** The browser asks at once: it does so only while a click is being handled. */
  startScreenSharing(given: LocalVideoStream | undefined): Promise<void> {
    const picked = (this.picked = this.pick(given));
    picked.catch(() => {}); // Told below, when it is its turn.
    return this._inTurn(async () => {
      const screen = await picked;
      if (this.shared) {
        screen.stop();
        throw wrongState('A screen is shared already: stop it first, or use switchSource() of its stream.');
      }
      this.shared = screen;
      try {
        await this.share(await screen.stream._camera.open(this._screenUser));
        this._mustLive();
      } catch (error) {
        this._letGo(screen);
        throw error;
      }
      screen.stream._isScreen = true;
      this.screen = screen.stream;
      this.tell('isScreenSharingOnChanged', [screen.stream], []);
    });
  }

  stopScreenSharing(): Promise<void> {
    return this._inTurn(async () => {
      if (!this.screen) return;
      await this.share();
      this._screenEnded();
    });
  }

  /** By the browser's own bar, by the service, or with the call. */
  _screenEnded(): void {
    const { screen, shared } = this;
    if (!screen || !shared) return;
    this.screen = undefined;
    this._letGo(shared);
    this.tell('isScreenSharingOnChanged', [], [screen]);
  }

  /** What was unplugged or forbidden is not sent any more; a microphone is opened again by `unmute`. */
  _lost(): void {
    void this._inTurn(async () => {
      for (const stream of this.video) if (stream._camera._isLost()) this._removeVideo(stream);
      this._setAudio(this.audio.filter((stream) => (stream._sent() as MediaStreamTrack | undefined)?.readyState !== 'ended'));
    });
  }

  stopVideo(stream: LocalVideoStream): Promise<void> {
    return this._inTurn(async () => {
      if (!this.video.includes(stream)) return;
      await settled(async () => (await loadedCore()).ask(this.record.id, 'stopVideo'));
      this._removeVideo(stream);
    });
  }

  async startAudio(stream: LocalAudioStream): Promise<void> {
    this._mustLive();
    await stream._sendIn(this.record.id);
    this._setAudio([stream]);
  }

  stopAudio(): void {
    this._setAudio([]);
    this.record.ask('setMicrophone').catch(() => {}); // With the call, it has ended, too.
  }

  /** Before `join`. */
  _joinWithAudio(stream: LocalAudioStream | undefined): MediaStreamTrack | string | undefined {
    if (!stream) return undefined;
    this.audio = [stream];
    stream._users.add(this._audioUser);
    return stream._sent();
  }

  /** The end of the call gives cameras and microphones back. */
  ended(): void {
    for (const stream of this.video) this._removeVideo(stream);
    this._screenEnded();
    for (const stream of this.audio) if (stream._options.autoDisposeOnCallEnd !== false) stream._release();
    this._setAudio([]);
  }

  private async pick(given: LocalVideoStream | undefined): Promise<SharedScreen> {
    if (this.record.state !== 'Connected') throw wrongState('A screen can be shared once the call is connected.');
    return given ? givenScreen(checked(given)) : pickScreen();
  }

  private _letGo(shared: SharedScreen): void {
    this.shared = undefined;
    shared.stream._camera.close(this._screenUser);
    shared.stop();
  }

  private share(track?: MediaStreamTrack): Promise<void> {
    return settled(async () => (await loadedCore()).shareScreen(this.record.id, track, track && this.shared?.sound));
  }

  private tell(
    event: 'isLocalVideoStartedChanged' | 'isScreenSharingOnChanged', added: LocalVideoStream[], removed: LocalVideoStream[],
  ): void {
    this.streams = this.screen ? [...this.video, this.screen] : this.video;
    this.record.call._emit(event);
    this.record.call._emit('localVideoStreamsUpdated', { added, removed });
  }

  private _setAudio(audio: LocalAudioStream[]): void {
    const [old, now] = [new Set(this.audio), new Set(audio)];
    const added = audio.filter((stream) => !old.has(stream));
    const removed = this.audio.filter((stream) => !now.has(stream));
    if (added.length === 0 && removed.length === 0) return;
    for (const stream of added) stream._users.add(this._audioUser);
    for (const stream of removed) stream._users.delete(this._audioUser);
    this.audio = audio;
    this.record.call._emit('localAudioStreamsUpdated', { added, removed });
  }

  private _removeVideo(stream: LocalVideoStream): void {
    if (!this.video.includes(stream)) return;
    if (this.record.state === 'Disconnected') stream._callEnded(this._videoUser);
    else stream._camera.close(this._videoUser);
    this.video = [];
    this.tell('isLocalVideoStartedChanged', [], [stream]);
  }

  private publish(track: MediaStreamTrack): Promise<void> {
    return settled(async () => (await loadedCore()).ask(this.record.id, 'startVideo', track));
  }

  private _inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => {});
    return done;
  }

  private _mustLive(): void {
    if (this.record.state === 'Disconnected') throw wrongState('This call has ended.');
  }
}

function checked(stream: LocalVideoStream): LocalVideoStream {
  if ((stream as Partial<LocalVideoStream> | undefined)?._camera) return stream;
  throw invalidArgument('Video is started with a LocalVideoStream of this SDK.');
}
