/** A guest of the service, as an application's backend gives it to the page. */
export interface Guest {
  userId: string;
  token: string;
}

/**
 * Stands in for that backend, which alone holds the resource key: there `@azure/communication-identity` makes
 * an identity and a token. Only the demo gives tokens to anybody on its machine.
 */
export async function demoGuest(service: string, displayName: string): Promise<Guest> {
  const response = await fetch(new URL('/dev/guests', service), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ displayName }),
  });
  if (!response.ok) throw new Error(`The service gave no token (${response.status}).`);
  return await response.json() as Guest;
}
