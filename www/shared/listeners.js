/**
 * Listeners with an owner: everything added here is removed by `dispose()`. Takes DOM targets and
 * the SDK's objects (`on`/`off`) alike.
 */
export class Listeners {
  constructor() {
    this.removals = [];
  }

  add(target, event, listener, options) {
    if (typeof target.on === 'function') {
      target.on(event, listener);
      this.own(() => target.off(event, listener));
    } else {
      target.addEventListener(event, listener, options);
      this.own(() => target.removeEventListener(event, listener, options));
    }
  }

  /** Anything else to be undone: a timer, an observer. */
  own(undo) {
    this.removals.push(undo);
  }

  dispose() {
    for (const undo of this.removals.splice(0).reverse()) undo();
  }
}
