// What the pages of the benchmark do: a member who schedules and manages, people who stand still and
// send a colour and a tone, and those who move: with our SDK, and with LiveKit's client. `window.Plenary`,
// `window.LivekitClient` and `window.AgentSocket` are there where they are needed.
(() => {
  const request = async (method, path, body, token) => {
    const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
    const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  const credential = ({ token, expiresOn }) => ({ getToken: async () => ({ token, expiresOnTimestamp: Date.parse(expiresOn) }), dispose() {} });

  /** A picture of one colour that moves, so that it is sent again and again. */
  function picture(colour) {
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
    const context = canvas.getContext('2d');
    let turn = 0;
    setInterval(() => {
      turn += 1;
      context.fillStyle = colour;
      context.fillRect(0, 0, 640, 360);
      context.fillStyle = 'black';
      context.fillRect((turn * 7) % 600, 300, 40, 40);
    }, 33);
    return canvas.captureStream(30).getVideoTracks()[0];
  }

  function tone(frequency) {
    const context = new AudioContext();
    const oscillator = new OscillatorNode(context, { frequency });
    const out = context.createMediaStreamDestination();
    oscillator.connect(new GainNode(context, { gain: 0.5 })).connect(out);
    oscillator.start();
    return out.stream.getAudioTracks()[0];
  }

  async function guest(displayName) {
    const made = await request('POST', '/dev/guests', { displayName });
    const client = new window.Plenary.CallClient({ endpoint: location.origin });
    return { id: made.userId, agent: await client.createCallAgent(credential(made), { displayName }) };
  }

  window.actors = {
    /** Signs in, schedules a meeting with one breakout room; gives the link and the room. */
    async organiser() {
      const { value: [{ id }] } = await request('GET', '/dev/members');
      const { accessToken, communicationToken } = await request('POST', '/dev/signIn', { member: id });
      const start = new Date();
      const meeting = await request('POST', '/v1.0/me/onlineMeetings', {
        subject: 'Rooms', startDateTime: start.toISOString(), endDateTime: new Date(+start + 3_600_000).toISOString(),
        lobbyBypassSettings: { scope: 'everyone' },
      }, accessToken);
      const path = `/meetings/${meeting.id}/breakoutRooms`;
      window.manage = (method, rest, body) => request(method, path + rest, body, accessToken);
      const { value: [room] } = await window.manage('POST', '', { count: 1 });
      await window.manage('PATCH', '', { autoMoveParticipantToBreakoutRoom: true });
      await window.manage('POST', '/open', {});
      window.room = room.id;
      // Guests wait until a member is there.
      const client = new window.Plenary.CallClient({ endpoint: location.origin });
      const agent = await client.createTeamsCallAgent(credential(communicationToken));
      await window.__bench.reaches(agent.join({ meetingLink: meeting.joinWebUrl }, { audioOptions: { muted: true } }), 'Connected');
      return meeting.joinWebUrl;
    },

    /** Assigns people to the room; who is in the meeting is moved unless `stay`. */
    async assign({ ids, stay }) {
      await window.manage('PATCH', '', { autoMoveParticipantToBreakoutRoom: !stay });
      await window.manage('POST', '/assign', { assignments: ids.map((id) => ({ id, roomId: window.room })) });
    },

    /** Somebody who sends a colour and a tone; gives their id. */
    async speaker({ link, name, colour, frequency }) {
      const { id, agent } = await guest(name);
      const { LocalVideoStream, LocalAudioStream } = window.Plenary;
      agent.join({ meetingLink: link }, {
        videoOptions: { localVideoStreams: [new LocalVideoStream(new MediaStream([picture(colour)]))] },
        audioOptions: { localAudioStreams: [new LocalAudioStream(new MediaStream([tone(frequency)]))] },
      });
      await window.__bench.reaches(agent.calls[0], 'Connected');
      return id;
    },

    /** People who are there and silent; gives their ids. */
    async crowd({ link, size }) {
      const ids = [];
      for (let n = 0; n < size; n += 1) {
        const { id, agent } = await guest(`Silent ${n}`);
        agent.join({ meetingLink: link }, { audioOptions: { muted: true } });
        await window.__bench.reaches(agent.calls[0], 'Connected');
        ids.push(id);
      }
      return ids;
    },

    /** Who moves with our SDK, in the main meeting. */
    async mover(link) {
      const { id, agent } = await guest('Mover');
      window.agent = agent;
      // Shows everybody, as a page does.
      const show = async (stream) => {
        if (stream.mediaStreamType !== 'Video') return;
        const view = await new window.Plenary.VideoStreamRenderer(stream).createView();
        Object.assign(view.target.style, { width: '640px', height: '360px' });
        document.body.append(view.target);
      };
      const watch = (person) => {
        person.on('videoStreamsUpdated', ({ added }) => added.forEach(show));
        person.videoStreams.forEach(show);
      };
      agent.on('callsUpdated', ({ added }) => added.forEach((call) => {
        call.on('remoteParticipantsUpdated', ({ added: people }) => people.forEach(watch));
        call.remoteParticipants.forEach(watch);
      }));
      agent.join({ meetingLink: link }, { audioOptions: { muted: true } });
      await window.__bench.reaches(agent.calls[0], 'Connected');
      return id;
    },

    /** From `join()` to the first frame of the room, and what was heard meanwhile. */
    async move() {
      const call = window.agent.calls.at(-1);
      const feature = call.feature(window.Plenary.Features.BreakoutRooms);
      while (feature.assignedBreakoutRooms?.state !== 'open') await new Promise((resolve) => { setTimeout(resolve, 20); });
      return window.__bench.moving(() => feature.assignedBreakoutRooms.join());
    },

    async back() {
      const call = window.agent.calls.at(-1);
      await call.feature(window.Plenary.Features.BreakoutRooms).assignedBreakoutRooms.returnToMainMeeting();
      await window.__bench.hears('main');
    },

    /** The same with LiveKit's client: a place in the main meeting, and one in the room; gives the ids. */
    async livekit(link) {
      const seat = async (name) => {
        const { token, userId } = await request('POST', '/dev/guests', { displayName: name });
        const agent = await window.AgentSocket.open(location.origin, token, name);
        return { id: userId, agent, call: await agent.join(link) };
      };
      const [main, room] = [await seat('LiveKit, main'), await seat('LiveKit, room')];
      window.seats = { main, room };
      return { main: main.id, room: room.id };
    },

    async livekitComes() {
      const { main, room } = window.seats;
      const moved = () => room.agent.events.find((event) => event.moved)?.moved;
      while (!moved()) await new Promise((resolve) => { setTimeout(resolve, 20); });
      window.grants = { main: main.call.media, room: moved().to.media };
      await window.enter('main');
      await window.__bench.hears('main');
    },

    /** Leaves the main meeting's room and joins the breakout room's. */
    async livekitMove() {
      return window.__bench.moving(async () => {
        await window.livekit.disconnect();
        await window.enter('room');
      });
    },

    async livekitBack() {
      await window.livekit.disconnect();
      await window.enter('main');
      await window.__bench.hears('main');
    },
  };

  window.enter = async (place) => {
    const room = new window.LivekitClient.Room();
    window.livekit = room;
    room.on('trackSubscribed', (track) => {
      const element = track.attach();
      document.body.append(element);
      track.on('ended', () => element.remove());
    });
    const { url, token } = window.grants[place];
    await room.connect(url, token);
  };
})();
