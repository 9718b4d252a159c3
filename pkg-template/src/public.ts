/** The public surface, the same for every entry. What is not listed here is not public. */
export { CallClient } from './calling/call-client.js';
export { configure } from './configuration.js';
export { BackgroundBlurEffect, BackgroundReplacementEffect, DeepNoiseSuppressionEffect } from './effects.js';
export {
  CallAgentKind, CallKind, DevicePermissionAccess, DiagnosticQuality, disconnectCategoryMap, IncomingCallKind, RecordingState,
} from './enums.js';
export { Features } from './features/features.js';
export { LocalAudioStream } from './streams/local-audio-stream.js';
export { LocalVideoStream, WbLocalVideoStream } from './streams/local-video-stream.js';
export { VideoStreamRenderer } from './streams/video-stream-renderer.js';

export type * from './calling/call-agent.js';
export type * from './calling/call-info.js';
export type * from './calling/call.js';
export type * from './calling/incoming-call.js';
export type * from './calling/lobby.js';
export type * from './calling/remote-participant.js';
export type * from './devices/device-manager.js';
export type { DisconnectCategory, DisconnectReason } from './enums.js';
export type { CommunicationServicesError } from './errors.js';
export type { CollectionUpdatedEvent, Emitter, PropertyChangedEvent } from './events.js';
export type * from './features/audio-conferencing.js';
export type * from './features/audio-effects.js';
export type * from './features/breakout-rooms.js';
export type * from './features/call-survey.js';
export type * from './features/capabilities.js';
export type * from './features/captions.js';
export type * from './features/data-channel.js';
export type * from './features/debug-info.js';
export type * from './features/dominant-speakers.js';
export type {
  CallClientFeatureFactory, CallFeature, CallFeatureFactory, FeatureFactory, LocalAudioStreamFeatureFactory,
  LocalVideoStreamFeatureFactory,
} from './features/factory.js';
export type * from './features/media-access.js';
export type * from './features/media-stats.js';
export type * from './features/optimal-video-count.js';
export type * from './features/ppt-live.js';
export type * from './features/raise-hand.js';
export type * from './features/reaction.js';
export type * from './features/real-time-text.js';
export type * from './features/recording.js';
export type * from './features/spotlight.js';
export type * from './features/together-mode.js';
export type * from './features/transcription.js';
export type * from './features/transfer.js';
export type * from './features/user-facing-diagnostics.js';
export type * from './features/video-effects.js';
export type * from './identifiers.js';
export type { LocalAudioStreamEvents, LocalAudioStreamOptions } from './streams/local-audio-stream.js';
export type { Volume } from './streams/volume.js';
export type { LocalVideoStreamEvents, LocalVideoStreamOptions } from './streams/local-video-stream.js';
export type * from './streams/remote-audio-stream.js';
export type * from './streams/remote-video-stream.js';
export type { VideoStreamRendererView } from './streams/video-stream-renderer.js';
export type * from './types.js';
