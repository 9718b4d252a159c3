/** JSON over HTTP with the service that this page came from, and errors that a person can read. */

export class RequestError extends Error {
  /** `code` is the service's word for it, where it said one. */
  constructor(message, status, code = '') {
    super(message);
    this.name = 'RequestError';
    this.status = status;
    this.reason = code;
  }
}

async function failure(response) {
  let said;
  try {
    said = (await response.json()).error;
  } catch {
    // Not JSON: the status has to do.
  }
  return new RequestError(sentence(response, said?.message), response.status, said?.code);
}

function sentence(response, message) {
  if (message) return `${message} (${response.status})`;
  if (response.status === 404) return 'The service does not offer this here (404). The demo needs the development organisation.';
  if (response.status === 429) return 'Too many attempts. Wait a moment and try again (429).';
  return `The service answered with an error (${response.status}).`;
}

async function request(method, path, body, token) {
  const headers = {};
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (token) headers.authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new RequestError('The service cannot be reached. Check your network and try again.', 0);
  }
  if (!response.ok) throw await failure(response);
  return response.status === 204 ? undefined : response.json();
}

export const get = (path, token) => request('GET', path, undefined, token);
export const post = (path, body, token) => request('POST', path, body, token);
export const patch = (path, body, token) => request('PATCH', path, body, token);
export const remove = (path, token) => request('DELETE', path, undefined, token);
