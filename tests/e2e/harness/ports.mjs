// Ports of loopback that are free now.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

export async function freeTcpPort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Free for UDP and TCP: media is taken by both at one number. */
export async function freeMediaPort() {
  for (;;) {
    const port = await freeTcpPort();
    const socket = createSocket('udp4');
    const bound = once(socket, 'listening').then(() => true, () => false);
    socket.bind(port, '127.0.0.1');
    const free = await bound;
    socket.close();
    if (free) return port;
  }
}
