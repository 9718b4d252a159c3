// An application of the SDK's own in a blank page, for tests of what it is told and in which order: joins,
// goes to rooms, keeps a log. Sends a tone and a picture of its own, so that who hears what can be told
// apart; `tones` are all tones that came in since `listen()`.

// The SDK's elements for sound are outside of the document.
window.sounds = [];
window.Audio = class extends Audio {
  constructor(...given) {
    super(...given);
    window.sounds.push(this);
  }
};
window.Attendee = class Attendee {
  static async open(origin, token, { name, member, tone }) {
    const self = new Attendee();
    self.log = [];
    self.calls = new Map();
    self.heard = new Set();
    self.tapped = new Set();
    self.client = new Plenary.CallClient({ endpoint: origin });
    const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
    self.agent = member ? await self.client.createTeamsCallAgent(credential) : await self.client.createCallAgent(credential, { displayName: name });
    self.agent.on('callsUpdated', ({ added, removed }) => {
      added.forEach((call) => self.follow(call));
      self.note('callsUpdated', { added: added.map((call) => self.name(call)), removed: removed.map((call) => self.name(call)) });
    });
    self.sends(tone);
    return self;
  }

  sends(tone) {
    this.audio = new AudioContext();
    const oscillator = this.audio.createOscillator();
    oscillator.frequency.value = tone;
    const out = this.audio.createMediaStreamDestination();
    oscillator.connect(out);
    oscillator.start();
    const canvas = document.body.appendChild(document.createElement('canvas'));
    [canvas.width, canvas.height] = [160, 90];
    const context = canvas.getContext('2d');
    let at = 0;
    setInterval(() => {
      at += 5;
      context.fillStyle = '#fff';
      context.fillRect(0, 0, 160, 90);
      context.fillStyle = `hsl(${tone % 360} 90% 40%)`;
      context.fillRect(at % 160, 20, 40, 50);
    }, 66);
    this.microphone = new Plenary.LocalAudioStream(out.stream);
    this.camera = new Plenary.LocalVideoStream(canvas.captureStream(15));
  }

  join(link) {
    const call = this.agent.join({ meetingLink: link }, {
      audioOptions: { muted: false, ...(!this.chosen && { localAudioStreams: [this.microphone] }) }, videoOptions: { localVideoStreams: [this.camera] },
    });
    this.follow(call);
  }

  /** Chooses a microphone and a speaker of the browser's, by number; whoever has, joins without the tone. */
  async choose(number) {
    const devices = await this.client.getDeviceManager();
    await devices.askDevicePermission({ audio: true, video: false });
    const [{ [number]: microphone }, { [number]: speaker }] = [await devices.getMicrophones(), await devices.getSpeakers()];
    await Promise.all([devices.selectMicrophone(microphone), devices.selectSpeaker(speaker)]);
    this.chosen = { microphone: microphone.id, speaker: speaker.id };
  }

  /** What sends now and what plays now: ids of microphones and speakers. */
  devices() {
    const tracks = window.__watch.peers.filter(({ signalingState }) => signalingState !== 'closed')
      .flatMap((peer) => peer.getSenders()).map(({ track }) => track).filter((track) => track?.kind === 'audio');
    return {
      microphones: tracks.map((track) => track.getSettings().deviceId),
      speakers: window.sounds.filter(({ srcObject }) => srcObject).map(({ sinkId }) => sinkId),
    };
  }

  /** `main`, `room 1`, `room 2`, … in the order of coming. */
  name(call) {
    return this.calls.get(call);
  }

  follow(call) {
    if (this.calls.has(call)) return;
    this.calls.set(call, this.calls.size === 0 ? 'main' : `call ${this.calls.size}`);
    const name = this.name(call);
    const rooms = call.feature(Plenary.Features.BreakoutRooms);
    call.on('stateChanged', () => this.note('state', { call: name, state: call.state, subCode: call.callEndReason?.subCode }));
    rooms.on('breakoutRoomsUpdated', ({ type, data }) => this.note(type, {
      call: name,
      ...(type === 'join' && { joined: this.name(data), thread: data.info.threadId, listed: this.agent.calls.includes(data) }),
      ...(type === 'assignedBreakoutRooms' && { state: data?.state, room: data?.displayName, same: data === rooms.assignedBreakoutRooms }),
      ...(type === 'breakoutRooms' && { states: data?.map(({ state }) => state) }),
      ...(type === 'breakoutRoomsSettings' && { settings: data }),
    }));
    rooms.on('announcementReceived', ({ message }) => this.note('announcement', { call: name, message }));
    call.remoteParticipants.forEach((person) => this.render(person));
    call.on('remoteParticipantsUpdated', ({ added }) => added.forEach((person) => this.render(person)));
    call.on('remoteParticipantsUpdated', ({ added, removed }) => this.note('people', {
      call: name, added: added.map(({ displayName }) => displayName), removed: removed.map(({ displayName }) => displayName),
    }));
  }

  /** Pictures are sent to who shows them. */
  render(person) {
    const show = async (stream) => {
      let renderer;
      const view = async () => {
        renderer = new Plenary.VideoStreamRenderer(stream);
        const { target } = await renderer.createView();
        target.style.height = '90px';
        document.body.append(target);
      };
      // A stream that is gone by the time is no longer worth showing.
      stream.on('isAvailableChanged', () => { if (stream.isAvailable) view().catch(() => {}); else renderer.dispose(); });
      await view();
    };
    person.videoStreams.forEach(show);
    person.on('videoStreamsUpdated', ({ added }) => added.forEach(show));
  }

  note(what, about) {
    this.log.push({ what, ...about });
  }

  /** The call that is not on hold. */
  get call() {
    return [...this.calls.keys()].findLast(({ state }) => state === 'Connected');
  }

  get main() {
    return [...this.calls.keys()][0];
  }

  feature(call = this.call) {
    return call.feature(Plenary.Features.BreakoutRooms);
  }

  get assigned() {
    return this.feature(this.call ?? this.main).assignedBreakoutRooms;
  }

  room(name) {
    return this.feature().breakoutRooms.find(({ displayName }) => displayName === name);
  }

  /** What is true now, as text and numbers. */
  look() {
    const call = this.call;
    const { assigned } = this;
    return {
      calls: this.agent.calls.map((one) => `${this.name(one)}: ${one.state}`),
      call: call && this.name(call),
      inRoom: Boolean(call && this.feature().breakoutRoomsSettings),
      room: call && this.feature().breakoutRooms?.find((one) => one.call === call)?.displayName,
      assigned: assigned && { name: assigned.displayName, state: assigned.state, thread: assigned.threadId, invitees: assigned.invitees },
      people: call?.remoteParticipants.filter(({ state }) => state === 'Connected' || state === 'Hold').map(({ displayName }) => displayName).sort(),
      muted: call?.isMuted,
      videos: call?.localVideoStreams.length,
    };
  }

  /** `done`, or the numbers of a refusal. */
  async attempt(act) {
    try {
      await act(this);
      return 'done';
    } catch (error) {
      return `${error.code}/${error.subCode}`;
    }
  }

  /**
   * From now on it is kept which of these tones come in, on any peer connection, and what every socket says;
   * `readings` are those of sound that was new.
   */
  listen(tones) {
    clearInterval(this.listening);
    this.heard.clear();
    this.readings = 0;
    let read = this.audio.currentTime;
    this.frames = '';
    for (const socket of window.__watch.sockets) {
      if (this.tapped.has(socket)) continue;
      this.tapped.add(socket);
      socket.addEventListener('message', async ({ data }) => {
        if (typeof data === 'string') this.frames += data;
        else this.frames += new TextDecoder('latin1').decode(data instanceof Blob ? await data.arrayBuffer() : data);
      });
    }
    this.ears ??= new Map();
    this.listening = setInterval(() => {
      if (this.audio.currentTime > read) this.readings += 1;
      read = this.audio.currentTime;
      for (const peer of window.__watch.peers) {
        for (const { track } of peer.getReceivers()) {
          if (track.kind !== 'audio' || track.readyState !== 'live' || this.ears.has(track)) continue;
          this.ears.set(track, window.ear(this.audio, [track]));
        }
      }
      for (const [track, ear] of this.ears) {
        // The last that an ended track gave stands in its analyser for good.
        if (track.readyState === 'live') for (const tone of ear(tones)) this.heard.add(tone);
      }
    }, 50);
  }

  /** Packets of sound that came in so far, by receiver. */
  async sounds() {
    const packets = {};
    for (const [at, peer] of window.__watch.peers.entries()) {
      if (peer.signalingState === 'closed') continue;
      for (const { type, kind, mid, packetsReceived } of (await peer.getStats()).values()) {
        if (type === 'inbound-rtp' && kind === 'audio') packets[`${at} ${mid}`] = packetsReceived;
      }
    }
    return packets;
  }
};
