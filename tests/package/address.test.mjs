/** Finding the service: from an endpoint that is given, or from the token. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { facade } from './harness/facade.mjs';

const { load } = await facade('address');
const { endpointClaim, socketAddress, where } = await load('address.js');
/** {"endpoint":"https://meet.example","x":"???>>>"} in base64url, without padding. */
const token = 'e30.eyJlbmRwb2ludCI6Imh0dHBzOi8vbWVldC5leGFtcGxlIiwieCI6Ij8_Pz4-PiJ9.sig';

test('the address follows from the endpoint', () => {
  const addresses = {
    'https://meet.example': 'wss://meet.example/agent',
    'http://localhost:8080/': 'ws://localhost:8080/agent',
    ' https://meet.example/base/ ': 'wss://meet.example/base/agent',
    'wss://meet.example': 'wss://meet.example/agent',
    'http://[::1]:8080': 'ws://[::1]:8080/agent',
    'meet.example': undefined,
    'ftp://meet.example': undefined,
    '': undefined,
  };
  for (const [endpoint, address] of Object.entries(addresses)) assert.equal(socketAddress(endpoint), address, endpoint);
});

test('a token says where its service is', () => {
  assert.equal(endpointClaim(token), 'https://meet.example');
  for (const other of ['', 'x', 'a.b.c', 'a.!!!.c', 'e30.e30.x', '..', 'e30.bnVsbA.x']) assert.equal(socketAddress(endpointClaim(other)), undefined, other);
});

test('an endpoint that is given counts, whatever a token says; a bad one is told as missing', async () => {
  const credential = { getToken: async () => ({ token, expiresOnTimestamp: 1 }) };
  const given = where(credential, 'https://own.example');
  assert.equal(given.address, 'wss://own.example/agent');
  assert.equal((await given.getToken()).address, 'wss://own.example/agent');
  const named = where(credential, undefined);
  assert.equal(named.address, undefined);
  assert.deepEqual(await named.getToken(), { token, expiresOnTimestamp: 1, address: 'wss://meet.example/agent' });
  assert.equal((await where(credential, 'nonsense').getToken()).address, undefined);
});
