/**
 * The wasm module, and nothing else: the only file that imports the generated glue. Nothing here runs
 * at import, so that a server can import the package (`architecture`, "Inside the SDK").
 */
import start, { act as exported } from './generated/plenary.js';
import type { Begin, Core } from './core.js';
import { notLoaded } from './errors.js';

/** Where the wasm comes from: an address, a response, its bytes, or the compiled module. */
export type WasmSource = string | URL | Request | Response | BufferSource | WebAssembly.Module;

let found: { source: WasmSource | undefined } | undefined;
let loading: Promise<Begin> | undefined;

/**
 * Says where the wasm is; loading starts with the first {@link load}. Without a source it is the file
 * beside the built entry: the glue's `new URL('plenary_bg.wasm', import.meta.url)`, which bundlers see.
 */
export function provide(source?: WasmSource): void {
  found = { source };
}

/** The same, unless somebody has said it already. */
export function provideDefault(): void {
  found ??= { source: undefined };
}

/** Loads the wasm once. After a failure the next call tries again. */
export function load(): Promise<Begin> {
  loading ??= fetched().catch((cause: unknown) => {
    loading = undefined;
    throw cause;
  });
  return loading;
}

/** Starts loading where there is a page; a failure is told by whoever awaits {@link load}. */
export function loadEarly(): void {
  if (typeof window !== 'undefined' && typeof document !== 'undefined') load().catch(() => {});
}

const act: (what: string, ...given: unknown[]) => unknown = exported;

/** A method's name and its arguments are what `act` takes. It is awaited, and must not look like a promise. */
const begin: Begin = (onChange) => {
  act('begin', onChange);
  return new Proxy({}, {
    get: (_, name) => (name === 'then' ? undefined : (...given: unknown[]) => act(name as string, ...given)),
  }) as Core;
};

async function fetched(): Promise<Begin> {
  if (!found) throw notLoaded('The SDK is not initialised: call `await init()` before anything else.');
  try {
    await start(found.source === undefined ? undefined : { module_or_path: found.source });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw notLoaded(`The wasm of the SDK could not be loaded (${why}); check its address and the page's Content-Security-Policy ('wasm-unsafe-eval').`, cause);
  }
  return begin;
}
