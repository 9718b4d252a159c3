// A member's scenario with Microsoft's Graph client, unchanged. It runs in a process of its own, which trusts
// the service's authority (NODE_EXTRA_CA_CERTS): the client asks by Node's `fetch`.

import assert from 'node:assert/strict';
import { Client, PageIterator } from '@microsoft/microsoft-graph-client';

const { ORIGIN, TOKEN, ROOM, FOREIGN } = process.env;

const client = Client.init({
  baseUrl: `${ORIGIN}/`,
  customHosts: new Set([new URL(ORIGIN).hostname]),
  authProvider: (done) => done(null, TOKEN),
});
const messages = `/chats/${ROOM}/messages`;

const sent = await client.api(messages).post({ body: { content: 'to the room' } });
assert.equal(sent.chatId, ROOM);
assert.equal(sent.body.content, 'to the room');
const html = await client.api(messages).post({ body: { contentType: 'html', content: '<b>now</b><script>x</script>' } });
assert.deepEqual(html.body, { contentType: 'html', content: '<b>now</b>' });

const read = await client.api(`${messages}/${sent.id}`).get();
assert.equal(read.from.user.userIdentityType, 'aadUser');
await client.api(`${messages}/${sent.id}`).patch({ body: { content: 'changed' } });
assert.equal((await client.api(`${messages}/${sent.id}`).get()).body.content, 'changed');
await client.api(`/me/chats/${ROOM}/messages/${html.id}/softDelete`).post({});

// Over pages, by the client's own iterator.
const all = [];
const first = await client.api(messages).top(1).get();
assert.ok(first['@odata.nextLink']);
await new PageIterator(client, first, (message) => all.push(message)).iterate();
const texts = all.filter(({ messageType }) => messageType === 'message');
assert.deepEqual(texts.map(({ body, deletedDateTime }) => [body.content, deletedDateTime !== null]), [['', true], ['changed', false]]);

const refused = await client.api(`/chats/${FOREIGN}/messages`).get().catch((error) => error);
assert.equal(refused.statusCode, 404);
assert.equal(refused.code, 'NotFound');
