/** Loads what few pages need; the plain script finds it beside itself. */
export const later = (): Promise<typeof import('./later.js')> => import('./later.js');
