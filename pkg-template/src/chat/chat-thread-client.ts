import type { CommunicationIdentifier } from '../identifiers.js';
import { rawIdOf } from '../identifiers.js';
import { newId } from '../ids.js';
import type { CommunicationTokenCredential } from '../types.js';
import type {
  AddChatParticipantsResult, AddParticipantsRequest, ChatMessage, ChatMessageReadReceipt, ChatParticipant, ChatThreadProperties,
  PagedAsyncIterableIterator, SendChatMessageResult, SendMessageRequest, SendReadReceiptRequest,
} from './models.js';
import type {
  AddParticipantsOptions, ChatThreadClientOptions, DeleteMessageOptions, GetMessageOptions, GetPropertiesOptions, ListMessagesOptions,
  ListParticipantsOptions, ListReadReceiptsOptions, RemoveParticipantOptions, SendMessageOptions, SendReadReceiptOptions,
  SendTypingNotificationOptions, UpdateChatThreadPropertiesOptions, UpdateMessageOptions, UpdateTopicOptions,
} from './options.js';
import { Rest } from './rest.js';
import { participants } from './shapes.js';

/** Others show a typing notification for as long, so more of them tell nothing. */
const typingInterval = 8000;

/** One thread. Made by `ChatClient.getChatThreadClient`. All promises reject with a {@link RestError}. */
export class ChatThreadClient {
  /** Id of the thread. */
  readonly threadId: string;
  /** @internal */
  _rest: Rest;
  /** @internal ms since 1970. */
  _typed = 0;
  /** @internal This object, also where methods run with a Proxy as `this` (2.1.3). */
  _self: ChatThreadClient;

  /**
   * @param endpoint origin of the service.
   * @param threadId id of the thread.
   * @param credential gives the user's tokens.
   */
  constructor(endpoint: string, threadId: string, credential: CommunicationTokenCredential, options?: ChatThreadClientOptions) {
    this.threadId = threadId;
    this._rest = new Rest(endpoint, credential, options);
    this._self = this;
  }

  /** The thread's topic, and when it was made by whom. */
  getProperties(options?: GetPropertiesOptions): Promise<ChatThreadProperties> {
    return this._ask('', {}, options);
  }

  /** Changes the topic. */
  updateTopic(topic: string, options?: UpdateTopicOptions): Promise<void> {
    return this._ask('', { method: 'PATCH', body: { topic } }, options);
  }

  /** Changes what is given; the rest stays. */
  updateProperties(options: UpdateChatThreadPropertiesOptions = {}): Promise<void> {
    const { topic, metadata, retentionPolicy } = options;
    return this._ask('', { method: 'PATCH', body: { topic, metadata, retentionPolicy } }, options);
  }

  /**
   * Sends a message. Without a network it waits for it, in its place among the messages to this thread,
   * and is tried for five minutes: while the promise is pending the message is being sent. It is delivered
   * once.
   * @throws RestError what the service said, or `REQUEST_SEND_ERROR`, whose message says whether the
   * message may be there; `AbortError` after an abort.
   */
  async sendMessage(request: SendMessageRequest, options: SendMessageOptions = {}): Promise<SendChatMessageResult> {
    const self = this._self;
    const { senderDisplayName, type, metadata } = options;
    const body = { content: request.content, senderDisplayName, type, metadata };
    self._typed = 0;
    return self._ask('/messages', { method: 'POST', body, once: newId(), thread: self.threadId }, options);
  }

  /** One message. */
  getMessage(messageId: string, options?: GetMessageOptions): Promise<ChatMessage> {
    return this._ask(message(messageId), {}, options);
  }

  /** The messages, newest first. */
  listMessages(options?: ListMessagesOptions): PagedAsyncIterableIterator<ChatMessage> {
    return this._list('/messages', options);
  }

  /** Deletes one of the user's own messages. */
  deleteMessage(messageId: string, options?: DeleteMessageOptions): Promise<void> {
    return this._ask(message(messageId), { method: 'DELETE' }, options);
  }

  /** Edits one of the user's own messages. */
  updateMessage(messageId: string, options: UpdateMessageOptions = {}): Promise<void> {
    const { content, metadata } = options;
    return this._ask(message(messageId), { method: 'PATCH', body: { content, metadata } }, options);
  }

  /** Adds people; who is in the thread already stays as they are. */
  async addParticipants(request: AddParticipantsRequest, options?: AddParticipantsOptions): Promise<AddChatParticipantsResult> {
    const body = { participants: participants(request.participants) };
    return this._ask('/participants/:add', { method: 'POST', body }, options);
  }

  /** The people in the thread. */
  listParticipants(options?: ListParticipantsOptions): PagedAsyncIterableIterator<ChatParticipant> {
    return this._list('/participants', options);
  }

  /** Removes somebody. */
  async removeParticipant(participant: CommunicationIdentifier, options?: RemoveParticipantOptions): Promise<void> {
    return this._ask('/participants/:remove', { method: 'POST', body: { rawId: rawIdOf(participant) } }, options);
  }

  /** Tells the others that the user is typing. False: the last time was less than 8 s ago, and nothing was sent. */
  async sendTypingNotification(options: SendTypingNotificationOptions = {}): Promise<boolean> {
    const self = this._self;
    const now = Date.now();
    if (now - self._typed < typingInterval) return false;
    const { senderDisplayName } = options;
    self._typed = now;
    await self._ask('/typing', { method: 'POST', body: { senderDisplayName } }, options);
    return true;
  }

  /** Tells the others how far the user has read. */
  sendReadReceipt(request: SendReadReceiptRequest, options?: SendReadReceiptOptions): Promise<void> {
    const { chatMessageId } = request;
    return this._ask('/readReceipts', { method: 'POST', body: { chatMessageId } }, options);
  }

  /** How far everybody has read. */
  listReadReceipts(options?: ListReadReceiptsOptions): PagedAsyncIterableIterator<ChatMessageReadReceipt> {
    return this._list('/readReceipts', options);
  }

  /** @internal */
  _ask<T>(path: string, ...rest: Parameters<Rest['ask']> extends [string, ...infer R] ? R : never): Promise<T> {
    return this._rest.ask(this._rest.thread(this.threadId, path), ...rest);
  }

  /** @internal */
  _list<T>(path: string, options: Parameters<Rest['list']>[1]): PagedAsyncIterableIterator<T> {
    return this._rest.list(this._rest.thread(this.threadId, path), options);
  }
}

function message(id: string): string {
  return `/messages/${encodeURIComponent(id)}`;
}
