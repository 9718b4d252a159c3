/**
 * The others in a call, as the page shows them: follows the SDK's participants and their streams and
 * says what changed. `joined`, `left` and `changed` events carry the person.
 */
import { Listeners } from './listeners.js';
import { rawId } from './raw-id.js';

/** Participants in these states are not in the meeting (yet, or any more). */
const ABSENT = new Set(['Idle', 'Connecting', 'Ringing', 'EarlyMedia', 'InLobby', 'Disconnected']);

export class People extends EventTarget {
  constructor(call) {
    super();
    this.call = call;
    this.listeners = new Listeners();
    this.followed = new Map();
    this.listeners.add(call, 'remoteParticipantsUpdated', ({ added, removed }) => {
      added.forEach((participant) => this.follow(participant));
      removed.forEach((participant) => this.forget(participant));
    });
    call.remoteParticipants.forEach((participant) => this.follow(participant));
  }

  /** Who is in the meeting, in the order of coming. */
  get list() {
    return [...this.followed.values()].filter(({ person }) => person.present).map(({ person }) => person);
  }

  follow(participant) {
    const id = rawId(participant.identifier);
    if (this.followed.has(id)) return;
    const listeners = new Listeners();
    const streams = new Map();
    const person = { id, participant, name: '', muted: false, speaking: false, stream: null, screen: null, receiving: true, present: false };
    this.followed.set(id, { person, listeners });
    const read = () => this.read(person);
    for (const event of ['stateChanged', 'isMutedChanged', 'displayNameChanged', 'isSpeakingChanged', 'roleChanged']) {
      listeners.add(participant, event, read);
    }
    const watch = (stream) => {
      const own = new Listeners();
      own.add(stream, 'isAvailableChanged', read);
      own.add(stream, 'isReceivingChanged', read);
      streams.set(stream, own);
    };
    listeners.add(participant, 'videoStreamsUpdated', ({ added, removed }) => {
      added.forEach(watch);
      removed.forEach((stream) => {
        streams.get(stream)?.dispose();
        streams.delete(stream);
      });
      read();
    });
    participant.videoStreams.forEach(watch);
    listeners.own(() => streams.forEach((own) => own.dispose()));
    read();
  }

  read(person) {
    const { participant } = person;
    const before = person.present;
    person.name = participant.displayName || 'Somebody';
    person.muted = participant.isMuted;
    person.speaking = participant.isSpeaking && !participant.isMuted;
    const available = participant.videoStreams.filter((stream) => stream.isAvailable);
    const isScreen = ({ mediaStreamType }) => mediaStreamType === 'ScreenSharing';
    person.stream = available.find((stream) => !isScreen(stream)) ?? null;
    person.screen = available.find(isScreen) ?? null;
    person.receiving = person.stream ? person.stream.isReceiving : true;
    person.present = !ABSENT.has(participant.state);
    if (person.present !== before) this.tell(person.present ? 'joined' : 'left', person);
    else if (person.present) this.tell('changed', person);
  }

  forget(participant) {
    const entry = this.followed.get(rawId(participant.identifier));
    if (!entry) return;
    entry.listeners.dispose();
    this.followed.delete(entry.person.id);
    if (!entry.person.present) return;
    entry.person.present = false;
    this.tell('left', entry.person);
  }

  tell(type, person) {
    this.dispatchEvent(new CustomEvent(type, { detail: person }));
  }

  dispose() {
    this.listeners.dispose();
    this.followed.forEach(({ listeners }) => listeners.dispose());
    this.followed.clear();
  }
}
