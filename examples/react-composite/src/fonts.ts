/**
 * Fluent's theme takes its fonts from a server of Microsoft's, unless it is told before it is loaded that
 * there are none: then the system's are used. To be imported before anything of the library.
 */
Object.assign(window, { FabricConfig: { fontBaseUrl: '' } });
