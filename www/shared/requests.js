/** JSON over HTTP with the service that this page came from, and errors that a person can read. */

export class RequestError extends Error {
  constructor(message, status) {
    super(message);
    this.name = 'RequestError';
    this.status = status;
  }
}

async function sentence(response) {
  try {
    const { error } = await response.json();
    if (error?.message) return `${error.message} (${response.status})`;
  } catch {
    // Not JSON: the status has to do.
  }
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
  if (!response.ok) throw new RequestError(await sentence(response), response.status);
  return response.json();
}

export const get = (path, token) => request('GET', path, undefined, token);
export const post = (path, body, token) => request('POST', path, body, token);
