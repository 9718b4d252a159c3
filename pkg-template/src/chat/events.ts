/** Real-time notifications. Names and shapes as in `@azure/communication-chat` (MIT). */
import type { CommunicationIdentifierKind } from '../identifiers.js';
import type { ChatAttachment, ChatRetentionPolicy } from './models.js';

/** Somebody in a thread. */
export interface ChatEventParticipant {
  /** Who. */
  id: CommunicationIdentifierKind;
  /** Name that others see. */
  displayName: string;
  /** From when on the history is shared with them. */
  shareHistoryTime?: Date;
  /** Names and values that go along. */
  metadata: Record<string, string>;
}
/** What can be changed of a thread. */
export interface ChatEventThreadProperties {
  /** What it is about. */
  topic: string;
  /** Names and values that go along. */
  metadata: Record<string, string>;
}

/** Somebody did something in a thread. */
export interface BaseChatEvent {
  /** The thread. */
  threadId: string;
  /** Who. */
  sender: CommunicationIdentifierKind;
  /** Their name. */
  senderDisplayName: string;
  /** Who is told: the client's own user. */
  recipient: CommunicationIdentifierKind;
}
/** About a message. */
export interface BaseChatMessageEvent extends BaseChatEvent {
  /** Id of the message. */
  id: string;
  /** When the service got it. */
  createdOn: Date;
  /** Its version. */
  version: string;
  /** `Text` or `RichText/Html`; not the words of the REST interface. */
  type: string;
}
/** A message came; its sender is told, too. */
export interface ChatMessageReceivedEvent extends BaseChatMessageEvent {
  /** What it says. */
  message: string;
  /** Names and values that go along. */
  metadata: Record<string, string>;
  /** Files. */
  attachments?: ChatAttachment[];
}
/** A message was edited. */
export interface ChatMessageEditedEvent extends ChatMessageReceivedEvent {
  /** When. */
  editedOn: Date;
}
/** A message was deleted. */
export interface ChatMessageDeletedEvent extends BaseChatMessageEvent {
  /** When. */
  deletedOn: Date;
}
/** Somebody is typing. */
export interface TypingIndicatorReceivedEvent extends BaseChatEvent {
  /** Of the notification. */
  version: string;
  /** When the service got it. */
  receivedOn: Date;
}
/** Somebody has read. */
export interface ReadReceiptReceivedEvent extends BaseChatEvent {
  /** The last message that was read. */
  chatMessageId: string;
  /** When. */
  readOn: Date;
}

/** About a thread. */
export interface BaseChatThreadEvent {
  /** The thread. */
  threadId: string;
  /** Its version. */
  version: string;
}
/** A thread was made, with the user in it. */
export interface ChatThreadCreatedEvent extends BaseChatThreadEvent {
  /** When. */
  createdOn: Date;
  /** What it is about. */
  properties: ChatEventThreadProperties;
  /** Who is in it. */
  participants: ChatEventParticipant[];
  /** Who made it. */
  createdBy: ChatEventParticipant;
  /** When it is deleted by itself. */
  retentionPolicy: ChatRetentionPolicy;
}
/** A thread's properties were changed. */
export interface ChatThreadPropertiesUpdatedEvent extends BaseChatThreadEvent {
  /** As they are now. */
  properties: ChatEventThreadProperties;
  /** When. */
  updatedOn: Date;
  /** Who changed them. */
  updatedBy: ChatEventParticipant;
  /** When it is deleted by itself. */
  retentionPolicy: ChatRetentionPolicy;
}
/** A thread was deleted. */
export interface ChatThreadDeletedEvent extends BaseChatThreadEvent {
  /** When. */
  deletedOn: Date;
  /** Who deleted it. */
  deletedBy: ChatEventParticipant;
  /** `deletedByUser` or `deletedByPolicy`. */
  reason: string;
}
/** People were added. */
export interface ParticipantsAddedEvent extends BaseChatThreadEvent {
  /** When. */
  addedOn: Date;
  /** Who. */
  participantsAdded: ChatEventParticipant[];
  /** Who added them. */
  addedBy: ChatEventParticipant;
}
/** People were removed. */
export interface ParticipantsRemovedEvent extends BaseChatThreadEvent {
  /** When. */
  removedOn: Date;
  /** Who. */
  participantsRemoved: ChatEventParticipant[];
  /** Who removed them. */
  removedBy: ChatEventParticipant;
}

/** All events, with what a listener gets. */
export interface ChatEvents {
  /** A message came. */
  chatMessageReceived: (event: ChatMessageReceivedEvent) => void;
  /** A message was edited. */
  chatMessageEdited: (event: ChatMessageEditedEvent) => void;
  /** A message was deleted. */
  chatMessageDeleted: (event: ChatMessageDeletedEvent) => void;
  /** Somebody is typing. */
  typingIndicatorReceived: (event: TypingIndicatorReceivedEvent) => void;
  /** Somebody has read. */
  readReceiptReceived: (event: ReadReceiptReceivedEvent) => void;
  /** A thread was made. */
  chatThreadCreated: (event: ChatThreadCreatedEvent) => void;
  /** A thread was deleted. */
  chatThreadDeleted: (event: ChatThreadDeletedEvent) => void;
  /** A thread's properties were changed. */
  chatThreadPropertiesUpdated: (event: ChatThreadPropertiesUpdatedEvent) => void;
  /** People were added. */
  participantsAdded: (event: ParticipantsAddedEvent) => void;
  /** People were removed. */
  participantsRemoved: (event: ParticipantsRemovedEvent) => void;
  /** Notifications come. */
  realTimeNotificationConnected: () => void;
  /** The connection is lost; the SDK reconnects by itself, and nothing is missed within the service's limit. */
  realTimeNotificationDisconnected: () => void;
}
/** Names of the events. */
export type ChatEventId = keyof ChatEvents;
