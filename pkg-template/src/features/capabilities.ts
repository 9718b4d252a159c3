import type { CallRecord } from '../calling/call-record.js';
import { CallKind } from '../enums.js';
import type { CallChange } from '../runtime.js';
import { CallFeatureBase } from './base.js';
import { matrix } from './matrix.js';

/** What somebody may be able to do. */
export type ParticipantCapabilityName = (typeof names)[number];
/** Why something can or cannot be done. */
export type CapabilityResolutionReason =
  | 'Capable' | 'CapabilityNotApplicableForTheCallType' | 'ClientRestricted' | 'UserPolicyRestricted'
  | 'RoleRestricted' | 'FeatureNotSupported' | 'MeetingRestricted' | 'NotInitialized' | 'NotCapable'
  | 'TeamsPremiumLicenseRestricted' | 'IpModeUserPolicyRestricted' | 'ExplicitConsentRequired';
/** Whether something can be done. */
export interface ParticipantCapability {
  /** It can. */ isPresent: boolean;
  /** Why, or why not. */ reason: CapabilityResolutionReason;
}
/** All that somebody may be able to do. */
export type ParticipantCapabilities = Record<ParticipantCapabilityName, ParticipantCapability>;
/** Why capabilities changed. */
export type CapabilitiesChangedReason =
  | 'RoleChanged' | 'UserPolicyChanged' | 'MeetingOptionOrOrganizerPolicyChanged' | 'TeamsPremiumLicenseChanged';
/** What `capabilitiesChanged` tells. */
export interface CapabilitiesChangeInfo {
  /** Those that changed, as they were. */ oldValue: Partial<ParticipantCapabilities>;
  /** Those that changed, as they are. */ newValue: Partial<ParticipantCapabilities>;
  /** Why. */ reason: CapabilitiesChangedReason;
}
/** Events of {@link CapabilitiesFeature}. */
export interface CapabilitiesEvents {
  /** Fired once when the call is connected, then with every change. */
  capabilitiesChanged: (info: CapabilitiesChangeInfo) => void;
}

const names = [
  'turnVideoOn', 'unmuteMic', 'shareScreen', 'removeParticipant', 'hangUpForEveryOne', 'addCommunicationUser',
  'addTeamsUser', 'addPhoneNumber', 'manageLobby', 'spotlightParticipant', 'removeParticipantsSpotlight',
  'blurBackground', 'startLiveMeetingCaptions', 'startLiveCallingCaptions', 'setCaptionLanguage', 'raiseHand',
  'pstnDialOut', 'muteOthers', 'useReactions', 'viewAttendeeNames', 'startTogetherMode', 'joinBreakoutRooms',
  'forbidOthersAudio', 'forbidOthersVideo', 'realTimeText',
] as const;

/** What the local user may do in the call. Complete from `join()` on (`acs-api` 2.1.8). */
export class CapabilitiesFeature extends CallFeatureBase<CapabilitiesEvents> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'Capabilities';
  /** @internal Never handed out; replaced, never changed. */
  _now = capabilitiesOf(this._record);

  /** All capabilities, a new object every time; `NotInitialized` until the call is connected. */
  get capabilities(): ParticipantCapabilities {
    return copyOf(this._now, names) as ParticipantCapabilities;
  }

  /** @internal */
  override _apply(change: CallChange): void {
    if (change.type !== 'call') return;
    const [old, now] = [this._now, capabilitiesOf(this._record)];
    const changed = names.filter((name) => old[name].reason !== now[name].reason);
    if (changed.length === 0) return;
    this._now = now;
    this._emit('capabilitiesChanged', { oldValue: copyOf(old, changed), newValue: copyOf(now, changed), reason: 'RoleChanged' });
  }
}

const roles = ['Attendee', 'Presenter', 'Co-organizer', 'Organizer'];

/**
 * What the support matrix says: the service decides each request again. After the end of a call its last
 * capabilities stay.
 */
function capabilitiesOf(record: CallRecord): ParticipantCapabilities {
  const role = Math.max(roles.indexOf(record.role), 0);
  const column = record.call.kind === CallKind.TeamsCall ? role + 2 : Math.min(role, 1);
  const reasonOf = (name: string): CapabilityResolutionReason => {
    if (!record._wasConnected) return 'NotInitialized';
    const cell = matrix[name]?.[column] ?? 'f';
    if (cell === 'y' || (cell === 'a' && record.mayAdmit)) return 'Capable';
    return cell === 'f' ? 'FeatureNotSupported' : 'RoleRestricted';
  };
  return Object.fromEntries(
    names.map((name) => [name, { isPresent: reasonOf(name) === 'Capable', reason: reasonOf(name) }]),
  ) as ParticipantCapabilities;
}

function copyOf(from: ParticipantCapabilities, which: readonly ParticipantCapabilityName[]): Partial<ParticipantCapabilities> {
  return Object.fromEntries(which.map((name) => [name, { ...from[name] }]));
}
