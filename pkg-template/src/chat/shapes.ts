/** From the bodies of the REST interface and the events to what applications get, and back. */
import { identifierOf, rawIdOf } from '../identifiers.js';
import type { ChatParticipant } from './models.js';

/** Members that hold an identifier, under the names that applications know. */
const identifiers: Record<string, string> = {
  communicationIdentifier: 'id',
  senderCommunicationIdentifier: 'sender',
  createdByCommunicationIdentifier: 'createdBy',
  initiatorCommunicationIdentifier: 'initiator',
};
/** Members that hold a time. */
const isTime = /On$|Time$/;

/** The same with identifiers, dates and the names of the client; what it does not know stays as it is. */
export function shaped(body: unknown): unknown {
  if (Array.isArray(body)) return body.map(shaped);
  if (typeof body !== 'object' || body === null) return body;
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => {
      const identifier = identifiers[name];
      if (identifier) return [identifier, identifierOf(value.rawId)];
      if (isTime.test(name) && typeof value === 'string') return [name, new Date(value)];
      // Its names are the application's.
      return [name, name === 'metadata' ? value : shaped(value)];
    }),
  );
}

/** Participants as the service reads them. */
export function participants(people: ChatParticipant[] | undefined): object[] | undefined {
  return people?.map(({ id, ...rest }) => ({ ...rest, communicationIdentifier: { rawId: rawIdOf(id) } }));
}
