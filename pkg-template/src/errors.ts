/**
 * Errors as applications see them: real `Error`s with numeric `code` and `subCode` (`acs-api` 2.1.13).
 * Sub-codes from 59200 are the facade's own.
 */

/** What every rejected promise and every throwing method of the SDK gives. */
export class CommunicationServicesError extends Error {
  /** `CommunicationServicesError`. */
  override name = 'CommunicationServicesError';

  /** @internal */
  constructor(
    message: string,
    /** Like an HTTP or SIP status: 400 wrong argument, 401 token, 403 not allowed, 501 not supported. */
    readonly code: number,
    /** More exactly; `docs/` lists all of them. */
    readonly subCode: number,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** @internal 501/59200: the method exists, the function behind it does not yet. */
export function notSupported(what: string, why = 'it is part of a later version'): CommunicationServicesError {
  return new CommunicationServicesError(`${what} is not supported by Plenary yet: ${why}.`, 501, 59200);
}

/** @internal 409/59201: used after its disposal. */
export function disposed(what: string): CommunicationServicesError {
  return new CommunicationServicesError(`This ${what} was disposed; create a new one.`, 409, 59201);
}

/** @internal 400/59202. */
export function invalidArgument(message: string): CommunicationServicesError {
  return new CommunicationServicesError(message, 400, 59202);
}

/** @internal 412/59203: right method, wrong moment. */
export function wrongState(message: string): CommunicationServicesError {
  return new CommunicationServicesError(message, 412, 59203);
}

/** @internal 500/59204. */
export function notLoaded(message: string, cause?: unknown): CommunicationServicesError {
  return new CommunicationServicesError(message, 500, 59204, { cause });
}

/** @internal An error of the core as it is; anything else as 500/59170 with its cause. */
export function asError(error: unknown): CommunicationServicesError {
  if (error instanceof Error && 'code' in error && 'subCode' in error) {
    if (typeof error.code === 'number' && typeof error.subCode === 'number') {
      if (error.name === 'Error') error.name = 'CommunicationServicesError';
      return error as CommunicationServicesError;
    }
  }
  const message = error instanceof Error ? error.message : String(error);
  return new CommunicationServicesError(message, 500, 59170, { cause: error });
}

/** @internal Awaits something of the core, so that it rejects with a {@link CommunicationServicesError}. */
export async function settled<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asError(error);
  }
}
