/** Settings of the page, for applications that cannot pass options to `CallClient` (such as the UI library's). */
import type { EndpointOptions } from './types.js';

const settings: EndpointOptions = {};

/**
 * Sets defaults for every {@link CallClient} of the page. Call it before agents are created; options
 * of a client win. With an `endpoint` the page talks to that service alone, whatever a token says.
 */
export function configure(options: EndpointOptions): void {
  Object.assign(settings, options);
}

/** @internal */
export function configuredEndpoint(): string | undefined {
  return settings.endpoint;
}
