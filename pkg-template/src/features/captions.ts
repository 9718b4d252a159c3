import { Emitter, type PropertyChangedEvent } from '../events.js';
import type { CallRecord } from '../calling/call-record.js';
import { notSupported } from '../errors.js';
import type { CallerInfo } from '../types.js';
import { CallFeatureBase, notInMeetings } from './base.js';

/** Kinds of captions. */
export type CaptionsKind = 'Captions' | 'TeamsCaptions';
/** Whether a caption may still change. */
export type CaptionsResultType = 'Partial' | 'Final';
/** Options of `startCaptions`. */
export interface StartCaptionsOptions {
  /** Language that is spoken, such as `en-us`. */ spokenLanguage?: string;
}
/** A caption. */
export interface CaptionsInfo {
  /** Who spoke. */ speaker: CallerInfo;
  /** What was said. */ spokenText: string;
  /** In which language. */ spokenLanguage: string;
  /** When. */ timestamp: Date;
  /** Whether it may still change. */ resultType: CaptionsResultType;
}
/** A caption that may be translated. */
export interface TeamsCaptionsInfo extends CaptionsInfo {
  /** Translated text. */ captionText: string;
  /** Its language. */ captionLanguage: string;
}
/** Hears captions. */
export type CaptionsHandler = (info: CaptionsInfo) => void;
/** Hears translated captions. */
export type TeamsCaptionsHandler = (info: TeamsCaptionsInfo) => void;
/** Events of {@link Captions}. */
export interface CaptionsEvents {
  /** `isCaptionsFeatureActive` changed. */ CaptionsActiveChanged: PropertyChangedEvent;
  /** Somebody said something. */ CaptionsReceived: CaptionsHandler;
  /** `activeSpokenLanguage` changed. */ SpokenLanguageChanged: PropertyChangedEvent;
}

/** Events of {@link TeamsCaptions}. */
export interface TeamsCaptionsEvents {
  /** `isCaptionsFeatureActive` changed. */ CaptionsActiveChanged: PropertyChangedEvent;
  /** Somebody said something. */ CaptionsReceived: TeamsCaptionsHandler;
  /** `activeSpokenLanguage` changed. */ SpokenLanguageChanged: PropertyChangedEvent;
  /** `activeCaptionLanguage` changed. */ CaptionLanguageChanged: PropertyChangedEvent;
}

/** What both kinds of captions have; `kind` says which they are. */
export interface CaptionsCommon {
  /** Kind of captions. */
  readonly kind: CaptionsKind;
  /** Languages that can be spoken. */
  readonly supportedSpokenLanguages: string[];
  /** Whether captions arrive. */
  readonly isCaptionsFeatureActive: boolean;
  /** Language that is spoken. */
  readonly activeSpokenLanguage: string;
  /** Asks for captions. */
  startCaptions(options?: StartCaptionsOptions): Promise<void>;
  /** Stops captions. */
  stopCaptions(): Promise<void>;
  /** Says which language is spoken. */
  setSpokenLanguage(language: string): Promise<void>;
}
/** Captions with translation; never given. */
export interface TeamsCaptions extends CaptionsCommon {
  /** Languages to translate to. */
  readonly supportedCaptionLanguages: string[];
  /** Language translated to. */
  readonly activeCaptionLanguage: string;
  /** Translates to another language. */
  setCaptionLanguage(language: string): Promise<void>;
  /** Calls `listener` at `event`. */
  on<Event extends keyof TeamsCaptionsEvents>(event: Event, listener: TeamsCaptionsEvents[Event]): void;
  /** Takes `on` back. */
  off<Event extends keyof TeamsCaptionsEvents>(event: Event, listener: TeamsCaptionsEvents[Event]): void;
}

/** Captions; the service has none in its meetings (rule C6). */
export class Captions extends Emitter<CaptionsEvents> implements CaptionsCommon {
  /** Kind of captions. */
  readonly kind: CaptionsKind = 'Captions';
  /** Always false. */
  readonly isCaptionsFeatureActive: boolean = false;
  /** Always empty. */
  readonly activeSpokenLanguage: string = '';

  /** Languages that can be spoken: none. */
  get supportedSpokenLanguages(): string[] {
    return [];
  }

  /** @throws CommunicationServicesError 501/59200: not available in meetings. */
  async startCaptions(_options?: StartCaptionsOptions): Promise<void> {
    throw notSupported('Captions', notInMeetings);
  }

  /** Does nothing. */
  async stopCaptions(): Promise<void> {}

  /** @throws CommunicationServicesError 501/59200: not available in meetings. */
  async setSpokenLanguage(_language: string): Promise<void> {
    throw notSupported('Captions', notInMeetings);
  }
}

/** Captions of the call. */
export class CaptionsCallFeature extends CallFeatureBase<{
  /** `captions` became another object. */
  CaptionsKindChanged: PropertyChangedEvent;
}> {
  /** Name of the feature, as in `Features`. */
  readonly name = 'Captions';
  /** The captions; cast to {@link Captions} or {@link TeamsCaptions} by their `kind`. */
  readonly captions: CaptionsCommon;

  /** @internal */
  constructor(record: CallRecord) {
    super(record);
    this.captions = new Captions();
  }
}
