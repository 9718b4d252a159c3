import { CallFeatureBase } from './base.js';

/** Bounds of a rating. */
export interface CallSurveyRatingScale {
  /** Worst. */ lowerBound: number;
  /** Best. */ upperBound: number;
  /** Up to here it is bad. */ lowScoreThreshold: number;
}
/** A rating. */
export interface CallSurveyRating {
  /** Within `scale`; 1 to 5 unless said. */ score: number;
  /** What was wrong. */ issues?: string[];
  /** Bounds of `score`. */ scale?: CallSurveyRatingScale;
}
/** What a user thinks of a call. */
export interface CallSurvey {
  /** In all. */ overallRating?: CallSurveyRating;
  /** Sound. */ audioRating?: CallSurveyRating;
  /** Video. */ videoRating?: CallSurveyRating;
  /** Shared screens. */ screenshareRating?: CallSurveyRating;
}
/** A survey that was sent. */
export interface CallSurveyResponse extends CallSurvey {
  /** Of the survey. */ readonly id: string;
  /** Of the call. */ readonly callId: string;
  /** Own connection. */ readonly localParticipantId: string;
}

/** Asks what users think of a call. Nothing is kept yet. */
export class CallSurveyCallFeature extends CallFeatureBase<Record<never, never>> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'CallSurvey';

  /** @throws CommunicationServicesError 501/59200: not supported yet. */
  submitSurvey(_survey: CallSurvey, _options?: object): Promise<CallSurveyResponse> {
    return this._unsupported('A survey');
  }
}
