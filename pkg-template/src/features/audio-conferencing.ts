import { CallFeatureBase } from './base.js';

/** A number to dial in. */
export interface TeamsMeetingAudioConferencingPhoneNumber {
  /** Its number. */ phoneNumber: string;
  /** Its country. */ countryName?: string;
  /** Its city. */ city?: string;
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
