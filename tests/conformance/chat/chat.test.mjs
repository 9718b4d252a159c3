// Microsoft's own chat client, unchanged, over TLS against the service: every operation of the REST
// interface. Its real-time part exists in browsers alone: notifications.test.mjs.
// PLENARY_SERVICE_BIN names the program (`cargo xtask test` sets it).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AzureCommunicationTokenCredential } from '@azure/communication-common';
import { ChatClient } from '@azure/communication-chat';
import { startService } from './service.mjs';

let service;
before(async () => { service = await startService(); });
after(() => service?.stop());

/** A guest with the service's own client. */
async function guest(displayName) {
  const { origin, ca } = service;
  const { userId, token } = await service.guest(displayName);
  const credential = new AzureCommunicationTokenCredential(token);
  const client = new ChatClient(origin, credential, { tlsOptions: { ca }, retryOptions: { maxRetries: 0 } });
  return { id: { communicationUserId: userId }, client, displayName };
}

const all = async (pages) => {
  const found = [];
  for await (const one of pages) found.push(one);
  return found;
};

const participant = ({ id, displayName }) => ({ id, displayName });

async function lunch(...people) {
  const { chatThread } = await people[0].client.createChatThread(
    { topic: 'Lunch' }, { participants: people.map(participant) });
  return people.map(({ client }) => client.getChatThreadClient(chatThread.id));
}

test('threads: create with invalid participants, list, read, topic, properties, delete', async () => {
  const [jane, alex] = [await guest('Jane'), await guest('Alex')];
  const nobody = { id: { communicationUserId: `${alex.id.communicationUserId.slice(0, -4)}0000` }, displayName: 'Nobody' };
  const { chatThread, invalidParticipants } = await jane.client.createChatThread(
    { topic: 'Lunch' },
    {
      participants: [participant(jane), participant(alex), nobody],
      metadata: { k: 'v' },
      retentionPolicy: { kind: 'threadCreationDate', deleteThreadAfterDays: 30 },
    });
  assert.equal(chatThread.topic, 'Lunch');
  assert.equal(chatThread.createdBy.communicationUserId, jane.id.communicationUserId);
  assert.deepEqual(invalidParticipants.map(({ code, target }) => [code, target]), [['404', nobody.id.communicationUserId]]);
  const listed = await all(alex.client.listChatThreads());
  assert.deepEqual(listed.map(({ id }) => id), [chatThread.id]);
  const thread = alex.client.getChatThreadClient(chatThread.id);
  await thread.updateTopic('Dinner');
  let properties = await thread.getProperties();
  assert.equal(properties.topic, 'Dinner');
  assert.deepEqual(properties.metadata, { k: 'v' });
  assert.equal(properties.retentionPolicy.deleteThreadAfterDays, 30);
  await thread.updateProperties({ topic: 'Supper', metadata: { a: 'b' }, retentionPolicy: { kind: 'none' } });
  properties = await thread.getProperties();
  assert.deepEqual([properties.topic, properties.metadata, properties.retentionPolicy.kind], ['Supper', { a: 'b' }, 'none']);
  await jane.client.deleteChatThread(chatThread.id);
  await assert.rejects(thread.getProperties(), { statusCode: 403, code: 'Forbidden' });
  assert.deepEqual(await all(jane.client.listChatThreads()), []);
});

