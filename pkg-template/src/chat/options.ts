/** Options of the chat clients. Names and shapes as in `@azure/communication-chat` (MIT). */
import type { ChatMessageType, ChatParticipant, ChatRetentionPolicy } from './models.js';

/** What can be aborted with: an `AbortSignal`, or what has its members. */
export interface AbortSignalLike {
  /** Whether it has happened. */
  readonly aborted: boolean;
  /** Hears of it. */
  addEventListener(type: 'abort', listener: (this: AbortSignalLike, ev: any) => any, options?: any): void;
  /** Hears of it no longer. */
  removeEventListener(type: 'abort', listener: (this: AbortSignalLike, ev: any) => any, options?: any): void;
}

/** How a request is made. */
export interface OperationRequestOptions {
  /** Headers that go along. */
  customHeaders?: { [key: string]: string };
  /** Aborted after so many milliseconds, a message's wait for the network included. */
  timeout?: number;
}

/** Options of every operation. */
export interface OperationOptions {
  /** Aborts the operation; it rejects with an `AbortError`. */
  abortSignal?: AbortSignalLike;
  /** How its requests are made. */
  requestOptions?: OperationRequestOptions;
}

/** Options of a client. */
export interface ChatClientOptions {
  /** Allows an endpoint without TLS that is not this machine: whoever is on the way reads the token. */
  allowInsecureConnection?: boolean;
}
/** Options of a thread's client. */
export interface ChatThreadClientOptions extends ChatClientOptions {}

/** Options of `createChatThread`. */
export interface CreateChatThreadOptions extends OperationOptions {
  /** Who is in it, besides its creator. */
  participants?: ChatParticipant[];
  /** A UUID: with the same one the same thread is given again. */
  idempotencyToken?: string;
  /** Up to 1 KB of names and values. */
  metadata?: Record<string, string>;
  /** When it is deleted by itself. */
  retentionPolicy?: ChatRetentionPolicy;
}
/** Options of `listChatThreads`. */
export interface RestListChatThreadsOptions extends OperationOptions {
  /** Entries per page. */
  maxPageSize?: number;
  /** Only threads with something new since then. */
  startTime?: Date;
}
/** Options of `listChatThreads`. */
export type ListChatThreadsOptions = RestListChatThreadsOptions;
/** Options of `deleteChatThread`. */
export type DeleteChatThreadOptions = OperationOptions;
/** Options of `getProperties`. */
export type GetPropertiesOptions = OperationOptions;
/** Options of `updateTopic`. */
export interface UpdateTopicOptions extends OperationOptions {}
/** Options of `updateProperties`; what is absent stays as it is. */
export interface UpdateChatThreadPropertiesOptions extends OperationOptions {
  /** New topic. */
  topic?: string;
  /** New metadata, whole. */
  metadata?: Record<string, string>;
  /** When it is deleted by itself. */
  retentionPolicy?: ChatRetentionPolicy;
}
/** Options of `sendMessage`. */
export interface SendMessageOptions extends OperationOptions {
  /** Name that is shown as the sender's. In a meeting the meeting's name counts (rule A2). */
  senderDisplayName?: string;
  /** `text` by default; the service sanitises `html`. */
  type?: ChatMessageType;
  /** Names and values that go along. */
  metadata?: Record<string, string>;
}
/** Options of `getMessage`. */
export type GetMessageOptions = OperationOptions;
/** Options of `listMessages`. */
export interface RestListMessagesOptions extends OperationOptions {
  /** Entries per page, at most 200. */
  maxPageSize?: number;
  /** Only messages since then. */
  startTime?: Date;
}
/** Options of `listMessages`. */
export type ListMessagesOptions = RestListMessagesOptions;
/** Options of `deleteMessage`. */
export type DeleteMessageOptions = OperationOptions;
/** Options of `updateMessage`; what is absent stays as it is. */
export interface UpdateMessageOptions extends OperationOptions {
  /** New content. */
  content?: string;
  /** New metadata, whole. */
  metadata?: Record<string, string>;
}
/** Options of `addParticipants`. */
export type AddParticipantsOptions = OperationOptions;
/** Options of `listParticipants`. */
export interface RestListParticipantsOptions extends OperationOptions {
  /** Entries per page. */
  maxPageSize?: number;
  /** Leaves out so many from the start. */
  skip?: number;
}
/** Options of `listParticipants`. */
export type ListParticipantsOptions = RestListParticipantsOptions;
/** Options of `removeParticipant`. */
export type RemoveParticipantOptions = OperationOptions;
/** Options of `sendTypingNotification`. */
export interface SendTypingNotificationOptions extends OperationOptions {
  /** Name that is shown as the sender's. */
  senderDisplayName?: string;
}
/** Options of `sendReadReceipt`. */
export type SendReadReceiptOptions = OperationOptions;
/** Options of `listReadReceipts`. */
export interface RestListReadReceiptsOptions extends OperationOptions {
  /** Entries per page. */
  maxPageSize?: number;
  /** Leaves out so many from the start. */
  skip?: number;
}
/** Options of `listReadReceipts`. */
export type ListReadReceiptsOptions = RestListReadReceiptsOptions;
