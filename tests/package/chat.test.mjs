/**
 * The chat clients over a scripted service: addresses, shapes, pages, errors and events. When a request goes
 * is the core's decision (`src/chat/`); here it goes at once, and its answer is given as it is.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import { join } from 'node:path';
import { credential, facade, root, settle } from './harness/facade.mjs';

const { scripted, load } = await facade('chat');
const { ChatClient, ChatThreadClient, RestError } = await load('chat.js');
const { notification } = await load('chat/notifications.js');
const { runtime } = { runtime: await load('runtime.js') };

const origin = 'https://meet.example';
const id = '19:abc@thread.v2';
const ada = '8:acs:resource_ada';
let asked = [];
let answers = [];
globalThis.fetch = async (address, { method, headers, body }) => {
  asked.push({ address, method, headers, body: body && JSON.parse(body) });
  const { status = 200, json, headers: more } = answers.shift() ?? {};
  return new Response(json === undefined ? null : JSON.stringify(json), { status, headers: more });
};
afterEach(() => { asked = []; answers = []; });

const client = new ChatClient(`${origin}/`, credential);
const thread = client.getChatThreadClient(id);
const all = async (pages) => { const found = []; for await (const one of pages) found.push(one); return found; };
const fails = (promise) => promise.then(() => assert.fail('it did not fail'), (error) => error);

test('every operation asks for what the REST interface has (rest 4)', async () => {
  const t = `${origin}/chat/threads/19%3Aabc%40thread.v2`;
  const person = { id: { communicationUserId: ada }, displayName: 'Ada', shareHistoryTime: new Date(0) };
  const wire = { communicationIdentifier: { rawId: ada }, displayName: 'Ada', shareHistoryTime: '1970-01-01T00:00:00.000Z' };
  const operations = [
    [() => client.createChatThread({ topic: 'x' }, { participants: [person], idempotencyToken: 'once' }), 'POST', `${origin}/chat/threads`, { topic: 'x', participants: [wire] }],
    [() => client.deleteChatThread(id), 'DELETE', t],
    [() => thread.getProperties(), 'GET', t],
    [() => thread.updateTopic('y'), 'PATCH', t, { topic: 'y' }],
    [() => thread.updateProperties({ metadata: { a: 'b' } }), 'PATCH', t, { metadata: { a: 'b' } }],
    [() => thread.sendMessage({ content: 'hi' }, { type: 'html', senderDisplayName: 'Ada' }), 'POST', `${t}/messages`, { content: 'hi', type: 'html', senderDisplayName: 'Ada' }],
    [() => thread.getMessage('1/2'), 'GET', `${t}/messages/1%2F2`],
    [() => thread.updateMessage('1', { content: 'ho' }), 'PATCH', `${t}/messages/1`, { content: 'ho' }],
    [() => thread.deleteMessage('1'), 'DELETE', `${t}/messages/1`],
    [() => thread.addParticipants({ participants: [person] }), 'POST', `${t}/participants/:add`, { participants: [wire] }],
    [() => thread.removeParticipant(person.id), 'POST', `${t}/participants/:remove`, { rawId: ada }],
    [() => thread.sendTypingNotification({ senderDisplayName: 'Ada' }), 'POST', `${t}/typing`, { senderDisplayName: 'Ada' }],
    [() => thread.sendReadReceipt({ chatMessageId: '1' }), 'POST', `${t}/readReceipts`, { chatMessageId: '1' }],
  ];
  for (const [operation, method, address, body] of operations) {
    await operation();
    const [last] = asked.splice(0);
    assert.deepEqual([last.method, last.address, last.body], [method, `${address}?api-version=2025-03-15`, body]);
    assert.equal(last.headers.authorization, 'Bearer a.b.c');
    assert.equal(last.headers['content-type'], body && (method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'));
    const once = last.headers['repeatability-request-id'];
    assert.equal(once !== undefined, address.endsWith('/threads') || address.endsWith('/messages'), address);
  }
});

test('answers come with identifiers, dates and the client’s names', async () => {
  answers = [{ json: {
    id: '1', type: 'participantAdded', sequenceId: '2', version: '3', createdOn: '2026-01-02T03:04:05Z', metadata: { createdOn: 'mine' },
    senderCommunicationIdentifier: { rawId: '8:orgid:m', microsoftTeamsUser: { userId: 'm', isAnonymous: false, cloud: 'public' } },
    content: { participants: [{ communicationIdentifier: { rawId: ada }, shareHistoryTime: '2026-01-01T00:00:00Z' }], initiatorCommunicationIdentifier: { rawId: ada } },
  } }];
  const guest = { kind: 'communicationUser', communicationUserId: ada };
  assert.deepEqual(await thread.getMessage('1'), {
    id: '1', type: 'participantAdded', sequenceId: '2', version: '3', createdOn: new Date('2026-01-02T03:04:05Z'), metadata: { createdOn: 'mine' },
    sender: { kind: 'microsoftTeamsUser', microsoftTeamsUserId: 'm', isAnonymous: false, cloud: 'public' },
    content: { participants: [{ id: guest, shareHistoryTime: new Date('2026-01-01T00:00:00Z') }], initiator: guest },
  });
});

test('a list comes page by page, and the token goes to no other host', async () => {
  const pages = [
    { json: { value: [{ id: '3' }, { id: '2' }], nextLink: 'https://elsewhere.example/chat/threads/x/messages?syncState=abc' } },
    { json: { value: [{ id: '1' }] } },
  ];
  answers = [...pages];
  assert.deepEqual((await all(thread.listMessages({ maxPageSize: 2, startTime: new Date(0) }))).map((one) => one.id), ['3', '2', '1']);
  assert.match(asked[0].address, /messages\?api-version=2025-03-15&maxPageSize=2&startTime=1970-01-01T00%3A00%3A00.000Z$/);
  assert.equal(asked[1].address, `${origin}/chat/threads/x/messages?syncState=abc`);
  answers = [...pages];
  const settings = { maxPageSize: 2 };
  const byPage = thread.listMessages().byPage(settings);
  assert.equal((await byPage.next()).value.length, 2);
  answers = [{ json: { value: [{ id: '1' }] } }];
  const later = await all(thread.listMessages().byPage({ continuationToken: settings.continuationToken }));
  assert.deepEqual(later.map((page) => page.map((one) => one.id)), [['1']]);
});

test('a refusal is a RestError with what the service said', async () => {
  const body = { error: { code: 'Forbidden', message: 'No.' } };
  answers = [{ status: 403, json: body }];
  const error = await fails(thread.getProperties());
  assert.ok(error instanceof RestError && error instanceof Error);
  assert.deepEqual([error.name, error.code, error.statusCode, error.message, error.details], ['RestError', 'Forbidden', 403, 'No.', body]);
  answers = [{ status: 502 }];
  const { code, statusCode } = await fails(thread.getProperties());
  assert.deepEqual([code, statusCode], ['502', 502]);
});

test('what cannot be sent says why', async () => {
  const gone = globalThis.fetch;
  globalThis.fetch = async () => { throw new TypeError('Failed to fetch'); };
  const error = await fails(thread.getProperties());
  globalThis.fetch = gone;
  assert.deepEqual([error.name, error.code, error.statusCode], ['RestError', 'REQUEST_SEND_ERROR', undefined]);
  const aborted = await fails(thread.getProperties({ abortSignal: AbortSignal.abort() }));
  assert.equal(aborted.name, 'AbortError');
  assert.deepEqual(asked, []);
  const refusing = new ChatClient(origin, { getToken: async () => { throw new Error('no token'); } });
  assert.equal((await fails(refusing.deleteChatThread(id))).message, 'no token');
});

test('a token is sent in the open to this machine alone, unless the application says so', () => {
  for (const endpoint of ['http://localhost:8080', 'http://127.0.0.1', 'http://[::1]:1', 'https://x.example']) new ChatClient(endpoint, credential);
  assert.throws(() => new ChatClient('http://x.example', credential), { code: 400 });
  assert.throws(() => new ChatThreadClient('http://localhost.example', id, credential), { code: 400 });
  new ChatClient('http://x.example', credential, { allowInsecureConnection: true });
  assert.throws(() => new ChatClient(origin, {}), { code: 400 });
});

test('typing is told every eight seconds, and again after a message', async () => {
  const typing = client.getChatThreadClient(id);
  assert.equal(await typing.sendTypingNotification(), true);
  assert.equal(await typing.sendTypingNotification(), false);
  await typing.sendMessage({ content: 'so' });
  assert.equal(await typing.sendTypingNotification(), true);
});

test('without requests under way the core is given back', async () => {
  await settle();
  assert.equal(runtime.currentCore(), undefined);
  assert.ok(scripted.cores.at(-1).named('dispose').length === 1);
});

test('on a server there are no notifications, and nothing is subscribed before they are started', async () => {
  await assert.rejects(client.startRealtimeNotifications(), /not supported in node/);
  assert.throws(() => client.on('chatMessageReceived', () => {}), /startRealtimeNotifications/);
  client.on('realTimeNotificationConnected', () => {});
});

test('clients of one credential share a connection, and each is told with objects of its own', async () => {
  [globalThis.WebSocket, globalThis.document] = [class {}, {}];
  const [one, other] = [new ChatClient(origin, credential), new ChatClient(origin, credential)];
  await Promise.all([one.startRealtimeNotifications(), other.startRealtimeNotifications()]);
  await one.startRealtimeNotifications();
  const core = scripted.cores.at(-1);
  const [[, options], ...more] = core.named('createAgent');
  assert.deepEqual([options.kind, options.address, more.length], ['chat', 'wss://meet.example/agent', 0]);
  const heard = [[], []];
  one.on('typingIndicatorReceived', (event) => heard[0].push(event));
  other.on('typingIndicatorReceived', (event) => heard[1].push(event));
  core.tell({ type: 'event', agent: core.agents, event: { chat: { typing: { threadId: id, sender: ada, version: '1', receivedOn: 5 } } } });
  assert.deepEqual(heard[0], heard[1]);
  assert.deepEqual(heard[0][0].receivedOn, new Date(5));
  assert.notEqual(heard[0][0], heard[1][0]);
  const connection = [];
  one.on('realTimeNotificationConnected', () => connection.push(true));
  one.on('realTimeNotificationDisconnected', () => connection.push(false));
  core.tell({ type: 'agent', agent: core.agents, connected: false });
  core.tell({ type: 'agent', agent: core.agents, connected: true });
  assert.deepEqual(connection, [false, true]);
  await one.stopRealtimeNotifications();
  assert.deepEqual(core.named('disposeAgent'), []);
  await other.stopRealtimeNotifications();
  assert.deepEqual(core.named('disposeAgent'), [['disposeAgent', core.agents]]);
  assert.throws(() => one.on('chatMessageReceived', () => {}), /startRealtimeNotifications/);
});

test('a client that comes late is told that the user was taken into a thread just now, once (UI library 5675)', async (t) => {
  [globalThis.WebSocket, globalThis.document] = [class {}, {}];
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  const me = '8:acs:resource_me';
  const heard = [];
  const client = async (name) => {
    const one = new ChatClient(origin, credential);
    await one.startRealtimeNotifications();
    one.on('participantsAdded', ({ threadId }) => heard.push([name, threadId]));
    await settle();
    return one;
  };
  const clients = [await client('first')];
  const core = scripted.cores.at(-1);
  const added = (threadId, ...people) => core.tell({ type: 'event', agent: core.agents, event: { chat: {
    participantsAdded: { threadId, version: '6', addedOn: 12, addedBy: { id: ada }, participantsAdded: people.map((one) => ({ id: one })) },
  } } });
  added('19:room', ada, me);
  added('19:others', ada);
  clients.push(await client('late'));
  assert.deepEqual(heard, [['first', '19:room'], ['first', '19:others'], ['late', '19:room']]);
  clients[0].on('participantsAdded', () => heard.push('again'));
  await settle();
  assert.equal(heard.length, 3, 'who was there has heard it');
  t.mock.timers.tick(10_000);
  clients.push(await client('later'));
  assert.equal(heard.length, 3);
  for (const one of clients) await one.stopRealtimeNotifications();
});

test('every event of the protocol is told, in Microsoft’s shape', () => {
  const schema = JSON.parse(readFileSync(join(root, 'protocol/schema/agent.json'), 'utf8'));
  const variants = schema.$defs.ChatEvent.oneOf.flatMap(({ required }) => required ?? []);
  assert.ok(variants.length >= 10);
  const message = { threadId: id, id: '1', version: '2', createdOn: 3, kind: 'html', sender: ada, message: '<b>x</b>', clientMessageId: 'c' };
  const wire = { threadId: id, version: '4', topic: 'T', retention: { threadCreationDate: { deleteThreadAfterDays: 40 } } };
  const samples = {
    messageReceived: message,
    messageEdited: { message, editedOn: 6 },
    messageDeleted: { message: { ...message, message: '' }, deletedOn: 7 },
    typing: { threadId: id, sender: ada, version: '1', receivedOn: 5 },
    readReceipt: { threadId: id, sender: ada, chatMessageId: '1', readOn: 8 },
    threadCreated: { thread: wire, createdOn: 9, createdBy: { id: ada }, participants: [{ id: ada, displayName: 'Ada', shareHistoryTime: 1, metadata: { a: 'b' } }] },
    threadPropertiesUpdated: { thread: { ...wire, retention: 'none' }, updatedOn: 10, updatedBy: { id: ada } },
    threadDeleted: { threadId: id, version: '5', deletedOn: 11 },
    participantsAdded: { threadId: id, version: '6', addedOn: 12, addedBy: { id: ada }, participantsAdded: [{ id: ada }] },
    participantsRemoved: { threadId: id, version: '7', removedOn: 13, removedBy: { id: ada }, participantsRemoved: [{ id: ada }] },
  };
  assert.deepEqual(Object.keys(samples).sort(), variants.sort(), 'the protocol has events that are not told');
  const told = Object.fromEntries(Object.entries(samples).map(([name, body]) => notification({ [name]: body }, '8:orgid:me')));
  const user = { kind: 'communicationUser', communicationUserId: ada };
  const by = { threadId: id, sender: user, senderDisplayName: '', recipient: { kind: 'microsoftTeamsUser', microsoftTeamsUserId: 'me', isAnonymous: false, cloud: 'public' } };
  const about = { ...by, id: '1', version: '2', createdOn: new Date(3), type: 'RichText/Html' };
  const person = { id: user, displayName: '', metadata: {} };
  const properties = { topic: 'T', metadata: {} };
  assert.deepEqual(told, {
    chatMessageReceived: { ...about, message: '<b>x</b>', metadata: {} },
    chatMessageEdited: { ...about, message: '<b>x</b>', metadata: {}, editedOn: new Date(6) },
    chatMessageDeleted: { ...about, deletedOn: new Date(7) },
    typingIndicatorReceived: { ...by, version: '1', receivedOn: new Date(5) },
    readReceiptReceived: { ...by, chatMessageId: '1', readOn: new Date(8) },
    chatThreadCreated: {
      threadId: id, version: '4', properties, retentionPolicy: { kind: 'threadCreationDate', deleteThreadAfterDays: 40 }, createdOn: new Date(9), createdBy: person,
      participants: [{ id: user, displayName: 'Ada', shareHistoryTime: new Date(1), metadata: { a: 'b' } }],
    },
    chatThreadPropertiesUpdated: { threadId: id, version: '4', properties, retentionPolicy: { kind: 'none' }, updatedOn: new Date(10), updatedBy: person },
    chatThreadDeleted: { threadId: id, version: '5', deletedOn: new Date(11), deletedBy: null, reason: 'deletedByPolicy' },
    participantsAdded: { threadId: id, version: '6', addedOn: new Date(12), addedBy: person, participantsAdded: [person] },
    participantsRemoved: { threadId: id, version: '7', removedOn: new Date(13), removedBy: person, participantsRemoved: [person] },
  });
  for (const other of ['withdrawn', { later: {} }, { constructor: {} }]) assert.equal(notification(other, ada), undefined);
});
