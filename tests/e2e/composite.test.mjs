// Microsoft's UI library, unchanged, on the SDK as it is packed: the example application, built for production,
// goes through a meeting as a guest. Nothing may be thrown or logged as an error on the way.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Attendee, RoomsOverRest } from './lib/attendee.mjs';
import { serveComposite } from './lib/composite-app.mjs';
import { CompositeGuest } from './lib/composite-guest.mjs';
import { until } from './lib/until.mjs';

let app;
before(async () => { app = await serveComposite(); });
after(() => app?.close());

/** Olivia is in her meeting; `lobby` says whether others wait. */
async function scene(t, { lobby, roomChat }) {
  const service = await Service.start(t);
  const browser = await startChromium(t);
  const rooms = await RoomsOverRest.schedule(service, {
    lobbyBypassSettings: { scope: lobby ? 'organizer' : 'everyone' }, allowGuestChatInBreakoutRooms: roomChat,
  });
  const olivia = await Attendee.join(browser, rooms, 'Olivia');
  return { browser, rooms, olivia };
}

/** What others are told of somebody; who is known to the rooms from then on. */
function seenBy(attendee, rooms, name, test = () => true) {
  return until(`${attendee.name} is told of ${name}`, async () => {
    const found = await attendee.page.evaluate((wanted) => {
      const person = window.me.call.remoteParticipants.find(({ displayName }) => displayName.startsWith(wanted));
      return person && { id: person.identifier.communicationUserId, muted: person.isMuted, videos: person.videoStreams.length };
    }, name);
    if (found) rooms.people[name] ??= { id: found.id };
    return found && test(found);
  });
}

/** Who waits is let in by her. */
async function admits(olivia) {
  await until('somebody waits', () => olivia.page.evaluate(() => window.me.call.lobby.participants.length === 1));
  await olivia.page.evaluate(() => window.me.call.lobby.admit(window.me.call.lobby.participants[0].identifier));
}

/** Olivia's words in a chat, by Graph, as members write. */
async function says(rooms, threadId, content) {
  const response = await fetch(`${rooms.service.origin}/v1.0/chats/${encodeURIComponent(threadId)}/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${rooms.session.accessToken}` },
    body: JSON.stringify({ body: { content } }),
  });
  assert.equal(response.status, 201, await response.clone().text());
}

/** And what members read there. */
async function written(rooms, threadId) {
  const response = await fetch(`${rooms.service.origin}/v1.0/chats/${encodeURIComponent(threadId)}/messages`, {
    headers: { authorization: `Bearer ${rooms.session.accessToken}` },
  });
  return (await response.json()).value.map(({ body }) => body.content);
}

const isWritten = (rooms, threadId, text) => until(`${text} is in the chat`, async () => (await written(rooms, threadId)).includes(text));

