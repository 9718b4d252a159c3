/**
 * The entry that initialises itself: in a page the wasm starts loading with the import, and only
 * `createCallAgent`, `createTeamsCallAgent` and `getDeviceManager` wait for it. On a server nothing happens.
 */
import { loadEarly, provide } from './wasm.js';

provide();
loadEarly();

export * from './public.js';
