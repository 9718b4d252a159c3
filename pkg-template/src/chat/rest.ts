/** The REST interface of one service for one user: addresses, headers, answers, pages. */
import { invalidArgument } from '../errors.js';
import type { CommunicationTokenCredential } from '../types.js';
import { carry } from './courier.js';
import { aborted, notSent, refused } from './errors.js';
import type { PagedAsyncIterableIterator, PageSettings } from './models.js';
import type { ChatClientOptions, OperationOptions } from './options.js';
import { shaped } from './shapes.js';

/** The version that `@azure/communication-chat` 1.6 speaks. */
const version = '2025-03-15';

/** A request. */
interface Wish {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  body?: object;
  /** The service does it once for each such id (`repeatability-request-id`). */
  once?: string;
  /** It is a message to this thread. */
  thread?: string;
}

/** The service, as one user sees it. */
export class Rest {
  endpoint: string;
  credential: CommunicationTokenCredential;

  /** @throws CommunicationServicesError 400/59202 for an endpoint or a credential that cannot be one. */
  constructor(endpoint: string, credential: CommunicationTokenCredential, options: ChatClientOptions = {}) {
    if (typeof credential?.getToken !== 'function') {
      throw invalidArgument('A token credential is needed: an object with getToken(), such as AzureCommunicationTokenCredential.');
    }
    const { protocol, hostname } = new URL(endpoint);
    // The token would be read by everybody on the way.
    if (protocol !== 'https:' && !options.allowInsecureConnection && !/^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname)) {
      throw invalidArgument('The endpoint needs https: a token is sent to it.');
    }
    this.endpoint = endpoint.replace(/\/+$/, '');
    this.credential = credential;
  }

  /** Path of a thread. */
  thread(id: string, rest = ''): string {
    return `/chat/threads/${encodeURIComponent(id)}${rest}`;
  }

  /** Asks, and gives the answer's body in the application's shape. */
  ask<T>(path: string, wish: Wish = {}, options?: OperationOptions): Promise<T> {
    return this.fetch(`${this.endpoint}${path}?api-version=${version}`, wish, options);
  }

  /** A list, by pages. */
  list<T>(path: string, options: OperationOptions & PageSettings & { skip?: number; startTime?: Date } = {}): PagedAsyncIterableIterator<T> {
    const pages = (settings: PageSettings = {}) => this.pages<T>(path, options, settings);
    const all = (async function* () {
      for await (const page of pages()) yield* page;
    })();
    return { next: () => all.next(), [Symbol.asyncIterator]() { return this; }, byPage: pages };
  }

  async *pages<T>(path: string, options: OperationOptions & PageSettings & { skip?: number; startTime?: Date }, settings: PageSettings): AsyncGenerator<T[]> {
    const { maxPageSize = settings.maxPageSize, skip, startTime } = options;
    const query = Object.entries({ maxPageSize, skip, startTime: startTime?.toISOString() }).flatMap(([name, value]) =>
      value === undefined ? [] : [`&${name}=${encodeURIComponent(value)}`]);
    let link = settings.continuationToken ?? `${path}?api-version=${version}${query.join('')}`;
    do {
      // A link may name another host, which is not to get the token.
      const { pathname, search } = new URL(link, this.endpoint);
      const address = new URL(pathname + search, this.endpoint).href;
      const { value, nextLink } = await this.fetch<{ value?: T[]; nextLink?: string }>(address, {}, options);
      link = nextLink ?? '';
      if (nextLink) settings.continuationToken = nextLink;
      else delete settings.continuationToken;
      if (value) yield value;
    } while (link);
  }

  async fetch<T>(address: string, { method = 'GET', body, once, thread }: Wish, options?: OperationOptions): Promise<T> {
    const run = async (signal: AbortSignal) => {
      const { token } = await this.credential.getToken({ abortSignal: signal });
      const headers = {
        authorization: `Bearer ${token}`,
        ...(body && { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' }),
        ...(once && { 'repeatability-request-id': once }),
        ...options?.requestOptions?.customHeaders,
      };
      return fetch(address, { method, headers, signal, ...(body && { body: JSON.stringify(body) }) }).catch((cause: Error) => {
        throw signal.aborted ? aborted() : notSent(`The chat service cannot be reached (${cause.message}).`, cause);
      });
    };
    const response = await carry(run, options, thread);
    if (!response.ok) throw await refused(response);
    const text = await response.text();
    return (text ? shaped(JSON.parse(text)) : undefined) as T;
  }
}
