// Microsoft's own identity client, unchanged, against the service: users, tokens, revocation, the exchange
// of a member's access token. PLENARY_SERVICE_BIN names the program (`cargo xtask test` sets it).

import assert from 'node:assert/strict';
import { spawn, execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { AzureCommunicationTokenCredential } from '@azure/communication-common';
import { CommunicationIdentityClient } from '@azure/communication-identity';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const BINARY = process.env.PLENARY_SERVICE_BIN ?? join(ROOT, 'target/debug/plenary-service');

let data;
let service;
let origin;
let connectionString;
let client;

before(async () => {
  data = await mkdtemp(join(tmpdir(), 'plenary-identity-'));
  const settings = { ...process.env, PLENARY_DATA: data };
  service = spawn(BINARY, ['serve', '--listen', '127.0.0.1:0', '--udp', '127.0.0.1:0'], {
    cwd: data, env: settings, stdio: ['ignore', 'pipe', 'inherit'],
  });
  origin = await new Promise((resolve, reject) => {
    service.once('error', reject);
    service.once('exit', (code) => reject(new Error(`the service ended (${code})`)));
    createInterface({ input: service.stdout }).on('line', (line) => {
      const [, url] = /^listening: (\S+)/.exec(line) ?? [];
      if (url) resolve(url);
    });
  });
  const { stdout } = await promisify(execFile)(BINARY, ['keys', '--public-url', origin], { cwd: data, env: settings });
  [connectionString] = stdout.trim().split('\n');
  client = new CommunicationIdentityClient(connectionString, { allowInsecureConnection: true });
});

after(async () => {
  service?.kill();
  await rm(data, { recursive: true, force: true });
});

const claims = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());

test('makes a user, a user with a token, and issues tokens', async () => {
  const user = await client.createUser();
  assert.match(user.communicationUserId, /^8:acs:[0-9a-f-]{36}_[0-9a-f-]{36}$/);
  const both = await client.createUserAndToken(['chat', 'voip'], { tokenExpiresInMinutes: 60 });
  assert.equal(`8:${claims(both.token).skypeid}`, both.user.communicationUserId);
  assert.equal(claims(both.token).acsScope, 'chat,voip');
  assert.ok(Math.abs(both.expiresOn.getTime() - Date.now() - 3_600_000) < 60_000);
  const issued = await client.getToken(user, ['voip.join']);
  assert.equal(issued.expiresOn.getTime(), claims(issued.token).exp * 1000);
  const read = await new AzureCommunicationTokenCredential(issued.token).getToken();
  assert.equal(read.expiresOnTimestamp, issued.expiresOn.getTime());
});

test('revokes tokens and deletes users', async () => {
  const user = await client.createUser();
  await client.revokeTokens(user);
  await client.getToken(user, ['chat']);
  await client.deleteUser(user);
  await assert.rejects(client.getToken(user, ['chat']), (error) => error.statusCode === 404 && error.code === 'IdentityNotFound');
});

test('accepts both keys and refuses others', async () => {
  const { stdout } = await promisify(execFile)(BINARY, ['keys', '--data', data, '--public-url', origin]);
  for (const line of stdout.trim().split('\n')) {
    await new CommunicationIdentityClient(line, { allowInsecureConnection: true }).createUser();
  }
  const forged = connectionString.replace(/accesskey=.*/, `accesskey=${Buffer.alloc(64).toString('base64')}`);
  const stranger = new CommunicationIdentityClient(forged, { allowInsecureConnection: true });
  await assert.rejects(stranger.createUser(), (error) => error.statusCode === 401);
});

test('refuses lives that are too short or too long', async () => {
  const user = await client.createUser();
  for (const tokenExpiresInMinutes of [59, 1441]) {
    await assert.rejects(client.getToken(user, ['chat'], { tokenExpiresInMinutes }), (error) => error.statusCode === 400);
  }
});

test('exchanges a member’s access token of the development organisation', async () => {
  const { value } = await (await fetch(`${origin}/dev/members`)).json();
  const signedIn = await (await fetch(`${origin}/dev/signIn`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ member: value[0].id }),
  })).json();
  const request = { teamsUserAadToken: signedIn.accessToken, clientId: signedIn.appId, userObjectId: value[0].id };
  const token = await client.getTokenForTeamsUser(request);
  assert.equal(claims(token.token).skypeid, `orgid:${value[0].id}`);
  const stolen = { ...request, userObjectId: value[1].id };
  await assert.rejects(client.getTokenForTeamsUser(stolen), (error) => error.statusCode === 401);
});

test('the backend of docs/tokens.md gives tokens', async (t) => {
  const page = await readFile(join(ROOT, 'docs/tokens.md'), 'utf8');
  const [, program] = /^```js runs\n([\s\S]*?)^```$/m.exec(page);
  // Beside this file, where Node finds the packages.
  const file = fileURLToPath(new URL(`backend-${process.pid}.mjs`, import.meta.url));
  await writeFile(file, program);
  t.after(() => rm(file));
  const backend = spawn(process.execPath, [file], {
    env: { ...process.env, MEETING_CONNECTION_STRING: connectionString, PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => backend.kill());
  const port = await new Promise((resolve, reject) => {
    backend.once('exit', (code) => reject(new Error(`the backend ended (${code})`)));
    createInterface({ input: backend.stdout }).on('line', (line) => resolve(/^listening on (\d+)/.exec(line)?.[1]));
  });
  const { userId, token, expiresOnTimestamp } = await (await fetch(`http://127.0.0.1:${port}/`)).json();
  assert.equal(`8:${claims(token).skypeid}`, userId);
  assert.equal(claims(token).acsScope, 'chat,voip');
  assert.equal(claims(token).exp * 1000, expiresOnTimestamp);
});
