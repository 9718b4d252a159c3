/** What the chat clients take and give. Names and shapes as in `@azure/communication-chat` (MIT). */
import type { CommunicationIdentifier, CommunicationIdentifierKind } from '../identifiers.js';

/** A thread. */
export interface ChatThreadProperties {
  /** Id. */
  id: string;
  /** What it is about. */
  topic: string;
  /** When it was made. */
  createdOn: Date;
  /** Who made it. */
  readonly createdBy?: CommunicationIdentifierKind;
  /** When it was deleted. */
  deletedOn?: Date;
  /** Names and values that go along. */
  metadata?: Record<string, string>;
  /** When it is deleted by itself. */
  retentionPolicy?: ChatRetentionPolicy;
}

/** Deleted some days after it was made. */
export interface ThreadCreationDateRetentionPolicy {
  /** Discriminates. */
  kind: 'threadCreationDate';
  /** From 30 to 90. */
  deleteThreadAfterDays: number;
}
/** Never deleted by itself. */
export interface NoneRetentionPolicy {
  /** Discriminates. */
  kind: 'none';
}
/** When a thread is deleted by itself. */
export type ChatRetentionPolicy = ThreadCreationDateRetentionPolicy | NoneRetentionPolicy;

/** A thread in a list. */
export interface ChatThreadItem {
  /** Id. */
  id: string;
  /** What it is about. */
  topic: string;
  /** When it was deleted. */
  deletedOn?: Date;
  /** When its last message came. */
  readonly lastMessageReceivedOn?: Date;
}

/** What a message is; the last three the service writes itself. */
export type ChatMessageType = 'text' | 'html' | 'topicUpdated' | 'participantAdded' | 'participantRemoved';

/** A message. */
export interface ChatMessage {
  /** Id, given by the service. */
  id: string;
  /** What it is. */
  type: ChatMessageType;
  /** Its place in the thread. */
  sequenceId: string;
  /** Changes when it is edited. */
  version: string;
  /** What it says; absent once deleted. */
  content?: ChatMessageContent;
  /** Name of its sender. */
  senderDisplayName?: string;
  /** When the service got it. */
  createdOn: Date;
  /** Its sender; absent when the service wrote it. */
  sender?: CommunicationIdentifierKind;
  /** When it was deleted. */
  deletedOn?: Date;
  /** When it was edited. */
  editedOn?: Date;
  /** Names and values that go along. */
  metadata?: Record<string, string>;
}

/** What a message says. */
export interface ChatMessageContent {
  /** Of `text` and `html`; never put `html` into a page as it is, though the service sanitises it. */
  message?: string;
  /** Of `topicUpdated`. */
  topic?: string;
  /** Of `participantAdded` and `participantRemoved`. */
  participants?: ChatParticipant[];
  /** Who did it. */
  initiator?: CommunicationIdentifierKind;
  /** Files; the service has none (rule D2). */
  attachments?: ChatAttachment[];
}

/** Kind of a {@link ChatAttachment}. */
export type ChatAttachmentType = 'image' | 'file' | 'unknown';
/** A file. */
export interface ChatAttachment {
  /** Id. */
  id: string;
  /** Kind of file. */
  attachmentType: ChatAttachmentType;
  /** Its name. */
  name?: string;
  /** Where it is. */
  url?: string;
  /** Where a preview is. */
  previewUrl?: string;
}

/** How far somebody has read. */
export interface ChatMessageReadReceipt {
  /** Who. */
  sender: CommunicationIdentifierKind;
  /** The last message that was read. */
  chatMessageId: string;
  /** When. */
  readOn: Date;
}

/** Somebody in a thread. */
export interface ChatParticipant {
  /** Who. */
  id: CommunicationIdentifier;
  /** Name that others see. */
  displayName?: string;
  /** From when on the history is shared with them. */
  shareHistoryTime?: Date;
  /** Names and values that go along. */
  metadata?: Record<string, string>;
}

/** Why the service did not do something. */
export interface ChatError {
  /** Stable code. */
  code: string;
  /** What was wrong. */
  message: string;
  /** What it is about. */
  readonly target?: string;
  /** More of them. */
  readonly details?: ChatError[];
  /** What is behind it. */
  readonly innerError?: ChatError;
}

/** What `createChatThread` gives. */
export interface CreateChatThreadResult {
  /** The thread. */
  chatThread?: ChatThreadProperties;
  /** Who could not be added, and why. */
  readonly invalidParticipants?: ChatError[];
}
/** What `addParticipants` gives. */
export interface AddChatParticipantsResult {
  /** Who could not be added, and why. */
  readonly invalidParticipants?: ChatError[];
}
/** What `sendMessage` gives. */
export interface SendChatMessageResult {
  /** Id of the message, the same as in its event. */
  id: string;
}

/** A thread to be made. */
export interface CreateChatThreadRequest {
  /** What it is about. */
  topic: string;
}
/** A message to be sent. */
export interface SendMessageRequest {
  /** What it says. */
  content: string;
}
/** People to be added. */
export interface AddParticipantsRequest {
  /** Who. */
  participants: ChatParticipant[];
}
/** A receipt to be sent. */
export interface SendReadReceiptRequest {
  /** The last message that was read. */
  chatMessageId: string;
}

/** Where a list goes on. */
export interface ListPageSettings {
  /** Set to where the next page begins whenever a page was given; give it to begin there. */
  continuationToken?: string;
}
/** Where a list goes on, and in which steps. */
export interface PageSettings extends ListPageSettings {
  /** Entries per page. */
  maxPageSize?: number;
}
/** A list that is fetched page by page while it is read. */
export interface PagedAsyncIterableIterator<T> {
  /** The next entry. */
  next(): Promise<IteratorResult<T>>;
  /** Itself. */
  [Symbol.asyncIterator](): PagedAsyncIterableIterator<T>;
  /** The same by pages, from the start. */
  byPage: (settings?: PageSettings) => AsyncIterableIterator<T[]>;
}
