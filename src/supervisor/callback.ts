/**
 * Calls what the embedder wrote. Whatever it throws, or rejects with, is told and goes no further: a callback can't stop
 * what it was called from.
 */

/** Calls it; `failed` is told what it threw, or what the promise that it returned rejected with. */
export function callBack(callback: () => unknown, failed: (error: unknown) => void): void {
  try {
    watch(callback(), failed);
  } catch (error) {
    failed(error);
  }
}

/** Has `failed` told of a rejection, where a callback turns out to have returned a promise. */
export function watch(returned: unknown, failed: (error: unknown) => void): void {
  if (typeof returned !== 'object' || returned === null) return;
  const { then } = returned as { then?: unknown };
  if (typeof then === 'function') Promise.resolve(returned).catch(failed);
}
