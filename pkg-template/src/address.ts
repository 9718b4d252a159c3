/** Where the agent socket of a service is. */
import type { CommunicationTokenCredential } from './types.js';
import type { Core } from './core.js';

const schemes: Record<string, string> = { 'https:': 'wss:', 'wss:': 'wss:', 'http:': 'ws:', 'ws:': 'ws:' };

/** `https://host/path/` → `wss://host/path/agent`; nothing for what is no address of a service. @internal */
export function socketAddress(endpoint: unknown): string | undefined {
  try {
    const { protocol, host, pathname } = new URL(String(endpoint).trim());
    const scheme = schemes[protocol];
    return scheme && host ? `${scheme}//${host}${pathname.replace(/\/+$/, '')}/agent` : undefined;
  } catch {
    return undefined;
  }
}

/** Claim `endpoint` of a token (a JWT); the service, not this, checks the signature. @internal */
export function endpointClaim(token: string): unknown {
  try {
    // `atob` gives bytes as Latin-1; the claim is ASCII.
    return JSON.parse(atob(token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/'))).endpoint;
  } catch {
    return undefined;
  }
}

/** What the core is told of service and user: an endpoint that is given counts, whatever a token says. @internal */
export function where(
  credential: CommunicationTokenCredential,
  endpoint: string | undefined,
): Pick<Parameters<Core['createAgent']>[0], 'address' | 'getToken'> {
  const address = endpoint === undefined ? undefined : socketAddress(endpoint);
  return {
    ...(address && { address }),
    async getToken() {
      const given = await credential.getToken();
      const named = address ?? socketAddress(endpoint ?? endpointClaim(given.token));
      return { token: given.token, expiresOnTimestamp: given.expiresOnTimestamp, ...(named && { address: named }) };
    },
  };
}
