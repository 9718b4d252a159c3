// The SDK's chat client against the service: every operation's effect on both sides, what is written
// without a network, answers that get lost, connections that drop.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Attendee, RoomsOverRest } from './lib/attendee.mjs';
import { Chatter } from './lib/chatter.mjs';
import { until } from './lib/until.mjs';

const numbered = (count, word = 'message') => Array.from({ length: count }, (_, at) => `${word} ${at + 1}`);

test('two_people_write_edit_delete_type_and_read_and_both_are_told', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const [ada, bea] = [await Chatter.come(browser, service, 'Ada'), await Chatter.come(browser, service, 'Bea')];
  await Promise.all([ada.listens(), bea.listens()]);
  await ada.makesThread('Lunch', bea);
  const created = await bea.hears('chatThreadCreated');
  assert.equal(created.threadId, ada.threadId);
  assert.equal(created.properties.topic, 'Lunch');
  assert.deepEqual(created.createdBy.id, { kind: 'communicationUser', communicationUserId: ada.id });
  assert.deepEqual(created.participants.map(({ displayName }) => displayName).sort(), ['Ada', 'Bea']);

  const { id } = await ada.run((_, thread) => thread.sendMessage({ content: 'Hello' }, { senderDisplayName: 'Ada', metadata: { mood: 'good' } }));
  for (const one of [ada, bea]) {
    const heard = await one.hears('chatMessageReceived');
    const { event, version, createdOn, ...rest } = heard;
    assert.deepEqual(rest, {
      threadId: ada.threadId, id, message: 'Hello', type: 'Text', metadata: { mood: 'good' }, senderDisplayName: 'Ada',
      sender: { kind: 'communicationUser', communicationUserId: ada.id }, recipient: { kind: 'communicationUser', communicationUserId: one.id },
    });
    assert.ok(version && !Number.isNaN(Date.parse(createdOn)));
  }
  assert.ok(await bea.run(() => window.told.find(({ event }) => event === 'chatMessageReceived').createdOn instanceof Date), 'a Date, not a text');
  const read = await bea.run((_, thread, id) => thread.getMessage(id), id);
  assert.equal(read.content.message, 'Hello');
  assert.deepEqual(read.sender, { kind: 'communicationUser', communicationUserId: ada.id });

  await ada.run((_, thread, id) => thread.updateMessage(id, { content: 'Hello!' }), id);
  const edited = await bea.hears('chatMessageEdited');
  assert.deepEqual([edited.id, edited.message], [id, 'Hello!']);
  assert.ok(edited.editedOn);

  assert.equal(await bea.run((_, thread) => thread.sendTypingNotification({ senderDisplayName: 'Bea' })), true);
  const typing = await ada.hears('typingIndicatorReceived');
  assert.deepEqual(typing.sender, { kind: 'communicationUser', communicationUserId: bea.id });
  assert.equal(await bea.run((_, thread) => thread.sendTypingNotification()), false, 'less than 8 s later nothing is sent');

  await bea.run((_, thread, id) => thread.sendReadReceipt({ chatMessageId: id }), id);
  assert.equal((await ada.hears('readReceiptReceived')).chatMessageId, id);
  const receipts = await ada.run(async (_, thread) => { const all = []; for await (const one of thread.listReadReceipts()) all.push(one); return all; });
  assert.deepEqual(receipts.map(({ sender, chatMessageId }) => [sender.communicationUserId, chatMessageId]), [[bea.id, id]]);

  await ada.run((_, thread) => thread.updateTopic('Dinner'));
  assert.equal((await bea.hears('chatThreadPropertiesUpdated')).properties.topic, 'Dinner');
  assert.equal((await bea.run((_, thread) => thread.getProperties())).topic, 'Dinner');

  await ada.run((_, thread, id) => thread.deleteMessage(id), id);
  const deleted = await bea.hears('chatMessageDeleted');
  assert.equal(deleted.id, id);
  assert.ok('deletedOn' in deleted && !('message' in deleted));

  const people = await ada.run(async (_, thread) => { const all = []; for await (const page of thread.listParticipants({ maxPageSize: 1 }).byPage()) all.push(page); return all; });
  assert.deepEqual(people.map((page) => page.length), [1, 1], 'by pages');
  assert.ok((await ada.run(async (client) => { const all = []; for await (const one of client.listChatThreads()) all.push(one.id); return all; })).includes(ada.threadId));

  const cleo = await Chatter.come(browser, service, 'Cleo');
  await ada.run((_, thread, person) => thread.addParticipants({ participants: [person] }), cleo.person);
  const added = await bea.hears('participantsAdded');
  assert.deepEqual(added.participantsAdded.map(({ displayName }) => displayName), ['Cleo']);
  await ada.run((_, thread, id) => thread.removeParticipant({ communicationUserId: id }), bea.id);
  assert.deepEqual((await bea.hears('participantsRemoved')).participantsRemoved.map(({ id }) => id.communicationUserId), [bea.id]);
  const refused = await bea.fails((_, thread) => thread.sendMessage({ content: 'Am I still here?' }));
  assert.deepEqual([refused.name, refused.statusCode, refused.code], ['RestError', 403, 'Forbidden']);
  assert.equal(refused.details.error.code, 'Forbidden');

  await ada.run((client, _, id) => client.deleteChatThread(id), ada.threadId);
  assert.equal((await ada.hears('chatThreadDeleted')).reason, 'deletedByUser');
});

