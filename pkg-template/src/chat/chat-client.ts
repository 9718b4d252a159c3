import { Emitter } from '../events.js';
import { newId } from '../ids.js';
import type { CommunicationTokenCredential } from '../types.js';
import { ChatThreadClient } from './chat-thread-client.js';
import type {
  ChatEvents, ChatMessageDeletedEvent, ChatMessageEditedEvent, ChatMessageReceivedEvent, ChatThreadCreatedEvent, ChatThreadDeletedEvent,
  ChatThreadPropertiesUpdatedEvent, ParticipantsAddedEvent, ParticipantsRemovedEvent, ReadReceiptReceivedEvent,
  TypingIndicatorReceivedEvent,
} from './events.js';
import { connect, disconnect, missed } from './live.js';
import type { ChatThreadItem, CreateChatThreadRequest, CreateChatThreadResult, PagedAsyncIterableIterator } from './models.js';
import type { Notification } from './notifications.js';
import type { ChatClientOptions, CreateChatThreadOptions, DeleteChatThreadOptions, ListChatThreadsOptions } from './options.js';
import { Rest } from './rest.js';
import { participants } from './shapes.js';

/** The way in to chat: threads, and notifications of everything that happens in those of the user. */
export class ChatClient {
  /** @internal */
  _rest: Rest;
  /** @internal */
  _options: ChatClientOptions | undefined;
  /** @internal */
  _emitter = new Emitter<ChatEvents>();
  /** @internal While notifications come, or will. */
  _starting: Promise<void> | undefined;
  /** @internal This object, also where methods run with a Proxy as `this` (2.1.3). */
  _self: ChatClient;

  /**
   * @param endpoint origin of the service, such as `https://meet.example.org`.
   * @param credential gives the user's tokens, such as `AzureCommunicationTokenCredential`.
   * @throws CommunicationServicesError 400/59202 for an endpoint or a credential that cannot be one.
   */
  constructor(endpoint: string, credential: CommunicationTokenCredential, options?: ChatClientOptions) {
    this._rest = new Rest(endpoint, credential, options);
    this._options = options;
    this._self = this;
  }

  /** The client of one thread. */
  getChatThreadClient(threadId: string): ChatThreadClient {
    const { endpoint, credential } = this._rest;
    return new ChatThreadClient(endpoint, threadId, credential, this._options);
  }

  /** Makes a thread with the user in it. */
  async createChatThread(request: CreateChatThreadRequest, options: CreateChatThreadOptions = {}): Promise<CreateChatThreadResult> {
    const { metadata, retentionPolicy, idempotencyToken = newId() } = options;
    const body = { topic: request.topic, participants: participants(options.participants), metadata, retentionPolicy };
    return this._rest.ask('/chat/threads', { method: 'POST', body, once: idempotencyToken }, options);
  }

  /** The user's threads. */
  listChatThreads(options?: ListChatThreadsOptions): PagedAsyncIterableIterator<ChatThreadItem> {
    return this._rest.list('/chat/threads', options);
  }

  /** Deletes a thread. */
  deleteChatThread(threadId: string, options?: DeleteChatThreadOptions): Promise<void> {
    return this._rest.ask(this._rest.thread(threadId), { method: 'DELETE' }, options);
  }

  /**
   * Starts notifications; call it before subscribing to them. Resolves when the service is connected.
   * @throws Error on a server; CommunicationServicesError 408/40114 when the service cannot be reached.
   */
  async startRealtimeNotifications(): Promise<void> {
    const self = this._self;
    if (typeof WebSocket === 'undefined' || typeof document === 'undefined') {
      throw new Error('Realtime notifications are not supported in node js.');
    }
    if (self._starting) return self._starting;
    const { endpoint, credential } = self._rest;
    self._starting = connect(endpoint, credential, self);
    try {
      await self._starting;
    } catch (error) {
      self._starting = undefined;
      throw error;
    }
    self._emitter._emit('realTimeNotificationConnected');
  }

  /** Stops notifications and takes back all subscriptions. */
  async stopRealtimeNotifications(): Promise<void> {
    const self = this._self;
    self._starting = undefined;
    self._emitter = new Emitter();
    await disconnect(self);
  }

