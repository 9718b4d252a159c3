/**
 * Listener lists. The rules come from `acs-api` 2.1.6: the list is taken as it is when an event
 * starts, one listener's exception reaches neither the others nor the SDK, and `off` with a function
 * that was never registered does nothing.
 */
import { invalidArgument } from './errors.js';

/** Tells that a property has a new value; read the property. */
export type PropertyChangedEvent = () => void;

/** Tells what came into and what left a collection; both lists are always there. */
export type CollectionUpdatedEvent<T> = (args: { added: T[]; removed: T[] }) => void;

/** @internal */
type Listener = (...args: unknown[]) => unknown;

/** An object with events. `Events` names each event and the listener that it takes. */
export class Emitter<Events extends object> {
  /** @internal A plain field: methods also run with a Proxy as `this` (2.1.3). */
  _listeners = new Map<keyof Events, Listener[]>();

  /**
   * Calls `listener` at every `event` from now on.
   * @throws CommunicationServicesError 400/59202 when `listener` is not a function.
   */
  on<Event extends keyof Events>(event: Event, listener: Events[Event]): void {
    if (typeof listener !== 'function') {
      throw invalidArgument(`The listener for '${String(event)}' is not a function.`);
    }
    this._listeners.set(event, [...(this._listeners.get(event) ?? []), listener as Listener]);
  }

  /** Takes back one `on` with the same function; an unknown function is ignored. */
  off<Event extends keyof Events>(event: Event, listener: Events[Event]): void {
    const listeners = this._listeners.get(event);
    const at = listeners?.indexOf(listener as Listener) ?? -1;
    if (listeners && at >= 0) {
      this._listeners.set(event, listeners.filter((_, index) => index !== at));
    }
  }

  /** @internal */
  _emit<Event extends keyof Events>(
    event: Event,
    ...args: Events[Event] extends (...args: infer A) => unknown ? A : never
  ): void {
    for (const listener of this._listeners.get(event) ?? []) {
      isolated(() => listener(...(args as unknown[])));
    }
  }
}

/**
 * Runs code whose failure must not stop ours. The exception goes where a DOM listener's would go.
 * @internal
 */
export function isolated(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (typeof reportError === 'function') reportError(error);
    else console.error(error);
  }
}
