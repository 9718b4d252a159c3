// Chat on the pages: a member in the console and a guest in the guest page write to each other, with what
// each sees; and what must not happen (D1, D2, B7, E5, S12).

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { startChromium, startFirefox } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { signIn } from './lib/attendee.mjs';
import { AXE, coloured, violations } from './lib/axe.mjs';
import { newGuest, openBlank } from './lib/blank.mjs';
import { inMain, inRoom, Rooms } from './lib/breakout-people.mjs';
import { ChatUser } from './lib/chat-people.mjs';
import { Guest } from './lib/guest.mjs';
import { Organiser } from './lib/organiser.mjs';
import { picture } from './lib/pictures.mjs';
import { until } from './lib/until.mjs';

const VERSION = 'api-version=2025-03-15';
/** As many messages as a test likes, as fast as it likes. */
const UNLIMITED = {
  PLENARY_LIMITS__CHAT__RATES__WRITE__THREAD__PER_10S: '0', PLENARY_LIMITS__CHAT__RATES__WRITE__THREAD__PER_MINUTE: '0',
};

async function meeting(t, subject, { env, ...options } = {}) {
  const service = await Service.start(t, { env });
  const browser = await startChromium(t);
  const ada = await Organiser.signIn(browser, service, undefined, options);
  const link = await ada.schedule(subject, { bypass: true });
  await ada.start(subject);
  const grete = await Guest.open(browser, link, 'Grete Gast', options);
  await grete.join();
  await grete.inMeeting();
  return { service, browser, link, ada, grete, member: new ChatUser(ada), guest: new ChatUser(grete) };
}

/** Somebody in the meeting who is not our page: the agent socket and the REST interface by hand. */
async function raw(browser, service, link, name) {
  const page = await openBlank(browser, service);
  const { token } = await newGuest(service, name);
  const { threadId } = await page.evaluate(async ([origin, secret, who, url]) => {
    window.agent = await AgentSocket.open(origin, secret, who);
    return window.agent.join(url);
  }, [service.origin, token, name, link]);
  const ask = async (method, path, body, type = 'application/json') => {
    const response = await fetch(`${service.origin}/chat/threads/${encodeURIComponent(threadId)}${path}?${VERSION}`, {
      method, headers: { 'content-type': type, authorization: `Bearer ${token}` }, body: JSON.stringify(body),
    });
    assert.ok(response.ok, `${response.status} ${await response.clone().text()}`);
    return response;
  };
  const post = async (body) => (await ask('POST', '/messages', body)).json();
  const edit = (id, content) => ask('PATCH', `/messages/${id}`, { content }, 'application/merge-patch+json');
  return { threadId, post, edit };
}

