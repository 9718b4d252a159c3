/**
 * Carries requests out as the core's outbox decides (`src/chat/`): when one goes, goes again, or is given
 * up. Only the decisions are the core's; the requests themselves stay here.
 */
import type { Core, OutboxAction } from '../core.js';
import { loadedCore, release, retain } from '../runtime.js';
import { aborted, notSent, RestError } from './errors.js';
import type { OperationOptions } from './options.js';

interface Request {
  run: (signal: AbortSignal) => Promise<Response>;
  resolve(response: Response): void;
  reject(error: unknown): void;
  attempt: AbortController | undefined;
  /** What the last attempt gave. */
  last: Response | undefined;
  why: unknown;
}

const requests = new Map<number, Request>();
let lastTicket = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let core: Core | undefined;

/**
 * Gives the service's answer, whatever it says. `thread`: it is a message, which has its place there.
 * `run` is called for every attempt.
 */
export async function carry(run: Request['run'], options: OperationOptions = {}, thread?: string): Promise<Response> {
  const { abortSignal, requestOptions: { timeout } = {} } = options;
  if (abortSignal?.aborted) throw aborted();
  const ticket = (lastTicket += 1);
  // Nothing may be lost of the order in which `sendMessage` was called: one queue, from the start.
  if (requests.size === 0) begin();
  const answer = new Promise<Response>((resolve, reject) => {
    requests.set(ticket, { run, resolve, reject, attempt: undefined, last: undefined, why: undefined });
  });
  const abort = () => drop(ticket);
  abortSignal?.addEventListener('abort', abort);
  const limit = timeout ? setTimeout(abort, timeout) : undefined;
  loadedCore().then(
    (loaded) => {
      core = loaded;
      // The network first: what is asked for without one waits for it.
      if (requests.has(ticket)) (tell(0, globalThis.navigator?.onLine === false ? 'offline' : 'online'), tell(ticket, 'ask', thread));
    },
    (error: unknown) => settle(ticket, ({ reject }) => reject(error)),
  );
  try {
    return await answer;
  } finally {
    clearTimeout(limit);
    abortSignal?.removeEventListener('abort', abort);
  }
}

function tell(ticket: number, what: string, about?: string | number, wait?: number): void {
  if (!core) return;
  const { due, actions } = core.outbox(ticket, what, about, wait);
  clearTimeout(timer);
  timer = due === undefined ? undefined : setTimeout(() => tell(0, 'tick'), due - Date.now());
  for (const action of actions) carryOut(action);
}

function carryOut({ ticket, does }: OutboxAction): void {
  const request = requests.get(ticket);
  if (!request) return;
  const { last, why } = request;
  if (does === 'post') void attempt(ticket, request);
  else if (does === 'cancel') request.attempt?.abort();
  else if (does !== 'give') settle(ticket, ({ reject }) => reject(notSent(failures[does], why)));
  else settle(ticket, ({ resolve, reject }) => (last ? resolve(last) : reject(why)));
}

const failures = {
  notSent: 'The message was not sent: there was no network for too long. Send it again.',
  unconfirmed: 'No answer came for the message, for too long: it may have been sent. Look before you send it again.',
  tooMany: 'The message was not sent: too many wait for the network already.',
};

async function attempt(ticket: number, request: Request): Promise<void> {
  request.attempt = new AbortController();
  request.last = request.why = undefined;
  try {
    request.last = await request.run(request.attempt.signal);
  } catch (why) {
    request.why = why;
  }
  if (request.last) tell(ticket, 'answered', request.last.status, retryAfter(request.last.headers));
  else tell(ticket, 'lost');
}

/** The application does not want it any more; what is on its way may arrive all the same. */
function drop(ticket: number): void {
  const attempt = requests.get(ticket)?.attempt;
  settle(ticket, ({ reject }) => reject(aborted()));
  attempt?.abort();
  tell(ticket, 'dropped');
}

function settle(ticket: number, how: (request: Request) => void): void {
  const request = requests.get(ticket);
  if (!request) return;
  requests.delete(ticket);
  how(request);
  // Not before the outbox has been told what happened to it.
  if (requests.size === 0) queueMicrotask(end);
}

const online = () => tell(0, 'online');
const offline = () => tell(0, 'offline');

function begin(): void {
  retain(requests);
  globalThis.addEventListener?.('online', online);
  globalThis.addEventListener?.('offline', offline);
}

function end(): void {
  if (requests.size > 0) return;
  clearTimeout(timer);
  globalThis.removeEventListener?.('online', online);
  globalThis.removeEventListener?.('offline', offline);
  core = undefined;
  release(requests);
}

/** In ms from now: seconds, or a date. */
function retryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after');
  if (!value) return undefined;
  const wait = Number(value) * 1000;
  return Math.max(0, Number.isNaN(wait) ? Date.parse(value) - Date.now() : wait) || undefined;
}

export { RestError };