test('what_is_written_without_a_network_is_sending_and_then_there_once_and_in_order', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const [ada, bea] = [await Chatter.come(browser, service, 'Ada'), await Chatter.come(browser, service, 'Bea')];
  await ada.makesThread('Tunnel', bea);
  await ada.listens();
  const texts = numbered(5);

  await bea.page.context().setOffline(true);
  await bea.writes(...texts.slice(0, 3));
  await bea.writes(...texts.slice(3));
  assert.deepEqual((await bea.sent()).map(({ state }) => state), Array(5).fill('sending'));
  const read = await bea.fails((_, thread) => thread.getProperties());
  assert.deepEqual([read.name, read.code, read.statusCode], ['RestError', 'REQUEST_SEND_ERROR', undefined], 'a question does not wait');
  await bea.page.context().setOffline(false);
  await bea.allAre('sent');
  assert.deepEqual(await ada.history(), texts);
  await ada.hears('chatMessageReceived', ({ message }) => message === texts.at(-1));
  assert.deepEqual((await ada.told('chatMessageReceived')).map(({ message }) => message), texts, 'each once, in order');
});

test('a_message_whose_answer_was_lost_is_there_once', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const [ada, bea] = [await Chatter.come(browser, service, 'Ada'), await Chatter.come(browser, service, 'Bea')];
  await ada.makesThread('Bad line', bea);
  let lost = 0;
  await bea.page.route('**/messages?*', async (route) => {
    if (route.request().method() !== 'POST' || lost >= 2) return route.continue();
    lost += 1;
    // The service has it; its answer does not come back.
    assert.equal((await route.fetch()).status(), 201);
    return route.abort();
  });
  await bea.writes('one', 'two', 'three');
  const sent = await bea.allAre('sent');
  assert.equal(lost, 2, 'two answers were lost');
  assert.deepEqual(await ada.history(), ['one', 'two', 'three']);
  assert.equal(new Set(sent.map(({ id }) => id)).size, 3);
});

test('the_service_is_obeyed_when_it_says_wait_and_what_it_refuses_fails_at_once', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const [ada, bea] = [await Chatter.come(browser, service, 'Ada'), await Chatter.come(browser, service, 'Bea')];
  await ada.makesThread('Busy', bea);
  const asked = [];
  await bea.page.route('**/messages?*', async (route) => {
    asked.push({ at: Date.now(), id: route.request().headers()['repeatability-request-id'], content: route.request().postDataJSON().content });
    if (asked.length > 1) return route.continue();
    return route.fulfill({ status: 429, headers: { 'retry-after': '2', 'access-control-expose-headers': 'retry-after' }, json: { error: { code: 'TooManyRequests', message: 'Rate limit exceeded.' } } });
  });
  await bea.writes('patience', 'next');
  await bea.allAre('sent');
  assert.deepEqual(asked.map(({ content }) => content), ['patience', 'patience', 'next'], 'the next one waits, too');
  assert.ok(asked[1].at - asked[0].at >= 1_950, `${asked[1].at - asked[0].at} ms`);
  assert.equal(asked[0].id, asked[1].id, 'the same id again');
  await bea.page.unroute('**/messages?*');

  const large = await bea.fails((_, thread) => thread.sendMessage({ content: 'x'.repeat(40_000) }));
  assert.deepEqual([large.name, large.statusCode, large.code], ['RestError', 413, 'RequestEntityTooLarge']);
  await bea.page.context().setOffline(true);
  const aborted = await bea.fails((_, thread) => {
    const abort = new AbortController();
    const sending = thread.sendMessage({ content: 'never mind' }, { abortSignal: abort.signal });
    setTimeout(() => abort.abort(), 50);
    return sending;
  });
  assert.equal(aborted.name, 'AbortError');
  await bea.page.context().setOffline(false);
  await bea.writes('after all');
  await bea.allAre('sent');
  assert.deepEqual(await ada.history(), ['patience', 'next', 'after all']);
});