test('a_member_and_a_guest_write_edit_delete_type_and_read (D2)', async (t) => {
  const { ada, grete, member, guest } = await meeting(t, 'Talk');
  await (await member.show()).ready();
  assert.match(await member.panel.locator('.where').textContent(), /^Chat of the meeting$/);
  await member.hasEvent(/^Grete Gast \(External\) joined the chat$/);

  await t.test('a message is counted, shown above the stage and in the title while the panel is closed', async () => {
    // Heard of, not found when the chat is read for the first time.
    await (await guest.show()).ready();
    await guest.hide();
    await member.write('Hello 👋🏽\n<b>you</b>');
    await guest.unreadIs(1);
    // Looked at and pressed in one: it goes by itself after some seconds.
    await until('a notice and the title tell it, and it opens the chat', () => grete.page.evaluate((words) => {
      const notice = document.querySelector('.notice.chat');
      if (notice?.querySelector('.text').textContent !== words || !document.title.startsWith('(1 new) ')) return false;
      const open = [...notice.querySelectorAll('button')].find(({ textContent }) => textContent === 'Open chat');
      open.click();
      return true;
    }, `${ada.name}: Hello 👋🏽 <b>you</b>`));
    await guest.ready();
    await guest.reads('Hello 👋🏽\n<b>you</b>');
    await guest.unreadIs(0);
    await until('the title is as before', async () => !(await grete.page.title()).includes('new'));
    assert.equal(await grete.page.locator('.notice.chat').count(), 0);
    assert.ok(await guest.field.evaluate((field) => field === document.activeElement), 'who opens it can write');
  });

  await t.test('who has seen it is told', () => member.sees('who has seen it', '.seen', /^Seen by Grete Gast \(External\)$/));

  await t.test('typing is told, and over with the message', async () => {
    await guest.field.pressSequentially('I am');
    await member.sees('who types', '.typing', /^Grete Gast \(External\) is typing…$/);
    await guest.field.press('Shift+Enter');
    await guest.field.pressSequentially('here');
    await guest.field.press('Enter');
    await member.reads('Hello 👋🏽\n<b>you</b>', 'I am\nhere');
    await member.sees('that nobody types', '.typing', /^$/);
    assert.equal(await guest.field.inputValue(), '');
    await member.unreadIs(0);
  });

  await t.test('one’s own is changed and deleted, by keyboard too; another’s is not', async () => {
    assert.equal(await member.row('I am').locator('.actions button').count(), 0);
    await until('it is sent', async () => await guest.panel.locator('li.sending').count() === 0);
    await guest.field.press('ArrowUp');
    assert.equal(await guest.field.inputValue(), 'I am\nhere');
    await guest.field.fill('I was here');
    await guest.field.press('Enter');
    await member.reads('Hello 👋🏽\n<b>you</b>', 'I was here');
    await member.sees('that it was changed', 'li.message:not(.mine) .edited:not([hidden])', /edited/);
    await guest.reads('Hello 👋🏽\n<b>you</b>', 'I was here');
    await guest.field.press('ArrowUp');
    await guest.field.press('Escape');
    assert.ok(await guest.panel.isVisible(), 'Escape leaves the change, not the chat');
    await guest.row('I was here').hover();
    await guest.row('I was here').getByRole('button', { name: /^Delete/ }).click();
    await grete.page.click('.question .confirm');
    for (const person of [member, guest]) await person.reads('Hello 👋🏽\n<b>you</b>', 'This message was deleted.');
    assert.ok(await guest.field.evaluate((field) => field === document.activeElement), 'the focus is not lost with the button');
  });

  await t.test('with the call ends the chat (D1)', async () => {
    await grete.leave();
    assert.equal(await grete.page.locator('.chat').count(), 0);
    await until('nothing of it stays in the page', async () => !(await grete.page.content()).includes('Hello 👋🏽'));
    await until('no socket is left', async () => (await grete.open()).sockets === 0);
    await member.hasEvent(/^Grete Gast \(External\) left the chat$/);
    await member.write('Among us');
    await member.reads('Hello 👋🏽\n<b>you</b>', 'This message was deleted.', 'Among us');
    await grete.joinAgain();
    await grete.inMeeting();
    await (await guest.show()).ready();
    await guest.reads('Hello 👋🏽\n<b>you</b>', 'This message was deleted.');
  });
  await ada.nothingToComplain();
  await grete.nothingToComplain();
});

