/** Asking the user for a screen, a window or a tab to share. */
import { CommunicationServicesError, notSupported } from '../errors.js';
import { LocalVideoStream } from './local-video-stream.js';

/** What is shared: its stream for the application, and its sound where the browser gives some. */
export interface SharedScreen {
  stream: LocalVideoStream;
  sound: MediaStreamTrack | undefined;
  /** Ends what was opened for it; the application's own stream goes on. */
  stop(): void;
}

/** What the application gives. */
export async function givenScreen(stream: LocalVideoStream): Promise<SharedScreen> {
  const [sound] = (await stream.getMediaStream()).getAudioTracks();
  return { stream, sound, stop() {} };
}

/** What the user picks; must be called while a click or a key press is being handled. */
export async function pickScreen(): Promise<SharedScreen> {
  const media = (globalThis.navigator as Navigator | undefined)?.mediaDevices;
  if (!media?.getDisplayMedia) throw notSupported('Screen sharing', 'this browser has none, or the page is not secure');
  const picked = await media.getDisplayMedia(wanted as DisplayMediaStreamOptions).catch((error: unknown) => {
    throw refusal(error);
  });
  return {
    stream: new LocalVideoStream(picked),
    sound: picked.getAudioTracks()[0],
    stop: () => picked.getTracks().forEach((track) => track.stop()),
  };
}

/** Members that a browser does not know are ignored by it. */
const wanted = {
  video: { width: { max: 2560 }, height: { max: 1440 }, frameRate: { max: 30 } },
  // As it is: what cleans speech spoils music. Without the meeting's own sound, which everybody hears already.
  audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false, restrictOwnAudio: true },
  surfaceSwitching: 'include',
  systemAudio: 'include',
};

function refusal(cause: unknown): Error {
  if (cause instanceof Error && cause.name === 'NotAllowedError') {
    return new CommunicationServicesError('Sharing the screen was not allowed, or nothing was picked.', 403, 59142, { cause });
  }
  return new CommunicationServicesError('The screen could not be captured.', 410, 59143, { cause });
}