test('events_come_once_and_in_order_across_a_drop_of_the_service', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const [ada, bea] = [await Chatter.come(browser, service, 'Ada'), await Chatter.come(browser, service, 'Bea')];
  await ada.makesThread('Restart', bea);
  await ada.listens();
  await bea.writes('before');
  await ada.hears('chatMessageReceived', ({ message }) => message === 'before');

  await service.kill();
  await ada.hears('disconnected');
  await bea.writes('during');
  await service.restart();
  await until('Ada is connected again', async () => (await ada.told('connected')).length === 2);
  await bea.allAre('sent');
  await bea.writes('after');
  await ada.hears('chatMessageReceived', ({ message }) => message === 'after');
  const heard = (await ada.told('chatMessageReceived')).map(({ message }) => message);
  assert.deepEqual([...new Set(heard)], heard, 'none twice');
  assert.deepEqual(await ada.history(), ['before', 'during', 'after']);
});

test('who_was_away_longer_than_a_session_hears_what_was_written_changed_and_deleted_meanwhile_once_and_in_order', async (t) => {
  const service = await Service.start(t, { env: { PLENARY_LIMITS__RESUME_WINDOW_MS: '1000' } });
  const browser = await startChromium(t);
  const [ada, bea] = [await Chatter.come(browser, service, 'Ada'), await Chatter.come(browser, service, 'Bea')];
  await ada.makesThread('Away', bea);
  await ada.listens();
  await bea.writes('before', 'regretted');
  const { id } = await ada.hears('chatMessageReceived', ({ message }) => message === 'before');
  const regretted = await ada.hears('chatMessageReceived', ({ message }) => message === 'regretted');
  const told = async () => (await ada.run(() => window.told)).map(({ event, message }) => (message === undefined ? event : `${event} ${message}`));
  const first = await told();
  for (let round = 1; round <= 2; round += 1) {
    await ada.page.context().setOffline(true);
    await ada.page.evaluate(() => { for (const socket of window.__watch.sockets) socket.close(); });
    await until('Ada is disconnected', async () => (await ada.told('disconnected')).length === round);
    await bea.writes(`meanwhile ${round}`);
    await bea.allAre('sent');
    await bea.run((_, thread, { id, round }) => thread.updateMessage(id, { content: `changed ${round}` }), { id, round });
    if (round === 1) await bea.run((_, thread, gone) => thread.deleteMessage(gone), regretted.id);
    await service.restart();
    await bea.writes(`after the restart ${round}`);
    await bea.allAre('sent');
    await ada.page.context().setOffline(false);
    await until('Ada is connected again', async () => (await ada.told('connected')).length === round + 1);
    await bea.writes(`live ${round}`);
    await ada.hears('chatMessageReceived', ({ message }) => message === `live ${round}`);
  }
  const round = (n, deleted = []) => [
    'disconnected', `chatMessageReceived meanwhile ${n}`, `chatMessageEdited changed ${n}`, ...deleted, `chatMessageReceived after the restart ${n}`,
    'connected', `chatMessageReceived live ${n}`,
  ];
  assert.deepEqual((await told()).slice(first.length), [...round(1, ['chatMessageDeleted']), ...round(2)]);
});

test('who_is_in_a_call_and_who_is_not_are_told_in_one_page_with_one_core', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const rooms = await RoomsOverRest.schedule(service);
  await Attendee.join(browser, rooms, 'Olivia');
  const cleo = await Attendee.join(browser, rooms, 'Cleo');
  const dora = await Chatter.come(browser, service, 'Dora');
  await dora.listens();
  const inCall = Object.assign(new Chatter(), { name: 'Cleo', id: cleo.id, page: cleo.page });
  await cleo.page.evaluate(([origin, token]) => {
    window.credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
    window.client = new window.Plenary.ChatClient(origin, window.credential);
    [window.told, window.sent] = [[], []];
  }, [service.origin, cleo.token]);
  await inCall.listens();
  await inCall.makesThread('Beside the call', dora);
  await dora.run((_, thread) => thread.sendMessage({ content: 'Can you talk?' }));
  assert.equal((await inCall.hears('chatMessageReceived')).message, 'Can you talk?');

  await t.test('the meeting’s thread is for who is in it (D1)', async () => {
    const meeting = await cleo.page.evaluate(() => window.me.call.info.threadId);
    await inCall.opens(meeting);
    const { id } = await inCall.run((_, thread) => thread.sendMessage({ content: 'Hello, meeting' }));
    assert.equal((await inCall.hears('chatMessageReceived', ({ threadId }) => threadId === meeting)).id, id);
    await dora.opens(meeting);
    const refused = await dora.fails((_, thread) => thread.listMessages().next());
    assert.equal(refused.statusCode, 403);
    assert.ok(!(await dora.told('chatMessageReceived')).some(({ threadId }) => threadId === meeting));
  });

  await t.test('stopping one leaves the other as it is', async () => {
    await inCall.run((client) => client.stopRealtimeNotifications());
    assert.ok((await cleo.look()).call, 'still in the meeting');
    await dora.run((client) => client.stopRealtimeNotifications());
    await until('the socket is closed', () => dora.page.evaluate(() => window.__watch.sockets.every(({ readyState }) => readyState === WebSocket.CLOSED)));
  });
});