test('hostile_messages_are_text_and_links_are_safe (S12)', async (t) => {
  const { service, browser, link, ada, grete, member, guest } = await meeting(t, 'Hostile');
  const mallory = await raw(browser, service, link, 'Mallory');
  await member.show();
  await (await guest.show()).ready();
  const texts = [
    '<img src=x onerror="window.hit=1"><script>window.hit=1</script>', 'javascript:window.hit=1 data:text/html,x',
    'See https://example.org/a_(b)?c=d#e, or (http://example.net).',
  ];
  for (const content of texts) await mallory.post({ content });
  await mallory.post({
    type: 'html',
    content: '<h1>Big</h1><a href="https://evil.test/x">https://bank.test</a> <a href="javascript:window.hit=1">press</a>'
      + '<img src=x onerror="window.hit=1"><svg onload="window.hit=1"></svg>',
  });
  const clean = [...texts, 'Bighttps://bank.test (evil.test) press'];
  const looks = async (person) => {
    await person.reads(...clean);
    const found = await person.panel.evaluate((chat) => ({
      links: [...chat.querySelectorAll('.bubble a')].map(({ href, target, rel }) => [href, target, rel]),
      others: chat.querySelectorAll('.bubble :is(img, script, svg, iframe, h1, style)').length, hit: window.hit,
    }));
    assert.deepEqual(found, {
      links: ['https://example.org/a_(b)?c=d#e', 'http://example.net/', 'https://evil.test/x'].map((href) => [href, '_blank', 'noopener noreferrer']),
      others: 0, hit: undefined,
    });
  };
  await looks(guest);
  await looks(member);

  await t.test('nor is a service believed that sanitises nothing', async () => {
    const dirty = '<p onclick="window.hit=1" style="position:fixed">a<b>b</b></p><img src=x onerror="window.hit=1"><svg><script>window.hit=1</script></svg>'
      + '<a href="javascript:window.hit=1">c</a><iframe srcdoc="<script>parent.hit=1</script>"></iframe><form action="//evil.test"><input name=x></form>'
      + '<a href="https://ok.test/" onclick="window.hit=1" id="main">d</a>';
    await grete.page.route('**/messages?*', async (route) => {
      if (route.request().method() !== 'GET') return route.continue();
      const response = await route.fetch();
      const body = await response.json();
      const first = body.value.find(({ type }) => type === 'html');
      Object.assign(first, { version: String(Number(first.version) + 1) });
      first.content.message = dirty;
      return route.fulfill({ response, json: body });
    });
    // Looked at anew: closed and connected again.
    await grete.page.evaluate(() => { for (const socket of window.__watch.sockets) socket.close(); });
    await guest.reads(...texts, 'abcd');
    const made = await guest.panel.locator('li.message .bubble').last().evaluate((bubble) => [...bubble.querySelectorAll('*')].map((one) => [one.localName, ...one.getAttributeNames()]));
    assert.deepEqual(made, [['p'], ['b'], ['a', 'href', 'target', 'rel', 'title']]);
    assert.equal(await grete.page.evaluate(() => window.hit), undefined);
  });
  await ada.nothingToComplain();
});

