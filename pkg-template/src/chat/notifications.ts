/** From the agent socket's events of chat (`protocol/src/chat.rs`) to what applications get. */
import { identifierOf } from '../identifiers.js';
import type { ChatEventParticipant, ChatEvents } from './events.js';
import type { ChatRetentionPolicy } from './models.js';

/** Somebody, as the service writes them; times are ms since 1970. */
interface Person { id: string; displayName?: string; shareHistoryTime?: number; metadata?: Record<string, string> }
interface Message {
  threadId: string; id: string; version: string; createdOn: number; kind: 'text' | 'html'; sender: string; senderDisplayName?: string;
  message: string; metadata?: Record<string, string>;
}
interface Thread {
  threadId: string; version: string; topic: string; metadata?: Record<string, string>;
  retention?: 'none' | { threadCreationDate: { deleteThreadAfterDays: number } };
}
/** `ChatEvent`, a variant each. */
export interface WireEvents {
  messageReceived: Message;
  messageEdited: { message: Message; editedOn: number };
  messageDeleted: { message: Message; deletedOn: number };
  typing: { threadId: string; sender: string; senderDisplayName?: string; version: string; receivedOn: number };
  readReceipt: { threadId: string; sender: string; chatMessageId: string; readOn: number };
  threadCreated: { thread: Thread; createdOn: number; createdBy: Person; participants: Person[] };
  threadPropertiesUpdated: { thread: Thread; updatedOn: number; updatedBy: Person };
  threadDeleted: { threadId: string; version: string; deletedOn: number; deletedBy?: Person };
  participantsAdded: { threadId: string; version: string; addedOn: number; addedBy: Person; participantsAdded: Person[] };
  participantsRemoved: { threadId: string; version: string; removedOn: number; removedBy: Person; participantsRemoved: Person[] };
}

type Payload<Event extends keyof ChatEvents> = Parameters<ChatEvents[Event]>[0];
/** Name and payload of an event. */
export type Notification = { [Event in keyof ChatEvents]: [Event, Payload<Event>] }[keyof ChatEvents];

/** What applications get of an event; nothing of one that is passed over or of a newer version. Everything in it is new. */
export function notification(event: unknown, me: string): Notification | undefined {
  const [[name, body] = []] = Object.entries(event as object);
  return Object.hasOwn(variants, name ?? '') ? variants[name as 'typing'](body, me) : undefined;
}

const variants: { [Name in keyof WireEvents]: (body: WireEvents[Name], me: string) => Notification } = {
  messageReceived: (body, me) => ['chatMessageReceived', { ...written(body), ...about(body, me) }],
  messageEdited: ({ message, editedOn }, me) =>
    ['chatMessageEdited', { ...written(message), ...about(message, me), editedOn: new Date(editedOn) }],
  messageDeleted: ({ message, deletedOn }, me) => ['chatMessageDeleted', { ...about(message, me), deletedOn: new Date(deletedOn) }],
  typing: (body, me) =>
    ['typingIndicatorReceived', { ...by(body, me), version: body.version, receivedOn: new Date(body.receivedOn) }],
  readReceipt: (body, me) =>
    ['readReceiptReceived', { ...by(body, me), chatMessageId: body.chatMessageId, readOn: new Date(body.readOn) }],
  threadCreated: ({ thread, createdOn, createdBy, participants }) => ['chatThreadCreated', {
    ...properties(thread), createdOn: new Date(createdOn), createdBy: person(createdBy), participants: participants.map(person),
  }],
  threadPropertiesUpdated: ({ thread, updatedOn, updatedBy }) =>
    ['chatThreadPropertiesUpdated', { ...properties(thread), updatedOn: new Date(updatedOn), updatedBy: person(updatedBy) }],
  threadDeleted: ({ threadId, version, deletedOn, deletedBy }) => ['chatThreadDeleted', {
    threadId, version, deletedOn: new Date(deletedOn),
    // Microsoft's declarations do not know that nobody did it.
    deletedBy: (deletedBy ? person(deletedBy) : null) as ChatEventParticipant,
    reason: deletedBy ? 'deletedByUser' : 'deletedByPolicy',
  }],
  participantsAdded: ({ addedOn, addedBy, participantsAdded, ...rest }) =>
    ['participantsAdded', { ...rest, addedOn: new Date(addedOn), addedBy: person(addedBy), participantsAdded: participantsAdded.map(person) }],
  participantsRemoved: ({ removedOn, removedBy, participantsRemoved, ...rest }) => ['participantsRemoved', {
    ...rest, removedOn: new Date(removedOn), removedBy: person(removedBy), participantsRemoved: participantsRemoved.map(person),
  }],
};

function by({ threadId, sender, senderDisplayName = '' }: { threadId: string; sender: string; senderDisplayName?: string }, me: string) {
  return { threadId, sender: identifierOf(sender), senderDisplayName, recipient: identifierOf(me) };
}

function about(message: Message, me: string) {
  const { id, version, createdOn, kind } = message;
  return { ...by(message, me), id, version, createdOn: new Date(createdOn), type: kind === 'html' ? 'RichText/Html' : 'Text' };
}

function written({ message, metadata = {} }: Message) {
  return { message, metadata };
}

function person({ id, displayName = '', shareHistoryTime, metadata = {} }: Person): ChatEventParticipant {
  const from = shareHistoryTime !== undefined && { shareHistoryTime: new Date(shareHistoryTime) };
  return { id: identifierOf(id), displayName, ...from, metadata };
}

function properties({ threadId, version, topic, metadata = {}, retention }: Thread) {
  const retentionPolicy = typeof retention === 'object'
    ? { kind: 'threadCreationDate', ...retention.threadCreationDate }
    : retention && { kind: retention };
  return { threadId, version, properties: { topic, metadata }, retentionPolicy: retentionPolicy as ChatRetentionPolicy };
}
