import type { CallRecord } from '../calling/call-record.js';
import type { DiagnosticQuality } from '../enums.js';
import { notSupported } from '../errors.js';
import { Emitter, isolated } from '../events.js';
import { later } from '../loading.js';
import { currentCore, type CallChange } from '../runtime.js';
import { CallFeatureBase } from './base.js';

/** Diagnostics of the network. */
export type NetworkDiagnosticType =
  | 'networkReconnect' | 'networkReceiveQuality' | 'networkSendQuality' | 'noNetwork' | 'networkRelaysNotReachable';
/**
 * Diagnostics of devices and media. `audioPlaybackBlocked` is ours: the browser does not let the
 * others' sound play until the user has clicked or typed; after that it plays by itself.
 */
export type MediaDiagnosticType =
  | 'speakingWhileMicrophoneIsMuted' | 'noSpeakerDevicesEnumerated' | 'noMicrophoneDevicesEnumerated' | 'cameraFreeze'
  | 'cameraStartFailed' | 'cameraStartTimedOut' | 'capturerStartFailed' | 'microphoneNotFunctioning'
  | 'microphoneMuteUnexpectedly' | 'cameraStoppedUnexpectedly' | 'capturerStoppedUnexpectedly'
  | 'screenshareRecordingDisabled' | 'microphonePermissionDenied' | 'cameraPermissionDenied'
  | 'microphoneNotMuteButSilent' | 'audioPlaybackBlocked';
/** `true` is the bad case. */
export type DiagnosticFlag = boolean;
/** Which sort of value a diagnostic has. */
export type DiagnosticValueType = 'DiagnosticQuality' | 'DiagnosticFlag';
/** Last value of a diagnostic. */
export interface LatestDiagnosticValue {
  /** The value. */ value: DiagnosticQuality | DiagnosticFlag;
  /** Its sort. */ valueType: DiagnosticValueType;
}
/** Last values; those that were never told are absent. */
export type LatestNetworkDiagnostics = { [Name in NetworkDiagnosticType]?: LatestDiagnosticValue };
/** Last values; those that were never told are absent. */
export type LatestMediaDiagnostics = { [Name in MediaDiagnosticType]?: LatestDiagnosticValue };
/** A diagnostic has a new value. */
export interface DiagnosticChangedEventArgs<Name extends string = string> extends LatestDiagnosticValue {
  /** Which. */ diagnostic: Name;
}
/** A network diagnostic has a new value. */
export type NetworkDiagnosticChangedEventArgs = DiagnosticChangedEventArgs<NetworkDiagnosticType>;
/** A media diagnostic has a new value. */
export type MediaDiagnosticChangedEventArgs = DiagnosticChangedEventArgs<MediaDiagnosticType>;
/** A diagnostic of somebody else. */
export interface RemoteDiagnostic extends DiagnosticChangedEventArgs {
  /** Whose; a raw id. */ participantId: string;
}
/** Diagnostics of others have new values. */
export interface RemoteParticipantDiagnosticsData {
  /** Which. */ diagnostics: RemoteDiagnostic[];
}

/** Diagnostics of one area. */
export class Diagnostics<Name extends string> extends Emitter<{
  /** A diagnostic has a new value. */
  diagnosticChanged: (args: DiagnosticChangedEventArgs<Name>) => void;
}> {
  /** @internal */
  _latest: Record<string, boolean | number>;

  /** @internal */
  constructor(latest: Record<string, boolean | number>) {
    super();
    this._latest = latest;
  }

  /** The last value of each diagnostic, a new object every time. */
  getLatest(): { [N in Name]?: LatestDiagnosticValue } {
    return Object.fromEntries(
      Object.entries(this._latest).map(([name, value]) => [name, latestOf(value)]),
    ) as { [N in Name]?: LatestDiagnosticValue };
  }
}

/** Diagnostics that others send; nobody does yet. */
export class RemoteDiagnostics extends Emitter<{
  /** Diagnostics of others have new values. */
  diagnosticChanged: (args: RemoteParticipantDiagnosticsData) => void;
}> {
  /** Whether one's own diagnostics are sent to others. */
  readonly isSendingDiagnosticsEnabled: boolean = false;

  /** @throws CommunicationServicesError 501/59200: not supported yet. */
  startSendingDiagnostics(): void {
    throw notSupported('Sending diagnostics to others');
  }

  /** Does nothing. */
  stopSendingDiagnostics(): void {}

  /** Always empty. */
  getLatest(): RemoteParticipantDiagnosticsData {
    return { diagnostics: [] };
  }
}

/** Tells what a user should know: no network, a microphone that gives nothing, a camera that froze. */
export class UserFacingDiagnosticsFeature extends CallFeatureBase<Record<never, never>> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'UserFacingDiagnostics';
  /** The network. */
  readonly network: Diagnostics<NetworkDiagnosticType>;
  /** Devices and media. */
  readonly media: Diagnostics<MediaDiagnosticType>;
  /** Others. */
  readonly remote = new RemoteDiagnostics();

  /** @internal */
  constructor(record: CallRecord) {
    super(record);
    this.network = new Diagnostics(record.diagnostics.network);
    this.media = new Diagnostics(record.diagnostics.media);
    lookAfter(record);
  }

  /** @internal */
  override _apply(change: CallChange): void {
    if (change.type !== 'diagnostic') return;
    const area = this[change.area] as Diagnostics<string>;
    area._emit('diagnosticChanged', { diagnostic: change.diagnostic, ...latestOf(change.value) });
  }
}

/** @internal Begins to look after a call, once, for what only a continuous look finds. */
export function lookAfter(record: CallRecord): void {
  record._lookedAfter ??= later().then(({ watch }) => watch(record, currentCore, (stream) => stream._camera.track)).catch((error) => isolated(() => { throw error; }));
}

function latestOf(value: boolean | number): LatestDiagnosticValue {
  return { value, valueType: typeof value === 'boolean' ? 'DiagnosticFlag' : 'DiagnosticQuality' };
}
