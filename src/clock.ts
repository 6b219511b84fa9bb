/** Time, as a seam: every timer and every time stamp of the library comes from one injected clock. */

/** XState's clock: `setTimeout` and `clearTimeout`. */
export interface TimerClock {
  setTimeout(fn: () => void, ms: number): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: a handle is whatever the clock's own setTimeout returned
  clearTimeout(handle: any): void;
}

/** XState's clock and the time it tells. XState's `SimulatedClock` is one. */
export interface Clock extends TimerClock {
  /** Milliseconds since the epoch. */
  now(): number;
}

/** Node's timers and `Date.now`. */
export const SYSTEM_CLOCK: Clock = {
  setTimeout: (fn, ms) => setTimeout(fn, ms),
  clearTimeout: (handle) => clearTimeout(handle),
  now: () => Date.now(),
};

/** The longest delay that Node's timers take, in ms (about 24.8 days); a longer one would fire at once. */
export const MAX_DELAY = 2 ** 31 - 1;

/**
 * Calls back in the next turn of the event loop, which is no matter of time. Taken when the module is loaded, so that
 * an embedder's fake timers neither stop it nor keep what it was to do.
 */
export const nextTurn: typeof setImmediate = globalThis.setImmediate;

/** Calls back after some real milliseconds, whatever clock there is: for what is no matter of behaviour either. */
export const afterwards: typeof setTimeout = globalThis.setTimeout;
/** Takes that back. */
export const notAfterwards: typeof clearTimeout = globalThis.clearTimeout;
