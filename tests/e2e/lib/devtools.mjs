/**
 * What an expression comes to in a page, once it is settled, by the DevTools protocol alone.
 * @param {import('playwright-core').CDPSession} session
 * @param {string} expression
 */
export async function evaluateBy(session, expression) {
  const { result, exceptionDetails } = await session.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}
