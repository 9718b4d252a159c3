/**
 * Chat's declarations beside those of `@azure/communication-chat`: what an application has of one it can
 * give to the other, both ways. What classes keep for themselves is left out by `Pick`.
 */
import assert from 'node:assert/strict';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { declarations, scratch, tool } from './harness/facade.mjs';

const folder = scratch('chat-types');

before(() => {
  declarations(folder, []);
  symlinkSync(fileURLToPath(new URL('node_modules', import.meta.url)), join(folder, 'node_modules'), 'dir');
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
});

function compile(source) {
  writeFileSync(join(folder, 'pairs.ts'), source);
  return tool('tsc', [
    '--ignoreConfig', '--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', '--lib', 'es2023,dom', '--types', '', '--skipLibCheck', 'pairs.ts',
  ], { cwd: folder });
}

const head = `
  import type * as ours from './types/chat.js';
  import type * as theirs from '@azure/communication-chat';
  type Public<T> = Pick<T, keyof T>;
  /** What gives a class with members of its own is compared by what it gives. */
  type Given<T> = { [K in keyof T]: K extends 'getChatThreadClient' ? T[K] extends (...args: infer A) => infer R ? (...args: A) => Public<R> : never : T[K] };
  /** Fails to compile unless an \`A\` can be given for a \`B\`. */
  function give<A extends B, B>(): void {}
`;
const both = (one, other) => `give<${one}, ${other}>(); give<${other}, ${one}>();`;

const classes = ['ChatClient', 'ChatThreadClient'];
const events = [
  'ChatMessageReceivedEvent', 'ChatMessageEditedEvent', 'ChatMessageDeletedEvent', 'TypingIndicatorReceivedEvent', 'ReadReceiptReceivedEvent',
  'ChatThreadCreatedEvent', 'ChatThreadDeletedEvent', 'ChatThreadPropertiesUpdatedEvent', 'ParticipantsAddedEvent', 'ParticipantsRemovedEvent',
];
const models = [
  'ChatThreadProperties', 'ChatThreadItem', 'ChatMessage', 'ChatMessageContent', 'ChatMessageReadReceipt', 'ChatMessageType', 'ChatParticipant',
  'ChatError', 'ChatAttachment', 'ChatAttachmentType', 'ChatRetentionPolicy', 'ThreadCreationDateRetentionPolicy', 'NoneRetentionPolicy',
  'CreateChatThreadRequest', 'CreateChatThreadResult', 'AddParticipantsRequest', 'AddChatParticipantsResult', 'SendMessageRequest',
  'SendChatMessageResult', 'SendReadReceiptRequest', 'ListPageSettings', 'ChatEventId',
];
const options = [
  'ChatClientOptions', 'ChatThreadClientOptions', 'CreateChatThreadOptions', 'ListChatThreadsOptions', 'DeleteChatThreadOptions',
  'GetPropertiesOptions', 'UpdateTopicOptions', 'UpdateChatThreadPropertiesOptions', 'SendMessageOptions', 'GetMessageOptions',
  'ListMessagesOptions', 'DeleteMessageOptions', 'UpdateMessageOptions', 'AddParticipantsOptions', 'ListParticipantsOptions',
  'RemoveParticipantOptions', 'SendTypingNotificationOptions', 'SendReadReceiptOptions', 'ListReadReceiptsOptions', 'RestListChatThreadsOptions',
  'RestListMessagesOptions', 'RestListParticipantsOptions', 'RestListReadReceiptsOptions',
];

test('both clients can stand for each other', () => {
  const { status, stdout } = compile(head + classes.map((name) => both(`Given<Public<ours.${name}>>`, `Given<Public<theirs.${name}>>`)).join('\n'));
  assert.equal(status, 0, stdout);
});

test('so can what they take, give and tell', () => {
  const names = [...events, ...models, ...options];
  const { status, stdout } = compile(head + names.map((name) => both(`ours.${name}`, `theirs.${name}`)).join('\n'));
  assert.equal(status, 0, stdout);
});

test('what is constructed for one is constructed for the other', () => {
  const { status, stdout } = compile(`${head}
    type Made<T extends abstract new (...args: any) => any> = ConstructorParameters<T>;
    give<Made<typeof theirs.ChatClient>, Made<typeof ours.ChatClient>>();
    give<Made<typeof theirs.ChatThreadClient>, Made<typeof ours.ChatThreadClient>>();`);
  assert.equal(status, 0, stdout);
});

test('the comparison finds what differs', () => {
  const { status, stdout } = compile(`${head}
    give<Omit<ours.ChatMessage, 'createdOn'> & { createdOn: string }, theirs.ChatMessage>();`);
  assert.notEqual(status, 0);
  assert.match(stdout, /createdOn/);
});

test('nothing that Microsoft’s package exports is missing', () => {
  const { status, stdout } = compile(`${head}
    type Missing = Exclude<keyof typeof theirs, keyof typeof ours>;
    give<Missing, never>();`);
  assert.equal(status, 0, stdout);
});

test('every type that Microsoft’s package exports is compared', () => {
  const exported = new Set();
  const read = (file) => {
    const text = readFileSync(file, 'utf8');
    for (const [, from] of text.matchAll(/^export \* from "(.+)\.js"/gm)) read(join(dirname(file), `${from}.d.ts`));
    for (const [, name] of text.matchAll(/^export (?:declare )?(?:class|interface|type|const|enum|function) (\w+)/gm)) exported.add(name);
    for (const [, names] of text.matchAll(/^export (?:type )?\{([^}]+)\}/gm)) names.split(',').forEach((name) => exported.add(name.trim().split(/\s+/).at(-1)));
  };
  read(fileURLToPath(new URL('node_modules/@azure/communication-chat/dist/esm/index.d.ts', import.meta.url)));
  exported.delete('');
  assert.ok(exported.size > 50, `${exported.size} names`);
  assert.deepEqual([...exported].filter((name) => ![...classes, ...events, ...models, ...options].includes(name)), []);
});
