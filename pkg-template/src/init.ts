/** The entry with explicit initialisation: nothing is loaded before `await init(url?)`. */
import { load, provide, type WasmSource } from './wasm.js';

/**
 * Loads the wasm. Without an address it is the file beside this one.
 * @param source address, response, bytes or compiled module of `plenary_bg.wasm`.
 * @throws CommunicationServicesError 500/59204 when it cannot be loaded.
 */
export default async function init(source?: WasmSource): Promise<void> {
  provide(source);
  await load();
}

export { init };
export type { WasmSource };
export * from './public.js';
