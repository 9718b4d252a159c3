// Waiting for conditions, never for a time: a slow machine makes a test slow, not red.

/** How long anything may take before a test gives up, on a machine that does much else. */
const PATIENCE_MS = 30_000;
const PAUSE_MS = 100;

/**
 * Asks until the answer is truthy, and gives it. What is thrown while asking counts as "not yet".
 * @template T
 * @param {string} what a sentence for the failure
 * @param {() => T | Promise<T>} ask
 */
export async function until(what, ask, { patience = PATIENCE_MS, pause = PAUSE_MS } = {}) {
  const end = Date.now() + patience;
  let last;
  for (;;) {
    try {
      last = await ask();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`not within ${patience} ms: ${what}`, { cause: last });
    await new Promise((resolve) => { setTimeout(resolve, pause); });
  }
}
