import type { PhoneNumberIdentifier } from '../identifiers.js';
import { CallFeatureBase } from './base.js';

/** Numbers to dial in from a place. */
export interface TeamsMeetingAudioConferencingPhoneNumber {
  /** At the caller's cost. */
  tollPhoneNumber?: PhoneNumberIdentifier;
  /** Free of charge. */
  tollFreePhoneNumber?: PhoneNumberIdentifier;
  /** Country of the numbers. */
  countryName?: string;
  /** City of the numbers. */
  cityName?: string;
}
/** How to dial in. */
export interface TeamsMeetingAudioConferencingDetails {
  /** Id to type after dialling. */ phoneConferenceId: string;
  /** Numbers. */ phoneNumbers: TeamsMeetingAudioConferencingPhoneNumber[];
}

/** Dialling in by phone; no meeting has it. */
export class TeamsMeetingAudioConferencingCallFeature extends CallFeatureBase<Record<never, never>> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'TeamsMeetingAudioConferencing';

  /** No number. Never rejects: the UI library does not await it. */
  async getTeamsMeetingAudioConferencingDetails(): Promise<TeamsMeetingAudioConferencingDetails> {
    return { phoneConferenceId: '', phoneNumbers: [] };
  }
}
