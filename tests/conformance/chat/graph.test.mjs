// A breakout room's chat (E5): a member reads and writes it with Microsoft's Graph client, a guest with their
// chat client does not. PLENARY_SERVICE_BIN names the program (`cargo xtask test` sets it).

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { request } from 'node:https';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { AzureCommunicationTokenCredential } from '@azure/communication-common';
import { ChatClient } from '@azure/communication-chat';
import { startService } from './service.mjs';

let service;
before(async () => { service = await startService(); });
after(() => service?.stop());

/** JSON over HTTPS, by hand. */
const ask = (method, path, token, body) => new Promise((resolve, reject) => {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const asked = request(`${service.origin}${path}`, { method, ca: service.ca, headers });
  asked.on('error', reject).on('response', async (answer) => {
    const text = Buffer.concat(await answer.toArray()).toString();
    if (answer.statusCode >= 400) reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`));
    else resolve(JSON.parse(text));
  });
  asked.end(body && JSON.stringify(body));
});

test('a member reads and writes a room\'s chat by the Graph client, and a guest does not', async () => {
  const { value: members } = await ask('GET', '/dev/members');
  const signIn = async (name) => {
    const { id } = members.find(({ displayName }) => displayName.startsWith(name));
    return (await ask('POST', '/dev/signIn', undefined, { member: id })).accessToken;
  };
  const [olivia, marco] = [await signIn('Olivia'), await signIn('Marco')];
  const meeting = await ask('POST', '/v1.0/me/onlineMeetings', olivia, { subject: 'Plenary' });
  const rooms = await ask('POST', `/meetings/${meeting.id}/breakoutRooms`, olivia, { count: 1 });
  const room = rooms.value[0].threadId;
  const other = await ask('POST', '/v1.0/me/onlineMeetings', marco, { subject: 'Not hers' });

  const settings = {
    ...process.env,
    NODE_EXTRA_CA_CERTS: join(service.data, 'tls', 'authority.pem'),
    ORIGIN: service.origin, TOKEN: olivia, ROOM: room, FOREIGN: other.chatInfo.threadId,
  };
  const scenario = fileURLToPath(new URL('graph.scenario.mjs', import.meta.url));
  await promisify(execFile)(process.execPath, [scenario], { env: settings });

  const { token } = await service.guest('Ada');
  const client = new ChatClient(service.origin, new AzureCommunicationTokenCredential(token), {
    tlsOptions: { ca: service.ca }, retryOptions: { maxRetries: 0 },
  });
  const thread = client.getChatThreadClient(room);
  await assert.rejects(thread.sendMessage({ content: 'x' }), { statusCode: 403, code: 'Forbidden' });
  await assert.rejects(thread.listMessages().next(), { statusCode: 403, code: 'Forbidden' });
});
