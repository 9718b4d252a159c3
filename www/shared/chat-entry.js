/** One line of a chat, whether it came by REST or as an event. Pure: no DOM, no client. */
import { rawId } from './raw-id.js';

/** Under this name a message says which of the page's own drafts it was. */
export const DRAFT = 'draft';

/** A message of `listMessages`, or `null` for what the page does not show. */
export function entryOf(message) {
  const { id, type, version, content, createdOn, deletedOn, editedOn } = message;
  const common = { id, order: Number(id), version: Number(version), at: createdOn };
  if (type === 'text' || type === 'html') {
    return {
      ...common, kind: deletedOn ? 'deleted' : type, text: content?.message ?? '', sender: message.sender ? rawId(message.sender) : '',
      name: message.senderDisplayName ?? '', edited: Boolean(editedOn), draft: message.metadata?.[DRAFT],
    };
  }
  const people = (content?.participants ?? []).map((one) => ({ id: rawId(one.id), name: one.displayName ?? '' }));
  if (type === 'participantAdded') return { ...common, kind: 'joined', people };
  if (type === 'participantRemoved') return { ...common, kind: 'left', people };
  if (type === 'topicUpdated') return { ...common, kind: 'topic', text: content?.topic ?? '' };
  return null;
}

/** `chatMessageReceived`, `chatMessageEdited`, `chatMessageDeleted`. */
export function entryOfEvent(event) {
  const deleted = 'deletedOn' in event;
  return {
    id: event.id, order: Number(event.id), version: Number(event.version), at: event.createdOn,
    kind: deleted ? 'deleted' : event.type === 'RichText/Html' ? 'html' : 'text', text: deleted ? '' : event.message,
    sender: rawId(event.sender), name: event.senderDisplayName, edited: 'editedOn' in event, draft: event.metadata?.[DRAFT],
  };
}

/** Of what the service itself writes, the version is the id. */
function written(version, at, rest) {
  return { id: version, order: Number(version), version: Number(version), at, ...rest };
}

const named = (people) => people.map((one) => ({ id: rawId(one.id), name: one.displayName }));

export const joinedEntry = ({ version, addedOn, participantsAdded }) => written(version, addedOn, { kind: 'joined', people: named(participantsAdded) });
export const leftEntry = ({ version, removedOn, participantsRemoved }) => written(version, removedOn, { kind: 'left', people: named(participantsRemoved) });
export const topicEntry = ({ version, updatedOn, properties }) => written(version, updatedOn, { kind: 'topic', text: properties.topic });

export const isMessage = ({ kind }) => kind === 'text' || kind === 'html';
