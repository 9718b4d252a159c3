import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIdentifierFromRawId, getIdentifierRawId } from '@azure/communication-common';
import { facade } from './harness/facade.mjs';

const { load } = await facade('identifiers');
const { identifierOf, rawIdOf } = await load('identifiers.js');

const rawIds = [
  '8:acs:bbbcbc1e-9f06-482a-b5d8-20e3f26ef0cd_45ab2481-1c1c-4005-be24-0ffb879b1130',
  '8:acs:resource_tenant_user', '8:acs:a_b_c_d', '8:acs:alone', '8:dod-acs:r_u', '8:gcch-acs:r_t_u', '8:dod-acs:r_t_u', '8:spool:r_u',
  '8:orgid:45ab2481-1c1c-4005-be24-0ffb879b1130', '8:dod:x', '8:gcch:x', '8:teamsvisitor:x',
  '28:orgid:app', '28:dod:app', '28:gcch:app', '28:app', '28:acs:app', '28:bot:x',
  '4:+15551234567', '4:anonymous', '4:+1555_123', '4:+1555_', '4:', '4:_a',
  '', 'someone', '8:', '8:acs', '8:acs:', '8:orgid:', '8:acs:a:b', '9:acs:a', '8:unknown:x', '8:constructor:x', '8:toString:x', '28:constructor:x',
];

test('a raw id gives the identifier that communication-common gives', () => {
  for (const rawId of rawIds) assert.deepEqual(identifierOf(rawId), createIdentifierFromRawId(rawId), rawId);
});

test('an identifier gives the raw id that communication-common gives', () => {
  const identifiers = [
    ...rawIds.map((rawId) => createIdentifierFromRawId(rawId)),
    { communicationUserId: '8:acs:a_b' },
    { microsoftTeamsUserId: 'x' }, { microsoftTeamsUserId: 'x', isAnonymous: true }, { microsoftTeamsUserId: 'x', cloud: 'gcch' },
    { microsoftTeamsUserId: 'x', rawId: '8:own:y' }, { microsoftTeamsUserId: 'x', rawId: '' },
    { teamsAppId: 'a' }, { teamsAppId: 'a', cloud: 'dod' }, { phoneNumber: '+1' }, { phoneNumber: '+1', rawId: '4:own' },
    { userId: 'u', tenantId: 't', resourceId: 'r' }, { userId: 'u', tenantId: 't', resourceId: 'r', cloud: 'dod' }, { id: 'x' },
  ];
  for (const identifier of identifiers) assert.equal(rawIdOf(identifier), getIdentifierRawId(identifier), JSON.stringify(identifier));
});

test('a raw id is taken as it is, and anything else is an error with a code', () => {
  assert.equal(rawIdOf('8:acs:a_b'), '8:acs:a_b');
  for (const wrong of [undefined, null, {}, { kind: 'communicationUser' }]) {
    assert.throws(() => rawIdOf(wrong), { code: 400, subCode: 59202 });
  }
});

test('two reads of an identifier do not share an object', () => {
  assert.notEqual(identifierOf(rawIds[0]), identifierOf(rawIds[0]));
});