test('hostile_names_of_meetings_people_and_rooms_are_text_in_chat_and_rooms (S12)', async (t) => {
  const evil = '<img src=x onerror="window.hit=1"><script>window.hit=1</script> %3Cb%3E';
  const { service, browser, link, ada, grete, member, guest } = await meeting(t, `Topic ${evil}`, { viewport: { width: 1280, height: 960 } });
  const mallory = await raw(browser, service, link, `Mal\u202elory ${evil}`);
  const called = `Mallory ${evil}`;
  await (await member.show()).ready();
  await (await guest.show()).ready();
  await mallory.post({ content: 'Hello' });
  for (const person of [member, guest]) {
    await person.reads('Hello');
    await person.sees('who wrote it', 'li.message .author', { test: (words) => words.includes(called) });
  }
  await until('the line says who came', async () => (await member.events()).some((line) => line.includes(called)));
  const harmless = async () => {
    for (const { page, name } of [ada, grete]) {
      const found = await page.evaluate(() => [window.hit, document.querySelectorAll('.panel :is(img, script), .place :is(img, script), h1 :is(img, script), title *').length]);
      assert.deepEqual(found, [undefined, 0], `${name}'s page`);
    }
  };
  await harmless();

  // By the interface: the console's own field takes the same.
  const { accessToken } = await signIn(service, 'olivia@plenary.test');
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` };
  const ask = async (method, path, body) => {
    const response = await fetch(`${service.origin}${path}`, { method, headers, body: body && JSON.stringify(body) });
    assert.ok(response.ok, `${method} ${path}: ${response.status}`);
    return response.json();
  };
  const { value: [{ id }] } = await ask('GET', `/v1.0/me/onlineMeetings?$filter=${encodeURIComponent(`JoinWebUrl eq '${link}'`)}`);
  await ask('PATCH', `/v1.0/me/onlineMeetings/${id}`, { allowGuestChatInBreakoutRooms: true, subject: `Renamed ${evil}` });
  for (const person of [member, guest]) {
    await until('the line says what it is called now', async () => (await person.events()).some((line) => line.includes(`Renamed ${evil}`)));
  }
  await ask('POST', `/meetings/${id}/breakoutRooms`, { displayName: `Ro\u202eom ${evil}` });
  const room = `Room ${evil}`;
  const rooms = await new Rooms(ada).show();
  await rooms.room(room).waitFor();
  await rooms.assign('Grete Gast', room);
  await harmless();
  await rooms.openAll();
  await inRoom(grete, room);
  await guest.ready();
  await guest.sees('which chat it is', '.where', { test: (words) => words === `Chat of the breakout room ${room}` });
  await rooms.press(`Join ${room}`);
  await inRoom(ada, room);
  await (await member.show()).ready();
  await guest.write('Safe here');
  await member.reads('Safe here');
  await harmless();
  await ada.nothingToComplain();
  await grete.nothingToComplain();
});

test('what_cannot_be_sent_yet_is_shown_so_and_what_failed_can_be_sent_again', async (t) => {
  const { grete, member, guest } = await meeting(t, 'Sending');
  await member.show();
  await (await guest.show()).ready();
  let answer = null;
  let asked = 0;
  await grete.page.route('**/messages?*', (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    asked += 1;
    return answer ? route.fulfill(answer) : route.abort();
  });
  await guest.write('One', 'Two');
  await guest.sees('that they are being sent', 'li.sending .state', /Sending…\nSending…/);
  await until('it was tried', () => asked > 0);
  answer = { status: 403, json: { error: { code: 'Forbidden', message: 'User is not allowed to perform specified action.' } } };
  await guest.sees('why not', 'li.failed .state', /Not sent\. You may not write in this chat/);
  await until('both failed', async () => await guest.panel.locator('li.failed').count() === 2);
  assert.deepEqual(await member.texts(), []);
  await grete.page.unroute('**/messages?*');
  await guest.row('One').getByRole('button', { name: 'Discard' }).click();
  await guest.row('Two').getByRole('button', { name: 'Try again' }).click();
  await member.reads('Two');
  await guest.reads('Two');
  await until('nothing is being sent', async () => await guest.panel.locator('li.failed, li.sending').count() === 0);

  await t.test('a message that is too long is not sent, and it is said before', async () => {
    await guest.field.fill('é'.repeat(15_000));
    await guest.sees('that it is too long', '.length', /too long by 2 KB\. A message has at most 28 KB/);
    await guest.field.press('Enter');
    assert.ok(await guest.panel.locator('.send').isDisabled());
    await guest.field.fill('x'.repeat(26_000));
    await guest.sees('what is left', '.length', /^2 KB left\.$/);
    await guest.field.press('Enter');
    await until('it is there', async () => (await member.texts()).at(-1)?.length === 26_000);
  });
});

test('what_was_written_while_a_page_was_away_is_there_when_the_service_was_restarted_meanwhile', async (t) => {
  const { service, grete, member, guest } = await meeting(t, 'Restart');
  await (await member.show()).ready();
  await (await guest.show()).ready();
  await guest.write('Before');
  await member.reads('Before');
  await grete.page.context().setOffline(true);
  await member.write('While she is away');
  await member.reads('Before', 'While she is away');
  // Her session goes with the process, and what was kept for her in it.
  await service.kill();
  await service.restart();
  await member.ready();
  await member.write('After the restart');
  await member.reads('Before', 'While she is away', 'After the restart');
  assert.deepEqual(await guest.texts(), ['Before']);
  await grete.page.context().setOffline(false);
  await guest.reads('Before', 'While she is away', 'After the restart');
  await member.write('And live');
  await guest.reads('Before', 'While she is away', 'After the restart', 'And live');
});

test('older_messages_come_on_scrolling_up_and_the_reader_stays_where_they_are', async (t) => {
  const { service, browser, link, ada, grete, member, guest } = await meeting(t, 'History', { env: UNLIMITED });
  const bea = await raw(browser, service, link, 'Bea');
  const texts = Array.from({ length: 75 }, (_, at) => `Message ${at + 1}`);
  const sent = [];
  for (const content of texts) sent.push(await bea.post({ content }));
  await guest.unreadIs(75);
  // The member's page comes to the chat anew.
  await ada.leave();
  await ada.page.locator('.end .back').click();
  await ada.start('History');
  await (await member.show()).ready();
  await member.reads(...texts.slice(-30));
  const log = member.panel.locator('.log');
  assert.ok(await log.evaluate((one) => one.scrollHeight - one.scrollTop - one.clientHeight < 2), 'the newest is seen');
  assert.equal(await log.getAttribute('role'), 'log');
  // Not the first that was loaded: its author's name goes when the message before it comes.
  const top = async () => (await member.row(/^.*Message 50\b/).first().boundingBox()).y;
  await log.evaluate((one) => { one.scrollTop = 60; });
  const before = await top();
  await until('older ones are there', async () => (await member.texts()).length >= 60);
  assert.ok(Math.abs(await top() - before) < 3, `what is read stays in its place: ${before} ${await top()}`);

  await t.test('what comes meanwhile does not pull the reader away', async () => {
    await bea.post({ content: 'Newest' });
    await member.panel.locator('.newer').waitFor();
    await member.unreadIs(1);
    assert.ok(Math.abs(await top() - before) < 3);
    await member.panel.locator('.newer').click();
    await member.unreadIs(0);
    assert.ok(await log.evaluate((one) => one.scrollHeight - one.scrollTop - one.clientHeight < 2));
  });

  await t.test('a change of what is not loaded yet waits for it', async () => {
    texts[0] = 'Message 1, changed';
    await bea.edit(sent[0].id, texts[0]);
    texts[74] = 'Message 75, changed';
    await bea.edit(sent[74].id, texts[74]);
    await until('the later change is there', async () => (await member.texts()).at(-2) === texts[74]);
    assert.ok(!(await member.texts()).includes(texts[0]));
  });
  await until('all are there', async () => {
    await log.evaluate((one) => { one.scrollTop = 0; });
    await log.evaluate((one) => one.dispatchEvent(new Event('scroll')));
    return (await member.texts()).length === 76;
  });
  await member.reads(...texts, 'Newest');
  await (await guest.show()).ready();
  await guest.unreadIs(0);
  await ada.nothingToComplain();
  await grete.nothingToComplain();
});

test('the_panel_follows_into_the_breakout_room_and_back (E5, E9)', async (t) => {
  const { service, link, ada, grete, member, guest } = await meeting(t, 'Rooms', { viewport: { width: 1280, height: 960 } });
  await (await guest.show()).ready();
  await guest.write('In the main meeting');
  await guest.field.fill('half a thought');
  const rooms = await new Rooms(ada).show();
  await rooms.make(1);
  await rooms.assign('Grete Gast', 'Room 1');
  await rooms.openAll();
  await inRoom(grete, 'Room 1');
  await guest.sees('that there is no chat', '.trouble', /^Guests have no chat in this breakout room\./);
  assert.ok(await guest.field.isHidden());
  assert.ok(!(await guest.panel.textContent()).includes('In the main meeting'));
  await rooms.closeAll();
  await inMain(grete);
  await guest.ready();
  await guest.reads('In the main meeting');
  assert.equal(await guest.field.inputValue(), 'half a thought');

  await t.test('with the meeting’s option guests write in the room, to those who are there', async () => {
    const { accessToken } = await signIn(service, 'olivia@plenary.test');
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` };
    const found = await fetch(`${service.origin}/v1.0/me/onlineMeetings?$filter=${encodeURIComponent(`JoinWebUrl eq '${link}'`)}`, { headers });
    const { value: [{ id }] } = await found.json();
    const changed = await fetch(`${service.origin}/v1.0/me/onlineMeetings/${id}`, {
      method: 'PATCH', headers, body: JSON.stringify({ allowGuestChatInBreakoutRooms: true }),
    });
    assert.equal(changed.status, 200);
    await rooms.openAll();
    await inRoom(grete, 'Room 1');
    await guest.ready();
    await guest.sees('which chat it is', '.where', /^Chat of the breakout room Room 1$/);
    assert.equal(await guest.field.inputValue(), '');
    await guest.write('In the room');
    await guest.reads('In the room');
    await (await member.show()).ready();
    await member.reads('In the main meeting');
    await rooms.show();
    await rooms.press('Join Room 1');
    await inRoom(ada, 'Room 1');
    await (await member.show()).ready();
    await member.reads('In the room');
    await member.write('Found you');
    await guest.reads('In the room', 'Found you');
    await ada.page.locator('.place .return').click();
    await inMain(ada);
    await member.reads('In the main meeting');
  });
  await ada.nothingToComplain();
  await grete.nothingToComplain();
});