  /** Calls `listener` with every message that comes, the user's own included. */
  on(event: 'chatMessageReceived', listener: (event: ChatMessageReceivedEvent) => void): void;
  /** Calls `listener` when a message was edited. */
  on(event: 'chatMessageEdited', listener: (event: ChatMessageEditedEvent) => void): void;
  /** Calls `listener` when a message was deleted. */
  on(event: 'chatMessageDeleted', listener: (event: ChatMessageDeletedEvent) => void): void;
  /** Calls `listener` when somebody is typing. */
  on(event: 'typingIndicatorReceived', listener: (event: TypingIndicatorReceivedEvent) => void): void;
  /** Calls `listener` when somebody has read. */
  on(event: 'readReceiptReceived', listener: (event: ReadReceiptReceivedEvent) => void): void;
  /** Calls `listener` when a thread was made with the user in it. */
  on(event: 'chatThreadCreated', listener: (event: ChatThreadCreatedEvent) => void): void;
  /** Calls `listener` when a thread was deleted. */
  on(event: 'chatThreadDeleted', listener: (event: ChatThreadDeletedEvent) => void): void;
  /** Calls `listener` when a thread's properties were changed. */
  on(event: 'chatThreadPropertiesUpdated', listener: (event: ChatThreadPropertiesUpdatedEvent) => void): void;
  /** Calls `listener` when people were added. */
  on(event: 'participantsAdded', listener: (event: ParticipantsAddedEvent) => void): void;
  /** Calls `listener` when people were removed. */
  on(event: 'participantsRemoved', listener: (event: ParticipantsRemovedEvent) => void): void;
  /** Calls `listener` when notifications come, at first and again; may be subscribed before they are started. */
  on(event: 'realTimeNotificationConnected', listener: () => void): void;
  /** Calls `listener` when the connection is lost; the SDK reconnects by itself. */
  on(event: 'realTimeNotificationDisconnected', listener: () => void): void;
  on(event: keyof ChatEvents, listener: ChatEvents[keyof ChatEvents]): void {
    if (!this._starting && !/^realTime/.test(event)) {
      throw new Error('You must call startRealtimeNotifications before you can subscribe to events.');
    }
    this._emitter.on(event, listener);
    const late = event === 'participantsAdded' && missed(this._self);
    if (late) queueMicrotask(() => (listener as (event: unknown) => void)(late[1]));
  }

  /** Takes `on` back. */
  off(event: 'chatMessageReceived', listener: (event: ChatMessageReceivedEvent) => void): void;
  /** Takes `on` back. */
  off(event: 'chatMessageEdited', listener: (event: ChatMessageEditedEvent) => void): void;
  /** Takes `on` back. */
  off(event: 'chatMessageDeleted', listener: (event: ChatMessageDeletedEvent) => void): void;
  /** Takes `on` back. */
  off(event: 'typingIndicatorReceived', listener: (event: TypingIndicatorReceivedEvent) => void): void;
  /** Takes `on` back. */
  off(event: 'readReceiptReceived', listener: (event: ReadReceiptReceivedEvent) => void): void;
  /** Takes `on` back. */
  off(event: 'chatThreadCreated', listener: (event: ChatThreadCreatedEvent) => void): void;
  /** Takes `on` back. */
  off(event: 'chatThreadDeleted', listener: (event: ChatThreadDeletedEvent) => void): void;
  /** Takes `on` back. */
  off(event: 'chatThreadPropertiesUpdated', listener: (event: ChatThreadPropertiesUpdatedEvent) => void): void;
  /** Takes `on` back. */
  off(event: 'participantsAdded', listener: (event: ParticipantsAddedEvent) => void): void;
  /** Takes `on` back. */
  off(event: 'participantsRemoved', listener: (event: ParticipantsRemovedEvent) => void): void;
  off(event: keyof ChatEvents, listener: ChatEvents[keyof ChatEvents]): void {
    this._emitter.off(event, listener);
  }

  /** @internal From the connection, which is shared with other clients. */
  _heard([event, payload]: Notification): void {
    this._emitter._emit(event, ...([payload] as unknown as never));
  }
}