test('messages: send, list over pages, read, edit, delete, and system messages', async () => {
  const [jane, alex] = [await guest('Jane'), await guest('Alex')];
  const [hers, his] = await lunch(jane, alex);
  const { id } = await hers.sendMessage(
    { content: "Let's head out" }, { senderDisplayName: 'Jane', metadata: { k: 'v' } });
  await hers.sendMessage({ content: '<b>now</b><script>alert(1)</script>' }, { type: 'html' });
  const messages = await all(his.listMessages({ maxPageSize: 1 }));
  assert.deepEqual(messages.map(({ type }) => type), ['html', 'text', 'topicUpdated', 'participantAdded']);
  assert.deepEqual(messages.map(({ sequenceId }) => sequenceId), ['4', '3', '2', '1']);
  assert.equal(messages[0].content.message, '<b>now</b>');
  assert.equal(messages[2].content.topic, 'Lunch');
  assert.equal(messages[3].content.participants.length, 2);
  assert.equal(messages[3].content.initiator.communicationUserId, jane.id.communicationUserId);
  const since = await all(his.listMessages({ startTime: new Date(Date.now() + 60_000) }));
  assert.deepEqual(since, []);
  let read = await his.getMessage(id);
  assert.equal(read.content.message, "Let's head out");
  assert.equal(read.sender.communicationUserId, jane.id.communicationUserId);
  assert.deepEqual([read.senderDisplayName, read.metadata], ['Jane', { k: 'v' }]);
  assert.ok(read.createdOn instanceof Date);
  await assert.rejects(his.updateMessage(id, { content: 'mine' }), { statusCode: 403 });
  await hers.updateMessage(id, { content: 'Later', metadata: { k: 'w' } });
  read = await his.getMessage(id);
  assert.deepEqual([read.content.message, read.metadata], ['Later', { k: 'w' }]);
  assert.ok(read.editedOn > read.createdOn || read.editedOn.getTime() === read.createdOn.getTime());
  await hers.deleteMessage(id);
  read = await his.getMessage(id);
  assert.ok(read.deletedOn instanceof Date);
  assert.equal(read.content?.message, undefined);
  await assert.rejects(his.getMessage('1'), { statusCode: 404 });
});

test('participants: list over pages, add, remove', async () => {
  const [jane, alex, rama] = [await guest('Jane'), await guest('Alex'), await guest('Rama')];
  const [hers, his] = await lunch(jane, alex);
  await hers.sendMessage({ content: 'before' });
  const { invalidParticipants } = await hers.addParticipants({
    participants: [{ ...participant(rama), shareHistoryTime: new Date(0), metadata: { k: 'v' } }],
  });
  assert.equal(invalidParticipants, undefined);
  const people = await all(hers.listParticipants({ maxPageSize: 2 }));
  assert.deepEqual(people.map(({ displayName }) => displayName), ['Jane', 'Alex', 'Rama']);
  assert.deepEqual(people[2].metadata, { k: 'v' });
  const theirs = rama.client.getChatThreadClient(hers.threadId);
  assert.ok((await all(theirs.listMessages())).some(({ content }) => content.message === 'before'));
  await hers.removeParticipant(alex.id);
  await assert.rejects(his.sendMessage({ content: 'x' }), { statusCode: 403, code: 'Forbidden' });
  const last = (await all(hers.listMessages()))[0];
  assert.equal(last.type, 'participantRemoved');
  assert.equal(last.content.participants[0].id.communicationUserId, alex.id.communicationUserId);
});

test('typing and read receipts', async () => {
  const [jane, alex] = [await guest('Jane'), await guest('Alex')];
  const [hers, his] = await lunch(jane, alex);
  const { id } = await hers.sendMessage({ content: 'read me' });
  assert.equal(await his.sendTypingNotification({ senderDisplayName: 'Alex' }), true);
  await his.sendReadReceipt({ chatMessageId: id });
  const receipts = await all(hers.listReadReceipts());
  assert.equal(receipts.length, 1);
  assert.equal(receipts[0].chatMessageId, id);
  assert.equal(receipts[0].sender.communicationUserId, alex.id.communicationUserId);
  assert.ok(receipts[0].readOn instanceof Date);
});

test('what is asked too often waits as Retry-After says', async () => {
  const jane = await guest('Jane');
  const [hers] = await lunch(jane);
  for (let n = 0; n < 10; n += 1) await hers.sendMessage({ content: String(n) });
  const error = await hers.sendMessage({ content: 'more' }).catch((it) => it);
  assert.equal(error.statusCode, 429);
  assert.equal(error.code, 'TooManyRequests');
  assert.match(error.response.headers.get('retry-after'), /^([1-9]|10)$/);
});
