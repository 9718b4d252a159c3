// A relay for TCP and UDP with a delay each way: what stands between a client and the service in
// tests of networks. Also runs by itself, inside a network namespace:
// `node relay.mjs '{"listen": "127.0.0.1", "target": "10.0.0.1", "tcp": [[8080, 8080]], "udp": [[8082, 8082]], "delay": 0}'`

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

/** Hands things on in order, `delay` ms later. */
class Line {
  constructor(delay) {
    this.delay = delay;
    this.queue = [];
    this.timer = undefined;
  }

  pass(act, extra = 0) {
    if (this.delay === 0) {
      act();
      return;
    }
    this.queue.push({ at: performance.now() + this.delay + extra, act });
    this.run();
  }

  run() {
    if (this.timer) return;
    const [next] = this.queue;
    if (!next) return;
    // Node's timers may be up to a millisecond late, never early.
    this.timer = setTimeout(() => {
      this.timer = undefined;
      const now = performance.now();
      while (this.queue.length > 0 && this.queue[0].at <= now) this.queue.shift().act();
      this.run();
    }, Math.max(0, next.at - performance.now()));
  }
}

function relayTcp({ listen, target, delay }, [port, targetPort]) {
  const sockets = new Set();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: target, port: targetPort, noDelay: true, allowHalfOpen: true });
    const [up, down] = [new Line(delay), new Line(delay)];
    // The connection itself costs a round trip, which a relay cannot hold back: the first bytes pay it.
    let handshake = 2 * delay;
    for (const [from, to, line] of [[client, upstream, up], [upstream, client, down]]) {
      sockets.add(from);
      from.on('data', (bytes) => {
        const extra = from === client ? handshake : 0;
        if (from === client) handshake = 0;
        line.pass(() => to.write(bytes), extra);
      });
      from.on('end', () => line.pass(() => to.end()));
      from.on('error', () => to.destroy());
      from.on('close', () => sockets.delete(from));
    }
  });
  server.listen(port, listen);
  const ready = once(server, 'listening').then(() => server.address().port);
  return {
    ready,
    close() {
      server.close();
      sockets.forEach((socket) => socket.destroy());
    },
  };
}

function relayUdp(settings, [port, targetPort]) {
  const { listen, target, delay } = settings;
  // Evenly, so that every run loses the same.
  let owed = 0;
  const isLost = () => {
    owed += settings.loss;
    if (owed < 1) return false;
    owed -= 1;
    return true;
  };
  const inner = createSocket('udp4');
  const outer = new Map();
  const [up, down] = [new Line(delay), new Line(delay)];
  inner.on('message', (bytes, from) => {
    if (isLost()) return;
    const name = `${from.address}:${from.port}`;
    let socket = outer.get(name);
    if (!socket) {
      socket = createSocket('udp4');
      socket.on('message', (answer) => isLost() || down.pass(() => inner.send(answer, from.port, from.address)));
      socket.on('error', () => {});
      outer.set(name, socket);
    }
    // A link that is down refuses packets; they are lost, as packets are.
    up.pass(() => socket.send(bytes, targetPort, target, () => {}));
  });
  inner.on('error', () => {});
  inner.bind(port, listen);
  const ready = once(inner, 'listening').then(() => inner.address().port);
  return {
    ready,
    close() {
      inner.close();
      outer.forEach((socket) => socket.close());
    },
  };
}

/**
 * Starts relays; port 0 takes a free one. Gives the ports that it listens on; `lose(0.3)` loses that part of all
 * datagrams from now on.
 * @param {{ listen: string, target: string, delay?: number, tcp?: [number, number][], udp?: [number, number][] }} options
 */
export async function startRelay({ listen, target, delay = 0, tcp = [], udp = [] }) {
  const settings = { listen, target, delay, loss: 0 };
  const tcps = tcp.map((ports) => relayTcp(settings, ports));
  const udps = udp.map((ports) => relayUdp(settings, ports));
  return {
    tcp: await Promise.all(tcps.map(({ ready }) => ready)),
    udp: await Promise.all(udps.map(({ ready }) => ready)),
    lose(part) {
      settings.loss = part;
    },
    close() {
      [...tcps, ...udps].forEach((relay) => relay.close());
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await startRelay(JSON.parse(process.argv[2]));
  console.log('ready');
}