test('in_a_channels_meeting_a_guest_is_told_that_there_is_no_chat (B7)', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const { accessToken } = await signIn(service, 'olivia@plenary.test');
  const made = await fetch(`${service.origin}/v1.0/me/onlineMeetings`, {
    method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` },
    body: JSON.stringify({
      subject: 'Channel', startDateTime: new Date().toISOString(), endDateTime: new Date(Date.now() + 3_600_000).toISOString(),
      lobbyBypassSettings: { scope: 'everyone' }, chatInfo: { threadId: '19:general@thread.tacv2' },
    }),
  });
  const { joinWebUrl } = await made.json();
  const ada = await Organiser.signIn(browser, service);
  await ada.page.fill('#other-link', joinWebUrl);
  await ada.page.click('.add-other');
  await ada.start('Channel');
  const grete = await Guest.join(browser, joinWebUrl, 'Grete Gast');
  await grete.inMeeting();
  const guest = await new ChatUser(grete).show();
  await guest.sees('that there is no chat', '.trouble', /^Guests have no chat in this meeting\.$/);
  assert.ok(await guest.field.isHidden());
  await (await new ChatUser(ada).show()).ready();
  await grete.nothingToComplain();
});

test('the_chat_is_accessible_in_light_and_dark_and_fits_a_phone', async (t) => {
  const { service, browser, link, ada, grete, member, guest } = await meeting(t, 'Access', { scripts: [AXE], viewport: { width: 1440, height: 900 } });
  const clean = async (person, screen) => {
    for (const colorScheme of ['light', 'dark']) {
      await coloured(person.page, colorScheme);
      const found = await violations(person.page);
      const width = person.page.viewportSize().width;
      await picture(person.page, `${screen}-${person === ada ? 'member' : 'guest'}-${width}-${colorScheme}`);
      assert.deepEqual(found, [], `${screen} in ${colorScheme}`);
    }
  };
  await (await guest.show()).ready();
  await clean(grete, 'empty');
  const bea = await raw(browser, service, link, 'Bea With A Rather Long Name');
  await bea.post({ content: 'Has everybody seen https://example.org/a/very/long/address/that/does/not/fit/on/one/line/of/a/phone?with=a&query=too' });
  await bea.post({ type: 'html', content: '<p>Three things:</p><ul><li>one</li><li><b>two</b></li></ul><blockquote>quoted</blockquote><pre>let x = 1;</pre>' });
  await (await member.show()).ready();
  await member.write('Yes 👍', 'And a longer one, which goes over more than one line, so that one sees how lines are broken.\nA second line.');
  await guest.write('Good');
  await guest.field.pressSequentially('More');
  await member.sees('who types', '.typing', /typing/);
  await member.sees('who has seen it', '.seen', /Seen by/);
  await clean(ada, 'chat');
  await clean(grete, 'chat');
  await guest.field.fill('');
  await guest.field.press('ArrowUp');
  await clean(grete, 'editing');
  await guest.field.press('Escape');
  const tooLarge = { status: 413, json: { error: { code: 'RequestEntityTooLarge', message: 'too large' } } };
  await grete.page.route('**/messages?*', (route) => (route.request().method() === 'POST' ? route.fulfill(tooLarge) : route.continue()));
  await guest.write('This one fails');
  await guest.sees('why not', 'li.failed .state', /It is longer than the service allows/);
  await member.hide();
  await guest.field.fill('');
  await grete.page.unroute('**/messages?*');
  await guest.write('Are you there?');
  await member.unreadIs(1);
  await clean(ada, 'closed');
  for (const person of [grete, ada]) {
    await person.page.setViewportSize({ width: 360, height: 720 });
    await clean(person, 'phone');
    await new ChatUser(person).show();
    await clean(person, 'phone-chat');
    const overflow = await person.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${person.name}'s page is not wider than a phone`);
  }
});