test('a_guest_goes_through_the_composite_from_the_configuration_page_to_the_last', async (t) => {
  const { browser, rooms, olivia } = await scene(t, { lobby: true, roomChat: true });
  const main = rooms.meeting.chatInfo.threadId;
  const vera = await CompositeGuest.open(browser, app.origin, rooms.link, 'Vera');

  await t.test('configuration page, lobby, admitted', async () => {
    await vera.configure('camera');
    await vera.configure('microphone');
    await vera.seesOwnPicture();
    await vera.join();
    await vera.waits();
    assert.deepEqual(await vera.pages(), ['lobby-page']);
    await admits(olivia);
    await vera.inCall();
  });

  await t.test('both see and hear each other, and mute is seen', async () => {
    await Promise.all([vera.sees('Olivia'), vera.hears(), vera.sendsVideo()]);
    await seenBy(olivia, rooms, 'Vera', ({ videos, muted }) => videos === 1 && !muted);
    await vera.setMicrophone(false);
    await seenBy(olivia, rooms, 'Vera', ({ muted }) => muted);
    await vera.setMicrophone(true);
    await seenBy(olivia, rooms, 'Vera', ({ muted }) => !muted);
    assert.deepEqual(await vera.people(), ['Olivia Organizer', 'Vera']);
  });

  await t.test('on hold, and back', async () => {
    await vera.page.locator('[data-ui-id="common-call-composite-more-button"]').first().click();
    await vera.page.getByRole('menuitem', { name: 'Hold call' }).click();
    await vera.page.getByText("You're on hold").waitFor();
    await vera.page.locator('[data-ui-id="hold-page-resume-call-button"]').click();
    await vera.inCall();
    // The library stops the camera before it holds.
    await vera.does('camera', 'Turn on camera').click();
    await Promise.all([vera.sees('Olivia'), vera.hears(), vera.sendsVideo()]);
  });

  await t.test('chat goes both ways', async () => {
    await vera.openChat();
    await vera.write('Hello from the composite');
    await isWritten(rooms, main, 'Hello from the composite');
    await says(rooms, main, 'Hello Vera');
    await vera.reads('Hello Vera');
  });

  await vera.setMicrophone(false);
  const [ada] = await Promise.all([Attendee.join(browser, rooms, 'Ada'), admits(olivia)]);
  await rooms.make(2);
  const [first, second] = (await rooms.must('GET', '')).value.map(({ threadId }) => threadId);
  await rooms.assign({ Vera: 1, Ada: 1 });

  await t.test('a move is told, and microphone and camera stay as they were (UI library 5755, 6036)', async () => {
    await vera.enters('Room 1', () => rooms.open(1));
    // The one notice of a move that stands: those of before it go with it (README of the example).
    await vera.isToldOnly("You've joined Breakout room 'Room 1'");
    await ada.isIn('Room 1');
    await Promise.all([vera.sees('Ada'), vera.hears(), vera.sendsVideo(), vera.microphoneIs(false), vera.cameraIs(true)]);
    await seenBy(ada, rooms, 'Vera', ({ videos, muted }) => videos === 1 && muted);
    assert.deepEqual(await vera.people(), ['Ada', 'Vera']);
  });

  await t.test('the room has its chat, without waiting for what came before its client (UI library 5675, 5683)', async () => {
    await vera.openChat();
    await vera.write('In the room');
    await isWritten(rooms, first, 'In the room');
    await vera.readsInRoom('Hello room', () => says(rooms, first, 'Hello room'));
    assert.equal(await vera.page.getByText('Hello Vera').count(), 0, 'the main meeting’s is not shown');
    assert.ok(!(await written(rooms, main)).includes('In the room'));
  });

  await t.test('its end leads back, as the one call that it was (UI library 6059, 6036)', async () => {
    await vera.roomIsQuiet();
    await rooms.close(1);
    await vera.isToldOnly('Room 1 has closed. You are back in the main meeting.');
    await Promise.all([vera.sees('Olivia'), vera.hears(), vera.sendsVideo(), vera.microphoneIs(false)]);
    await vera.neverLeft();
    await vera.reads('Hello Vera');
    await vera.write('Back again');
    await isWritten(rooms, main, 'Back again');
  });

  await t.test('a room that one is asked into, and its return', async () => {
    await rooms.configure({ autoMoveParticipantToBreakoutRoom: false });
    await rooms.assign({ Vera: 2, Ada: 0 });
    await rooms.open(2);
    await vera.isTold('Join breakout room?');
    await seenBy(olivia, rooms, 'Vera');
    await vera.enters('Room 2', () => vera.page.getByRole('button', { name: 'Join room' }).click());
    // Sooner than the notice of the room before goes by itself.
    await vera.isToldOnly("You've joined Breakout room 'Room 2'", { patience: 5_000 });
    await olivia.seesExactly('Ada');
    await vera.openChat();
    await vera.write('Alone here');
    await isWritten(rooms, second, 'Alone here');
    await vera.roomIsQuiet();
    await vera.hangUp('Leave room');
    await Promise.all([vera.sees('Olivia'), vera.hears()]);
    await vera.neverLeft();
  });

  await vera.nothingToComplain();
  await t.test('who loses their room while in it is brought back (UI library 6059)', async () => {
    await rooms.configure({ autoMoveParticipantToBreakoutRoom: true });
    await rooms.assign({ Vera: 0 });
    for (const take of [() => rooms.assign({ Vera: 0 }), () => rooms.must('DELETE', `/${rooms.ids[1]}`)]) {
      await rooms.assign({ Vera: 2 });
      await vera.isTold("You've joined Breakout room 'Room 2'");
      await vera.reads('Alone here');
      await olivia.seesExactly('Ada');
      await take();
      await olivia.seesExactly('Ada', 'Vera');
      await Promise.all([vera.sees('Olivia'), vera.microphoneIs(false), vera.cameraIs(true)]);
    }
    await vera.neverLeft();
  });

  await t.test('who is out of a room before its chat has answered is refused there, and goes on with the meeting’s', async () => {
    const before = vera.refusals();
    await vera.withSlowRooms(async () => {
      await rooms.open(1);
      await rooms.assign({ Vera: 1 });
      await vera.isTold("You've joined Breakout room 'Room 1'");
      await rooms.assign({ Vera: 0 });
      await olivia.seesExactly('Ada', 'Vera');
    });
    await until('something was refused', () => vera.refusals() > before);
    await vera.reads('Back again');
    await vera.neverLeft();
  });

  await t.test('leaving', async () => {
    await vera.hangUp();
    await vera.page.getByRole('dialog').getByRole('button', { name: 'Leave', exact: true }).click();
    await vera.page.getByText('You left the call').waitFor();
    await olivia.seesExactly('Ada');
  });
  await vera.nothingToComplainButRefusals();
});

test('on_a_phone_with_guests_kept_out_of_the_chat_of_rooms_the_composite_goes_on_with_the_meeting_s_chat (E5)', async (t) => {
  const { browser, rooms, olivia } = await scene(t, { lobby: false, roomChat: false });
  const main = rooms.meeting.chatInfo.threadId;
  const vera = await CompositeGuest.open(browser, app.origin, rooms.link, 'Vera', { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  await vera.join();
  await vera.inCall();
  await vera.sees('Olivia');
  await seenBy(olivia, rooms, 'Vera');
  await rooms.make(1);
  await rooms.assign({ Vera: 1 });
  await rooms.open(1);
  await vera.isTold("You've joined Breakout room 'Room 1'");
  await vera.openChat();
  await vera.write('From a room without a chat');
  await isWritten(rooms, main, 'From a room without a chat');
  await rooms.close(1);
  await olivia.seesExactly('Vera');
  await vera.reads('From a room without a chat');
  await vera.neverLeft();
  await vera.nothingToComplain();
});
