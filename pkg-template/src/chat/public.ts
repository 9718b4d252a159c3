/** The public surface of chat. What is not listed here is not public. */
export { ChatClient } from './chat-client.js';
export { ChatThreadClient } from './chat-thread-client.js';
export { RestError } from './errors.js';

export type { CommunicationServicesError } from '../errors.js';
export type * from '../identifiers.js';
export type { CommunicationTokenCredential } from '../types.js';
export type * from './events.js';
export type * from './models.js';
export type * from './options.js';