test('who_waits_is_told_that_the_chat_comes_later_and_asks_nothing_of_it (D1)', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('Lobby');
  await ada.start('Lobby');
  await (await new ChatUser(ada).show()).ready();
  await new ChatUser(ada).write('Before');
  const grete = await Guest.open(browser, link, 'Grete Gast');
  const asked = [];
  grete.page.on('request', (request) => { if (request.url().includes('/chat/')) asked.push(request.url()); });
  await grete.join();
  await grete.waits();
  assert.match(await grete.page.locator('.waiting').textContent(), /the chat is there once you are let in/);
  assert.equal(await grete.page.locator('.chat').count(), 0);
  assert.deepEqual(asked, []);
  await ada.admit('Grete Gast');
  await grete.inMeeting();
  const guest = await (await new ChatUser(grete).show()).ready();
  await guest.hasEvent(/^You joined the chat$/);
  await (await new ChatUser(ada).show()).write('After');
  await guest.reads('After');
  await grete.nothingToComplain();
});

test('a_guest_in_firefox_writes_and_reads', async (t) => {
  const firefox = await startFirefox(t);
  if (!firefox) return;
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('Two browsers', { bypass: true });
  await ada.start('Two browsers');
  const member = await (await new ChatUser(ada).show()).ready();
  await member.write('Hello, https://example.org/');
  const page = await firefox.newPage();
  await page.goto(link);
  await page.waitForSelector('.preview video', { timeout: 60_000 });
  await page.type('#name', 'Fritz');
  await page.click('button.join');
  await page.waitForSelector('.meeting');
  await member.hasEvent(/^Fritz \(External\) joined the chat$/);
  await page.click('.control.chat');
  await page.waitForSelector('#chat-message');
  await page.type('#chat-message', 'From the fox');
  await member.sees('who types', '.typing', /^Fritz \(External\) is typing…$/);
  await page.keyboard.press('Enter');
  await member.reads('Hello, https://example.org/', 'From the fox');
  await member.write('To the fox: https://example.org/');
  const texts = () => page.evaluate(() => [...document.querySelectorAll('.chat li.message .bubble')].map(({ textContent }) => textContent));
  await until('Fritz reads what came after him, and nothing of before (D1)', async () => (await texts()).join('\n') === 'From the fox\nTo the fox: https://example.org/');
  assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll('.chat .bubble a')].map(({ href, rel }) => [href, rel])), [['https://example.org/', 'noopener noreferrer']]);
  await member.sees('that he has read it', '.seen:not([hidden])', /^Seen by Fritz \(External\)$/);
  await picture(page, 'firefox');
});

