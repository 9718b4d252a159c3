/** Tells that the meeting is recorded or transcribed, as long as it is (C3). */

const TEXTS = [
  [true, true, 'This meeting is being recorded and transcribed.'],
  [true, false, 'This meeting is being recorded.'],
  [false, true, 'This meeting is being transcribed.'],
];

export class RecordingNotice {
  constructor({ sdk, notices, announce }) {
    Object.assign(this, { sdk, notices, announce });
    this.told = '';
  }

  /** The call that is on now; the listeners go with it. */
  follow(call, listeners) {
    const { Recording, Transcription } = this.sdk.Features;
    const [recording, transcription] = [call.feature(Recording), call.feature(Transcription)];
    const show = () => this.show(recording.isRecordingActive, transcription.isTranscriptionActive);
    listeners.add(recording, 'isRecordingActiveChanged', show);
    listeners.add(transcription, 'isTranscriptionActiveChanged', show);
    show();
  }

  show(recorded, transcribed) {
    const [,, text = ''] = TEXTS.find(([one, other]) => one === recorded && other === transcribed) ?? [];
    if (text === this.told) return;
    this.told = text;
    this.announce.say(text || 'This meeting is no longer recorded or transcribed.');
    if (text) this.notices.show('recording', text, { iconName: 'record' });
    else this.notices.hide('recording');
  }
}
