/** The script tag's `window.Plenary`: calling and chat, with the wasm beside the script. */
import { loadEarly, provide } from './wasm.js';

provide();
loadEarly();

export * from './chat/public.js';
export * from './public.js';
