/**
 * What the facade knows of a call. The public `Call` shows it, the features read it; only this file
 * and `local-media.ts` change it, and only by what the core tells or has done.
 */
import type { Asked, ParticipantInfo, StreamInfo } from '../core.js';
import { settled } from '../errors.js';
import { calls, currentCore, loadedCore, toldEarly, type CallChange, type CallSink, type SharedState } from '../runtime.js';
import { RemoteAudioStream } from '../streams/remote-audio-stream.js';
import { RemoteVideoStream } from '../streams/remote-video-stream.js';
import type { CallEndReason, CallState, ParticipantRole } from '../types.js';
import type { CallCommon } from './call.js';
import { LiveCallInfo } from './live-call-info.js';
import { LocalMedia } from './local-media.js';
import type { Membership } from './membership.js';
import { RemoteParticipant } from './remote-participant.js';

type Of<Type extends CallChange['type']> = Extract<CallChange, { type: Type }>;

export class CallRecord implements CallSink {
  state: CallState = 'None';
  _wasConnected = false;
  end: CallEndReason | undefined;
  role: ParticipantRole = 'Unknown';
  mayAdmit = false;
  threadId: string | undefined;
  participantId = '';
  serverCallId: string | undefined;
  readonly info = new LiveCallInfo(this);
  media = new LocalMedia(this);
  /** Set with the call's making. */
  _membership!: Membership;
  /** The breakout room; without one, the main meeting. */
  room: string | undefined;
  /** Replaced, never changed. */
  remoteParticipants: ReadonlyArray<RemoteParticipant> = [];
  /** Replaced, never changed. */
  _inLobby: ReadonlyArray<RemoteParticipant> = [];
  /** The others are silenced here. */
  _isQuiet = false;
  /** One stream while connected; replaced, never changed. */
  sound: ReadonlyArray<RemoteAudioStream> = [];
  /** Replaced, never changed. */
  shared: SharedState = { recordings: [], hands: [] };
  /** Somebody else muted the microphone, and it is about to be told. */
  private _silenced = false;
  speaking = { speakers: [] as string[], since: Date.now() };
  readonly diagnostics: Record<'network' | 'media', Record<string, boolean | number>> = { network: {}, media: {} };
  /** Somebody looks how well it goes. */
  _lookedAfter: Promise<unknown> | undefined;
  /** `total` as it was told last. */
  private _toldTotal = 0;
  /** Everybody who was ever here: whoever comes back, or comes in from the lobby, is the same object (2.1.2). */
  private readonly people = new Map<string, RemoteParticipant>();

  constructor(
    readonly call: CallCommon,
    readonly id: string,
    public isMuted: boolean,
    private readonly onEnd: () => void,
  ) {}

  apply(change: CallChange): void {
    switch (change.type) {
      case 'call':
        if (change.state === 'Disconnected' && this._membership._endsAfterReturn(this.call, () => this._applyCall(change))) return;
        return this._applyCall(change);
      case 'participants': this._applyParticipants(change); break;
      case 'streams': this._applyStreams(change); break;
      case 'lobby': this._applyLobby(change); break;
      case 'speaking': this._applySpeaking(change); break;
      case 'moved': return this.moved(change);
      case 'state': this.shared = change.state; break;
      case 'muted': return this.mutedByOthers();
      case 'breakout': this._membership.rooms(change); break;
      case 'diagnostic':
        this.diagnostics[change.area][change.diagnostic] = change.value;
        // Perhaps of a device that was lost.
        this.media._lost();
        break;
    }
    this.call._toFeatures(change);
  }

  /** Asks with a word. */
  async ask(...what: Asked): Promise<void> {
    await settled(async () => (await loadedCore()).ask(this.id, ...what));
  }

  /** The service forwards nothing any more; the microphone follows, and then it is told (2.1.7). */
  private mutedByOthers(): void {
    this._silenced = !this.isMuted;
    currentCore()?.ask(this.id, 'mute').catch(() => {});
  }

  /** All properties first, `callEndReason` among them, then the events (2.1.7). */
  private _applyCall(change: Of<'call'>): void {
    const before = { state: this.state, role: this.role, isMuted: this.isMuted };
    const ids = [this.threadId, this.participantId, this.serverCallId].join();
    if (change.end) this.end = { code: change.end.code, subCode: change.end.subCode, message: change.end.message };
    if (change.state !== undefined) this.state = change.state as CallState;
    if (this.state === 'Connected') this._wasConnected = true;
    if (change.role !== undefined) this.role = change.role as ParticipantRole;
    if (change.mayAdmit !== undefined) this.mayAdmit = change.mayAdmit;
    if (change.muted !== undefined) this.isMuted = change.muted;
    this.threadId = change.threadId ?? this.threadId;
    this.participantId = change.participantId ?? this.participantId;
    this.serverCallId = change.serverCallId ?? this.serverCallId;

    const { call } = this;
    if (ids !== [this.threadId, this.participantId, this.serverCallId].join()) this.info._changed();
    if (before.role !== this.role) call._emit('roleChanged');
    if (before.isMuted !== this.isMuted) {
      const silenced = this._silenced && this.isMuted;
      this._silenced = false;
      call._emit('isMutedChanged');
      if (silenced) call._emit('mutedByOthers');
    }
    if (change.screenSharing === false) this.media._screenEnded();
    if (this.state === 'Connected' && !this.sound[0]) this._setSound([new RemoteAudioStream(this)]);
    for (const stream of this.sound) stream._refresh();
    if (before.state !== this.state) call._emit('stateChanged');
    this.counted();
    call._toFeatures(change);
    if (before.state !== this.state && this.state === 'Disconnected') this.ended();
  }