test('what_is_a_link_and_how_long_a_text_may_be', async () => {
  const text = await readFile(new URL('../../www/shared/chat-text.js', import.meta.url), 'utf8');
  const { lengthNote, nameList, pieces, safeAddress, snippet } = await import(`data:text/javascript,${encodeURIComponent(text)}`);
  const links = (words) => pieces(words).filter(({ href }) => href).map(({ text: shown }) => shown);
  for (const [words, found] of [
    ['no link', []], ['https://a.test', ['https://a.test']], ['(https://a.test/b).', ['https://a.test/b']],
    ['https://a.test/x_(y)', ['https://a.test/x_(y)']], ['HTTP://A.test, ftp://b.test', ['HTTP://A.test']],
    ['javascript:alert(1) data:text/html,x //c.test', []], ['https://bank.test@evil.test/', []], ['"https://a.test"', ['https://a.test']],
  ]) {
    assert.deepEqual(links(words), found, words);
    assert.equal(pieces(words).map(({ text: shown }) => shown).join(''), words, 'nothing is lost');
  }
  for (const address of ['javascript:alert(1)', ' java\nscript:alert(1)', 'data:text/html,x', '//evil.test', '/here', 'mailto:a@b.test', 'https://a:b@c.test']) {
    assert.equal(safeAddress(address), undefined, address);
  }
  assert.deepEqual(lengthNote('x'.repeat(28 * 1024)).tooLong, false);
  assert.deepEqual(lengthNote('x'.repeat(28 * 1024 + 1)).tooLong, true);
  assert.equal(lengthNote('short').note, '');
  assert.equal(nameList(['A', 'B', 'C', 'D']), 'A, B and 2 more');
  assert.equal(snippet('👩‍🚀 '.repeat(3)), '👩‍🚀 👩‍🚀 👩‍🚀');
});
