/** Errors of the chat clients, in the shape of `@azure/core-rest-pipeline`. */

/** A request that the service refused, or that did not reach it. */
export class RestError extends Error {
  /** `RestError`. */
  override name = 'RestError';
  /** What was wrong, as the service names it; `REQUEST_SEND_ERROR` when no answer came. */
  code?: string;
  /** Of HTTP; absent when no answer came. */
  statusCode?: number;
  /** The body of the answer, `{ error }`. */
  details?: unknown;
  /** The answer. */
  response?: Response;

  /** @internal */
  constructor(message: string, fields: { code: string; statusCode?: number; details?: unknown; response?: Response; cause?: unknown }) {
    super(message);
    Object.assign(this, fields);
  }
}

/** @internal No answer came. */
export function notSent(message: string, cause?: unknown): RestError {
  return new RestError(message, { code: 'REQUEST_SEND_ERROR', ...(cause !== undefined && { cause }) });
}

/** @internal What an aborted operation rejects with. */
export function aborted(): Error {
  return Object.assign(new Error('The operation was aborted.'), { name: 'AbortError' });
}

/** @internal The error of an answer that is none of 2xx. */
export async function refused(response: Response): Promise<RestError> {
  const { status: statusCode } = response;
  const details: unknown = await response.json().catch(() => undefined);
  const error = (details as { error?: { code?: string; message?: string } } | undefined)?.error;
  const code = error?.code ?? String(statusCode);
  return new RestError(error?.message ?? `The service answered ${statusCode}.`, { code, statusCode, details, response });
}
