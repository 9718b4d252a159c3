/**
 * Looks after a call every two seconds: how well its network carries it, whether camera and microphone give
 * anything, how many videos it bears. Part of `later.ts`, and at work only in calls whose features were asked for.
 */
import type { Core } from './core.js';
import { meter } from './metering.js';
import type { CallChange } from './runtime.js';
import type { LocalVideoStream } from './streams/local-video-stream.js';

/** @internal What is looked at, and told. */
export interface Patient {
  id: string;
  state: string;
  isMuted: boolean;
  /** As told last, by the core or from here. */
  diagnostics: { media: Record<string, boolean | number> };
  media: {
    video: readonly LocalVideoStream[]; screen: LocalVideoStream | undefined;
    /** The last tries to open a camera and to capture a screen. */
    opened: Promise<unknown> | undefined; picked: Promise<unknown> | undefined;
  };
  apply(change: CallChange): void;
}

type Report = Record<string, unknown> & { id: string; type: string };
type Grade = 1 | 2 | 3;
interface Seen { energy: number; lost: number; received: number; decoded: number; dropped: number }

const LOOK_MS = 2000;
/** From here on talking is not easy any more (2), or hardly possible (3): parts of the packets, seconds of round trip. */
const LIMITS: [Grade, { loss: number; roundTrip: number }][] = [[3, { loss: 0.15, roundTrip: 1 }], [2, { loss: 0.05, roundTrip: 0.4 }]];
/** Fewer packets than these say nothing of a network. */
const ENOUGH = 20;
/** A value is told once as many looks in a row have found it. */
const SURE = 2;
/** A microphone that gives nothing at all for so many looks is not merely in a quiet room. */
const SILENT = 5;
/** Louder than 36 dB below full scale in so many of a look's ten readings: somebody speaks. */
const [LOUD, OFTEN, READING_MS] = [40, 3, 200];
/** The gallery that a machine bears as far as is known. */
const MOST_VIDEOS = 9;
/** Of the pictures that came, so many were not shown in time: the machine is too slow. */
const TOO_MANY_DROPPED = 0.3;
/** Of the videos that are shown, so many are advised while something is wrong. */
const FEWER = 0.75;
/** Good looks before one more video is tried. */
const RECOVERED = 5;

/** What a try tells that fails with these sub codes. That the user picks no screen is no trouble. */
const FAILURES: Record<number, string>[] = [
  { 59142: 'cameraPermissionDenied', 59143: 'cameraStartFailed' },
  { 59143: 'capturerStartFailed' },
];

/** What the core tells of a device that was lost or does not open; well again, once it is sent. */
const WELL: Record<'camera' | 'microphone', Record<string, boolean | Grade>> = {
  camera: { cameraStoppedUnexpectedly: 1 },
  microphone: { microphoneMuteUnexpectedly: 1, microphoneNotFunctioning: 1, microphonePermissionDenied: false },
};

/**
 * @internal Until the call has ended. What it is given and reads has no mangled names: it is built apart from the
 * plain script.
 */
