/**
 * The chat entry: nothing is loaded before a client is used. It shares the wasm and the core with the other
 * entries; `init(url?)` of the explicit one says where the wasm is for this one, too.
 */
import { provideDefault } from './wasm.js';

provideDefault();

export * from './chat/public.js';
