/**
 * The embedder's clock, as the supervisor uses it: one that throws costs nobody anything. A timer that it can't set is set
 * on Node's, a time that it can't tell is the system's.
 */
import { type Clock, SYSTEM_CLOCK } from '../clock.ts';
import { watch } from './callback.ts';

/** Timers that Node's clock keeps for one that failed, told from the embedder's own handles. */
class Substitute {
  readonly handle: unknown;

  constructor(handle: unknown) {
    this.handle = handle;
  }
}

/** `failed` is told of what the clock throws, or rejects with. */
export function guardedClock(clock: Clock, failed: (error: unknown) => void): Clock {
  return {
    setTimeout(fn, ms) {
      try {
        const handle = clock.setTimeout(fn, ms);
        watch(handle, failed);
        return handle;
      } catch (error) {
        failed(error);
        return new Substitute(SYSTEM_CLOCK.setTimeout(fn, ms));
      }
    },
    clearTimeout(handle) {
      try {
        if (handle instanceof Substitute) SYSTEM_CLOCK.clearTimeout(handle.handle);
        else watch(clock.clearTimeout(handle), failed);
      } catch (error) {
        failed(error);
      }
    },
    now() {
      try {
        const now: unknown = clock.now();
        if (typeof now === 'number' && !Number.isNaN(now)) return now;
        watch(now, failed);
        failed(new TypeError(`The clock tells ${String(now)} instead of a time`));
      } catch (error) {
        failed(error);
      }
      return SYSTEM_CLOCK.now();
    },
  };
}