export function watch(
  patient: Patient, core: () => Core | undefined, trackOf: (stream: LocalVideoStream) => MediaStreamTrack | undefined,
): void {
  const { id: call } = patient;
  const told = new Map<string, boolean | Grade>();
  const found = new Map<string, { value: boolean | Grade; times: number }>();
  const before = new Map<string, Seen>();
  let [frames, silent, loud, count, good] = [-1, 0, 0, MOST_VIDEOS, 0];
  let connection: RTCPeerConnection | undefined;
  let microphone: MediaStreamTrack | undefined;
  let screen: MediaStreamTrack | undefined;
  let tries: unknown[] = [];
  let listening: { to: MediaStreamTrack; stop: () => void } | undefined;
  let over = false;

  const tell = (area: 'network' | 'media', diagnostic: string, value: boolean | Grade): void => {
    // That nothing is wrong is news only after something was.
    if (told.get(diagnostic) === value || (value === false && !told.has(diagnostic))) return;
    told.set(diagnostic, value);
    patient.apply({ type: 'diagnostic', call, area, diagnostic, value });
  };
  const isSent = (device: 'camera' | 'microphone'): void => {
    for (const [diagnostic, value] of Object.entries(WELL[device])) {
      const last = patient.diagnostics.media[diagnostic];
      if (last !== undefined && last !== value) patient.apply({ type: 'diagnostic', call, area: 'media', diagnostic, value });
    }
  };
  const tellSurely = (diagnostic: string, value: Grade): void => {
    const last = found.get(diagnostic);
    const times = last?.value === value ? last.times + 1 : 1;
    found.set(diagnostic, { value, times });
    if (times >= SURE) tell('network', diagnostic, value);
  };

  const devices = (globalThis.navigator as Navigator | undefined)?.mediaDevices;
  const enumerate = async (): Promise<void> => {
    const list = await devices?.enumerateDevices().catch(() => undefined);
    // Without permission browsers do not say what there is.
    if (over || !list?.some(({ label }) => label)) return;
    const lacks = (kind: MediaDeviceKind): boolean => !list.some((one) => one.kind === kind);
    tell('media', 'noMicrophoneDevicesEnumerated', lacks('audioinput'));
    // Where the user picks speakers for a page, those that were not picked are in no list.
    const listsSpeakers = 'setSinkId' in HTMLMediaElement.prototype && !('selectAudioOutput' in devices!);
    if (listsSpeakers) tell('media', 'noSpeakerDevicesEnumerated', lacks('audiooutput'));
  };

  const listen = (microphone: MediaStreamTrack | undefined): void => {
    if (listening?.to === microphone) return;
    listening?.stop();
    [listening, loud] = [undefined, 0];
    if (!microphone) return;
    let level = 0;
    let unmetered: () => void;
    try {
      unmetered = meter(new MediaStream([microphone]), (now) => { level = now; });
    } catch {
      // A browser has few audio contexts: then this one is not told.
      return;
    }
    const readings = setInterval(() => { if (level >= LOUD) loud += 1; }, READING_MS);
    listening = {
      to: microphone,
      stop() {
        clearInterval(readings);
        unmetered();
      },
    };
  };

  const tried = (now: (Promise<unknown> | undefined)[]): void => {
    const last = tries;
    tries = now;
    now.forEach((one, at) => {
      const flags = FAILURES[at] ?? {};
      if (!one || one === last[at]) return;
      one.then(
        () => Object.values(flags).forEach((flag) => tell('media', flag, false)),
        (error: { subCode: number }) => { if (flags[error.subCode]) tell('media', flags[error.subCode]!, true); },
      );
    });
  };

  const shares = (now: MediaStreamTrack | undefined): void => {
    if (!now || now === screen) return;
    screen = now;
    tell('media', 'capturerStoppedUnexpectedly', false);
    // Not told of what the page itself stops.
    now.addEventListener('ended', () => tell('media', 'capturerStoppedUnexpectedly', true), { once: true });
  };

  /** By how much counters rose since the last look. */
  const since = (one: Report): Seen => {
    const number = (name: string): number => Number(one[name] ?? 0);
    const now = {
      energy: number('totalAudioEnergy'), lost: number('packetsLost'), received: number('packetsReceived'),
      decoded: number('framesDecoded'), dropped: number('framesDropped'),
    };
    const last = before.get(one.id) ?? now;
    before.set(one.id, now);
    const rise = (name: keyof Seen): number => Math.max(0, now[name] - last[name]);
    return { energy: rise('energy'), lost: rise('lost'), received: rise('received'), decoded: rise('decoded'), dropped: rise('dropped') };
  };

  /** How the network carries the call, and how many videos this machine bears. */
  const judge = (reports: Report[]): void => {
    let [lost, received, roundTrip, lostOfOurs, reported, shown, decoded, dropped] = [0, 0, 0, 0, 0, 0, 0, 0];
    for (const one of reports) {
      if (one.type === 'inbound-rtp') {
        const rise = since(one);
        lost += rise.lost;
        received += rise.received;
        decoded += rise.decoded;
        dropped += rise.dropped;
        if (rise.decoded > 0) shown += 1;
      } else if (one.type === 'remote-inbound-rtp' && typeof one['fractionLost'] === 'number') {
        lostOfOurs = Math.max(lostOfOurs, one['fractionLost']);
        reported += 1;
      } else if (one.type === 'candidate-pair' && one['nominated']) {
        roundTrip = Number(one['currentRoundTripTime'] ?? 0);
      }
    }
    if (reported > 0) tellSurely('networkSendQuality', grade(lostOfOurs, roundTrip));
    if (lost + received >= ENOUGH) tellSurely('networkReceiveQuality', grade(lost / (lost + received), roundTrip));
    advise(shown, dropped > TOO_MANY_DROPPED * (decoded + dropped));
  };

  const advise = (shown: number, isSlow: boolean): void => {
    const reason = told.get('networkReceiveQuality') === 3 ? 'bandwidth' : isSlow ? 'performance' : undefined;
    good = reason ? 0 : good + 1;
    let next = count;
    if (reason) next = Math.max(1, Math.min(count, Math.floor(shown * FEWER)));
    else if (good % RECOVERED === 0) next = Math.min(MOST_VIDEOS, count + 1);
    if (next === count) return;
    count = next;
    patient.apply({ type: 'videoCount', call, count, reason: reason ?? 'unknown' });
  };

  const look = async (): Promise<void> => {
    if (patient.state === 'Disconnected') return stop();
    const { isMuted, media: { video: [video], screen: shared, opened, picked } } = patient;
    tried([opened, picked]);
    // On hold, and before: nothing is sent.
    if (patient.state !== 'Connected') return listen(undefined);
    const peer = core()?.inside(call)?.peer;
    shares(shared && trackOf(shared));

    if (!isMuted) tell('media', 'speakingWhileMicrophoneIsMuted', false);
    else if (listening) tell('media', 'speakingWhileMicrophoneIsMuted', loud >= OFTEN);
    loud = 0;
    // The first section is the microphone's. Muted, it is open still, but not sent.
    const sent = peer?.getSenders()[0]?.track;
    if (!isMuted && sent?.kind === 'audio') {
      microphone = sent;
      if (sent.readyState === 'live') isSent('microphone');
    }
    listen(isMuted && microphone?.readyState === 'live' ? microphone : undefined);

    // What an application draws may stand still. Not every browser counts a track's frames.
    const camera = video?.mediaStreamType === 'Video' ? trackOf(video) : undefined;
    if (camera?.readyState === 'live') isSent('camera');
    const { totalFrames } = (camera as { stats?: { totalFrames?: number } } | undefined)?.stats ?? {};
    if (camera?.readyState === 'live' && camera.enabled && totalFrames !== undefined) {
      tell('media', 'cameraFreeze', totalFrames === frames);
      frames = totalFrames;
    } else {
      tell('media', 'cameraFreeze', false);
      frames = -1;
    }

    if (peer?.connectionState !== 'connected') return;
    const report = await peer.getStats().catch(() => undefined);
    if (!report || over) return;
    // Counters of another connection begin at nothing.
    if (connection !== peer) before.clear();
    connection = peer;
    const reports = [...report.values()] as Report[];
    // A shared tab's sound is a source, too.
    const source = sent && reports.find((one) => one.type === 'media-source' && one['trackIdentifier'] === sent.id);
    const known = source && before.has(source.id);
    silent = source && since(source).energy === 0 && known && !isMuted ? silent + 1 : 0;
    tell('media', 'microphoneNotMuteButSilent', silent >= SILENT);
    judge(reports);
  };

  const timer = setInterval(() => void look(), LOOK_MS);
  // Outside of browsers a timer keeps its process.
  (timer as { unref?(): void }).unref?.();
  const stop = (): void => {
    over = true;
    clearInterval(timer);
    devices?.removeEventListener?.('devicechange', enumerate);
    listen(undefined);
  };
  devices?.addEventListener?.('devicechange', enumerate);
  void enumerate();
}

function grade(loss: number, roundTrip: number): Grade {
  return LIMITS.find(([, limit]) => loss >= limit.loss || roundTrip >= limit.roundTrip)?.[0] ?? 1;
}
