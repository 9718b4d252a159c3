// A client of the agent socket that is not our SDK, for the page of any origin-less document: says
// what it is told to and keeps what it hears (security: "a raw client").
window.AgentSocket = class AgentSocket {
  static async open(origin, token, displayName) {
    const agent = new AgentSocket();
    agent.events = [];
    agent.frames = [];
    agent.waiting = new Map();
    agent.number = 0;
    agent.socket = new WebSocket(`${origin.replace(/^http/, 'ws')}/agent`, 'plenary.v1');
    agent.socket.onmessage = ({ data }) => agent.take(JSON.parse(data), data);
    agent.closed = new Promise((resolve) => { agent.socket.onclose = ({ code, reason }) => resolve({ code, reason }); });
    await new Promise((resolve, reject) => {
      agent.socket.onopen = resolve;
      agent.socket.onerror = () => reject(new Error('the agent socket cannot be opened'));
    });
    agent.welcome = (await agent.ask({ hello: { version: 1, token, displayName, client: { kind: 'web', name: 'raw', version: '0' } } })).welcome;
    return agent;
  }

  take(frame, text) {
    this.frames.push(text);
    if (frame.event) {
      this.events.push(frame.event.event);
      return;
    }
    const { id, reply, error } = frame.reply ?? frame.failure;
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (error) waiting.reject(Object.assign(new Error(error.message), error));
    else waiting.resolve(reply);
  }

  /** `request` as in `protocol/src/agent.rs`; rejects with the failure's numbers. */
  ask(request) {
    this.number += 1;
    const id = this.number;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ id, request }));
    });
  }

  /** Joins without media of its own; gives the call's snapshot. */
  async join(link) {
    this.call = crypto.randomUUID();
    return (await this.ask({ join: { call: this.call, locator: { meetingLink: link }, muted: true } })).call;
  }

  /** The numbers of a refusal, or `done`. */
  async attempt(request) {
    try {
      await this.ask(request);
      return 'done';
    } catch ({ code, subCode }) {
      return `${code}/${subCode}`;
    }
  }
};
