/**
 * What the SDK's user-facing diagnostics mean for somebody in a meeting: bars for what they can do
 * something about, the log for the rest.
 */
const GOOD = 1;

const SENTENCES = {
  speakingWhileMicrophoneIsMuted: 'You are speaking, but your microphone is muted',
  cameraFreeze: 'Your camera has stopped sending pictures',
  cameraStartFailed: 'Your camera could not be started',
  cameraStartTimedOut: 'Your camera did not start in time',
  cameraPermissionDenied: 'This page may not use your camera',
  cameraStoppedUnexpectedly: 'Your camera stopped',
  microphonePermissionDenied: 'This page may not use your microphone',
  microphoneNotFunctioning: 'Your microphone does not work',
  microphoneMuteUnexpectedly: 'Your microphone was muted by the system',
  microphoneNotMuteButSilent: 'Your microphone is on, but nothing is heard from it',
  noMicrophoneDevicesEnumerated: 'There is no microphone',
  noSpeakerDevicesEnumerated: 'There is no speaker',
  networkReceiveQuality: 'The network receives badly',
  networkSendQuality: 'The network sends badly',
  networkRelaysNotReachable: 'The media servers cannot be reached',
};

/** Whether a diagnostic's value says that something is wrong: a flag that is set, a quality that is not good. */
function bad(value) {
  return typeof value === 'number' ? value > GOOD : value === true;
}

export function watchDiagnostics({ sdk, call, listeners, notices, problems, announce }) {
  const feature = call.feature(sdk.Features.UserFacingDiagnostics);
  const down = new Set();
  const show = ({ diagnostic, value }) => {
    const wrong = bad(value);
    if (diagnostic === 'networkReconnect' || diagnostic === 'noNetwork') {
      const before = down.size;
      if (wrong) down.add(diagnostic);
      else down.delete(diagnostic);
      if (down.has('noNetwork')) {
        notices.show('reconnecting', 'There is no network. You stay in the meeting and are connected again as soon as it is back.', { warn: true, busy: true });
      } else if (down.size > 0) {
        notices.show('reconnecting', 'The connection was interrupted. Connecting again…', { warn: true, busy: true });
      } else if (before > 0) {
        notices.hide('reconnecting');
        announce.say('Connected again');
        problems.add('The connection is back');
      }
      if (wrong && before === 0) problems.add('The connection was interrupted');
      return;
    }
    if (/autoplay|playback/i.test(diagnostic)) {
      if (!wrong) notices.hide('autoplay');
      // Any click resumes the sound; the button is there to be clicked.
      else notices.show('autoplay', 'Your browser has blocked the sound.', { warn: true, iconName: 'speaker', buttons: [{ text: 'Turn sound on', primary: true, act: () => {} }] });
      return;
    }
    const sentence = SENTENCES[diagnostic] ?? diagnostic;
    if (wrong) problems.add(sentence);
    if (diagnostic === 'speakingWhileMicrophoneIsMuted') {
      if (wrong) notices.show('muted-speech', `${sentence}.`, { iconName: 'mic-off' });
      else notices.hide('muted-speech');
    }
  };
  for (const area of [feature.network, feature.media]) {
    listeners.add(area, 'diagnosticChanged', show);
    // Whatever was said before anybody listened.
    for (const [diagnostic, latest] of Object.entries(area.getLatest?.() ?? {})) {
      if (latest && 'value' in Object(latest)) show({ diagnostic, value: latest.value });
    }
  }
}