  /** This call goes on as another one. */
  private moved(change: Of<'moved'>): void {
    const next = this._membership.moved(change);
    if (!change.room) return;
    this.call._toRooms((feature) => feature._joined(next));
    // That it has them tells applications that it is a room's call (3.4.3).
    next._toRooms((feature) => feature._settingsChanged());
  }

  /** What the call before had: the place is known before anything is told of it. */
  _goesOn(from: CallRecord, room: string | undefined, threadId: string | undefined): void {
    this.room = room;
    this.threadId = threadId;
    // Of the whole meeting (C3); hands are of their room.
    this.shared = toldEarly(this.id) ?? { ...this.shared, recordings: from.shared.recordings };
    const { media } = from;
    from.media = new LocalMedia(from);
    this.media = media;
    media._belongsTo(this);
    this._isQuiet = from._isQuiet;
  }

  /** Told by an event once it is so. */
  async _setQuiet(quiet: boolean): Promise<void> {
    await this.ask('quiet', quiet);
    if (this._isQuiet === quiet) return;
    this._isQuiet = quiet;
    this.call._emit('isIncomingAudioMutedChanged');
  }

  private _setSound(sound: RemoteAudioStream[]): void {
    const removed = this.sound;
    this.sound = sound;
    for (const stream of removed) stream._ended();
    tell(sound, [...removed], (args) => this.call._emit('remoteAudioStreamsUpdated', args));
  }

  private ended(): void {
    this.end ??= { code: 0, subCode: 0 };
    this._membership.ended(this.call);
    this.info._ended();
    this.media.ended();
    this._setSound([]);
    calls.delete(this.id);
    this.onEnd();
  }

  private _applyParticipants(change: Of<'participants'>): void {
    const infos = [...change.added, ...change.updated];
    const known = new Set(this.remoteParticipants);
    const added = unique(infos.map((info) => this.person(info.id))).filter((person) => !known.has(person));
    const gone = new Set(change.removed.map((id) => this.person(id)));
    const removed = this.remoteParticipants.filter((person) => gone.has(person));
    this.remoteParticipants = [...this.remoteParticipants, ...added].filter((person) => !gone.has(person));
    for (const info of infos) this.person(info.id)._update(info);
    for (const person of removed) {
      this._replaceStreams(person, [], []);
      person._left();
    }
    tell(added.filter((person) => !gone.has(person)), removed, (args) => this.call._emit('remoteParticipantsUpdated', args));
    this.counted();
  }

  /** Everybody in the call, this one too. */
  get total(): number {
    return this.state === 'Connected' ? this.remoteParticipants.length + 1 : 0;
  }

  private counted(): void {
    if (this._toldTotal === this.total) return;
    this._toldTotal = this.total;
    this.call._emit('totalParticipantCountChanged');
  }

  private _applyStreams(change: Of<'streams'>): void {
    const person = this.person(change.participant);
    const known = new Map(person._streams.map((stream) => [stream.id, stream]));
    const added: RemoteVideoStream[] = [];
    for (const info of [...change.added, ...change.updated]) this._putStream(info, known, added);
    const gone = new Set(change.removed);
    this._replaceStreams(person, [...known.values()].filter((stream) => !gone.has(stream.id)), added);
  }

  private _replaceStreams(person: RemoteParticipant, streams: RemoteVideoStream[], added: RemoteVideoStream[]): void {
    const removed = person._streams.filter((stream) => !streams.includes(stream));
    person._streams = streams;
    for (const stream of removed) stream._gone();
    tell(added, removed, (args) => person._emit('videoStreamsUpdated', args));
  }

  private _putStream(info: StreamInfo, known: Map<number, RemoteVideoStream>, added: RemoteVideoStream[]): void {
    const stream = known.get(info.id);
    if (stream) return stream._update(info);
    const made = new RemoteVideoStream(this.id, info);
    known.set(info.id, made);
    added.push(made);
  }

  private _applyLobby(change: Of<'lobby'>): void {
    const known = new Set(this._inLobby);
    const added = unique(change.added.map((info) => this.person(info.id))).filter((person) => !known.has(person));
    const gone = new Set(change.removed.map((id) => this.person(id)));
    const removed = this._inLobby.filter((person) => gone.has(person));
    this._inLobby = [...this._inLobby, ...added].filter((person) => !gone.has(person));
    for (const info of change.added) this.person(info.id)._update(info);
    for (const person of removed) if (person.state === 'InLobby') person._left();
    tell(added, removed, (args) => this.call.lobby._emit('lobbyParticipantsUpdated', args));
  }

  private _applySpeaking(change: Of<'speaking'>): void {
    this.speaking = { speakers: [...change.speakers], since: Date.now() };
    const now = new Set(change.speakers);
    for (const person of this.remoteParticipants) person._speaks(now.has(person._rawId));
    for (const stream of this.sound) stream._refresh();
  }

  private person(rawId: ParticipantInfo['id']): RemoteParticipant {
    let person = this.people.get(rawId);
    if (!person) this.people.set(rawId, (person = new RemoteParticipant(rawId, this)));
    return person;
  }
}

function unique<T>(items: T[]): T[] {
  return [...new Set(items)];
}

function tell<T>(added: T[], removed: T[], emit: (args: { added: T[]; removed: T[] }) => void): void {
  if (added.length > 0 || removed.length > 0) emit({ added, removed });
}
