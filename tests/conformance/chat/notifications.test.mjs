// Microsoft's own chat client in a browser, unchanged, over TLS: `startRealtimeNotifications()` and every
// event of it. PLENARY_SERVICE_BIN names the program (`cargo xtask test` sets it).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AzureCommunicationTokenCredential } from '@azure/communication-common';
import { ChatClient } from '@azure/communication-chat';
import { build } from 'esbuild';
import { startChromium } from '../../e2e/harness/browser.mjs';
import { until } from '../../e2e/lib/until.mjs';
import { startService } from './service.mjs';

let service;
let bundle;

before(async () => {
  service = await startService();
  const page = fileURLToPath(new URL('notifications.page.js', import.meta.url));
  const built = await build({
    entryPoints: [page], bundle: true, write: false, format: 'iife', platform: 'browser', logLevel: 'silent',
  });
  bundle = built.outputFiles[0].text;
});
after(() => service?.stop());

/** Somebody who writes over REST, from here. */
async function guest(displayName) {
  const { userId, token } = await service.guest(displayName);
  const credential = new AzureCommunicationTokenCredential(token);
  const options = { tlsOptions: { ca: service.ca }, retryOptions: { maxRetries: 0 } };
  const client = new ChatClient(service.origin, credential, options);
  return { id: { communicationUserId: userId }, userId, token, client, displayName };
}

/** Somebody who listens, in a browser; gives what they heard next of a name. */
async function listener(t, who) {
  const browser = await startChromium(t);
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(`${service.origin}/healthz`);
  await page.addScriptTag({ content: bundle });
  await page.evaluate(([origin, token]) => window.chat.start(origin, token), [service.origin, who.token]);
  let seen = 0;
  const next = async (name) => {
    const all = await until(`${who.displayName} hears ${name}`, async () => {
      const heard = await page.evaluate(() => window.chat.heard);
      return heard.length > seen && heard;
    });
    const event = all[seen];
    seen += 1;
    assert.equal(event.name, name, JSON.stringify(all));
    return event;
  };
  await next('realTimeNotificationConnected');
  return { page, next, complaints, heard: () => page.evaluate(() => window.chat.heard) };
}

const participant = ({ id, displayName }) => ({ id, displayName });
const user = ({ userId }) => ({ kind: 'communicationUser', communicationUserId: userId });

