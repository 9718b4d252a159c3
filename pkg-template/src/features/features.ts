import { AudioEffectsFeature } from './audio-effects.js';
import { TeamsMeetingAudioConferencingCallFeature } from './audio-conferencing.js';
import { BreakoutRoomsCallFeature } from './breakout-rooms.js';
import { CallSurveyCallFeature } from './call-survey.js';
import { CapabilitiesFeature } from './capabilities.js';
import { CaptionsCallFeature } from './captions.js';
import { DataChannelCallFeature } from './data-channel.js';
import { DebugInfoFeature } from './debug-info.js';
import { DominantSpeakersCallFeature } from './dominant-speakers.js';
import { factory, type CallFeature, type CallFeatureFactory } from './factory.js';
import { MediaAccessCallFeature } from './media-access.js';
import { MediaStatsCallFeature } from './media-stats.js';
import { OptimalVideoCountCallFeature } from './optimal-video-count.js';
import { PPTLiveCallFeature } from './ppt-live.js';
import { RaiseHandCallFeature } from './raise-hand.js';
import { ReactionCallFeature } from './reaction.js';
import { RealTimeTextFeature } from './real-time-text.js';
import { RecordingCallFeature } from './recording.js';
import { SpotlightCallFeature } from './spotlight.js';
import { TogetherModeCallFeature } from './together-mode.js';
import { TranscriptionCallFeature } from './transcription.js';
import { TransferCallFeature } from './transfer.js';
import { UserFacingDiagnosticsFeature } from './user-facing-diagnostics.js';
import { VideoEffectsFeature } from './video-effects.js';
import type { CallRecord } from '../calling/call-record.js';

function ofCall<T extends CallFeature>(Feature: new (record: CallRecord) => T): CallFeatureFactory<T> {
  return factory('call', (record: CallRecord) => new Feature(record));
}

/** Names of the features, for `feature()` of a client, a call or a stream. Compare them by reference. */
export const Features = {
  /** Of a call: breakout rooms. */ BreakoutRooms: ofCall(BreakoutRoomsCallFeature),
  /** Of a call: ratings. */ CallSurvey: ofCall(CallSurveyCallFeature),
  /** Of a call: what the user may do. */ Capabilities: ofCall(CapabilitiesFeature),
  /** Of a call: captions. */ Captions: ofCall(CaptionsCallFeature),
  /** Of a call: messages between programs. */ DataChannel: ofCall(DataChannelCallFeature),
  /** Of a call: who speaks. */ DominantSpeakers: ofCall(DominantSpeakersCallFeature),
  /** Of a call: who may send. */ MediaAccess: ofCall(MediaAccessCallFeature),
  /** Of a call: figures. */ MediaStats: ofCall(MediaStatsCallFeature),
  /** Of a call: how many videos to show. */ OptimalVideoCount: ofCall(OptimalVideoCountCallFeature),
  /** Of a call: PowerPoint Live. */ PPTLive: ofCall(PPTLiveCallFeature),
  /** Of a call: raised hands. */ RaiseHand: ofCall(RaiseHandCallFeature),
  /** Of a call: reactions. */ Reaction: ofCall(ReactionCallFeature),
  /** Of a call: text while it is typed. */ RealTimeText: ofCall(RealTimeTextFeature),
  /** Of a call: recording. */ Recording: ofCall(RecordingCallFeature),
  /** Of a call: spotlight. */ Spotlight: ofCall(SpotlightCallFeature),
  /** Of a call: dial-in numbers. */ TeamsMeetingAudioConferencing: ofCall(TeamsMeetingAudioConferencingCallFeature),
  /** Of a call: together mode. */ TogetherMode: ofCall(TogetherModeCallFeature),
  /** Of a call: transcription. */ Transcription: ofCall(TranscriptionCallFeature),
  /** Of a call: transfer. */ Transfer: ofCall(TransferCallFeature),
  /** Of a call: what a user should know. */ UserFacingDiagnostics: ofCall(UserFacingDiagnosticsFeature),
  /** Of a client: browser and SDK. */ DebugInfo: factory('client', () => new DebugInfoFeature()),
  /** Of a local video stream: effects. */ VideoEffects: factory('video', () => new VideoEffectsFeature()),
  /** Of a local audio stream: effects. */ AudioEffects: factory('audio', () => new AudioEffectsFeature()),
};