test('every real-time event comes with its payload', async (t) => {
  const [jane, alex, rama] = [await guest('Jane'), await guest('Alex'), await guest('Rama')];
  const ear = await listener(t, alex);
  const topic = 'Lunch at 100% "%22" für 🎉';
  const { chatThread } = await jane.client.createChatThread({ topic }, {
    participants: [participant(jane), { ...participant(alex), metadata: { role: '%41' } }], metadata: { k: 'v%20' },
    retentionPolicy: { kind: 'threadCreationDate', deleteThreadAfterDays: 40 },
  });
  const threadId = chatThread.id;
  const hers = jane.client.getChatThreadClient(threadId);

  const created = await ear.next('chatThreadCreated');
  assert.deepEqual([created.threadId, created.properties], [threadId, { topic, metadata: { k: 'v%20' } }]);
  assert.deepEqual(created.createdBy.id, user(jane));
  assert.deepEqual(created.participants.map(({ displayName }) => displayName).sort(), ['Alex', 'Jane']);
  const own = created.participants.find(({ displayName }) => displayName === 'Alex');
  assert.deepEqual([own.id, own.metadata], [user(alex), { role: '%41' }]);
  assert.deepEqual(created.retentionPolicy, { kind: 'threadCreationDate', deleteThreadAfterDays: 40 });
  assert.deepEqual(created.dates, ['createdOn']);
  assert.match(created.version, /^\d+$/);

  const { id } = await hers.sendMessage({ content: 'read 100% of "this" 🎉' }, { senderDisplayName: 'Jane', metadata: { a: 'b' } });
  const received = await ear.next('chatMessageReceived');
  const stored = JSON.parse(JSON.stringify(await hers.getMessage(id)));
  assert.equal(received.message, 'read 100% of "this" 🎉');
  assert.deepEqual([received.threadId, received.id, received.type], [threadId, id, 'Text']);
  assert.deepEqual([received.sender, received.recipient], [user(jane), user(alex)]);
  assert.deepEqual([received.senderDisplayName, received.metadata], ['Jane', { a: 'b' }]);
  assert.deepEqual([received.createdOn, received.version, received.attachments], [stored.createdOn, stored.version, []]);

  const { id: html } = await hers.sendMessage({ content: '<b>now</b><script>alert(1)</script>' }, { type: 'html' });
  const rich = await ear.next('chatMessageReceived');
  assert.deepEqual([rich.id, rich.type, rich.message], [html, 'RichText/Html', '<b>now</b>']);

  await hers.updateMessage(id, { content: 'later', metadata: { a: 'c' } });
  const edited = await ear.next('chatMessageEdited');
  assert.deepEqual([edited.id, edited.message, edited.metadata], [id, 'later', { a: 'c' }]);
  assert.deepEqual(edited.dates, ['createdOn', 'editedOn']);

  await hers.deleteMessage(id);
  const deleted = await ear.next('chatMessageDeleted');
  assert.deepEqual([deleted.id, deleted.message, deleted.threadId], [id, undefined, threadId]);
  assert.deepEqual(deleted.dates, ['createdOn', 'deletedOn']);

  await hers.sendTypingNotification({ senderDisplayName: 'Jane D' });
  const typing = await ear.next('typingIndicatorReceived');
  assert.deepEqual([typing.threadId, typing.sender, typing.recipient], [threadId, user(jane), user(alex)]);
  assert.deepEqual([typing.senderDisplayName, typing.dates], ['Jane D', ['receivedOn']]);

  await hers.sendReadReceipt({ chatMessageId: html });
  const read = await ear.next('readReceiptReceived');
  assert.deepEqual([read.threadId, read.chatMessageId, read.sender, read.recipient], [threadId, html, user(jane), user(alex)]);
  const receipts = [];
  for await (const one of hers.listReadReceipts()) receipts.push(one);
  assert.equal(read.readOn, receipts[0].readOn.toISOString());

  await hers.updateProperties({ topic: 'Dinner', metadata: { x: 'y' }, retentionPolicy: { kind: 'none' } });
  const updated = await ear.next('chatThreadPropertiesUpdated');
  assert.deepEqual([updated.threadId, updated.properties], [threadId, { topic: 'Dinner', metadata: { x: 'y' } }]);
  assert.deepEqual([updated.updatedBy.id, updated.retentionPolicy, updated.dates], [user(jane), { kind: 'none' }, ['updatedOn']]);

  await hers.addParticipants({ participants: [{ ...participant(rama), shareHistoryTime: new Date(0), metadata: { m: 'n' } }] });
  const added = await ear.next('participantsAdded');
  assert.deepEqual([added.threadId, added.addedBy.id, added.dates], [threadId, user(jane), ['addedOn']]);
  assert.deepEqual([added.participantsAdded[0].id, added.participantsAdded[0].displayName, added.participantsAdded[0].metadata],
    [user(rama), 'Rama', { m: 'n' }]);

  await hers.removeParticipant(rama.id);
  const removed = await ear.next('participantsRemoved');
  assert.deepEqual([removed.threadId, removed.removedBy.id, removed.dates], [threadId, user(jane), ['removedOn']]);
  assert.deepEqual(removed.participantsRemoved.map((one) => one.id), [user(rama)]);

  await jane.client.deleteChatThread(threadId);
  const gone = await ear.next('chatThreadDeleted');
  assert.deepEqual([gone.threadId, gone.deletedBy.id, gone.reason, gone.dates], [threadId, user(jane), 'deletedByUser', ['deletedOn']]);
  assert.deepEqual(ear.complaints, []);
});

test('who does not take part hears nothing, and who stops hears no more', async (t) => {
  const [jane, alex, eve] = [await guest('Jane'), await guest('Alex'), await guest('Eve')];
  const [ear, stranger] = [await listener(t, alex), await listener(t, eve)];
  const { chatThread } = await jane.client.createChatThread({ topic: 'Two' }, { participants: [jane, alex].map(participant) });
  const hers = jane.client.getChatThreadClient(chatThread.id);
  await hers.sendMessage({ content: 'between us' });
  await ear.next('chatThreadCreated');
  await ear.next('chatMessageReceived');
  await ear.page.evaluate(() => window.chat.stop());
  await hers.sendMessage({ content: 'unheard' });
  // What the stranger hears of their own comes after all that.
  await eve.client.createChatThread({ topic: 'Alone' }, { participants: [participant(eve)] });
  const only = await stranger.next('chatThreadCreated');
  assert.equal(only.properties.topic, 'Alone');
  const heard = await ear.heard();
  assert.ok(!heard.some(({ message }) => message === 'unheard'), JSON.stringify(heard));
});

test('what is written while the connection is cut comes once it is back', async (t) => {
  const [jane, alex] = [await guest('Jane'), await guest('Alex')];
  const ear = await listener(t, alex);
  const { chatThread } = await jane.client.createChatThread({ topic: 'Cut' }, { participants: [jane, alex].map(participant) });
  await ear.next('chatThreadCreated');
  const hers = jane.client.getChatThreadClient(chatThread.id);
  await ear.page.evaluate(() => window.chat.cut());
  await ear.next('realTimeNotificationDisconnected');
  await hers.sendMessage({ content: 'meanwhile' });
  const back = await until('the client is back and has it', async () => {
    const heard = await ear.heard();
    return heard.some(({ message }) => message === 'meanwhile') && heard;
  });
  assert.equal(back.filter(({ message }) => message === 'meanwhile').length, 1);
});
