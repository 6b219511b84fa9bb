/** Waiting with a bound. */
import type { TimerClock } from '../clock.ts';

/** Resolves to true when the promise settles, however it does; to false when it has not after `ms`. */
export function atMost(clock: TimerClock, ms: number, promise: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.setTimeout(() => resolve(false), ms);
    const settle = () => {
      clock.clearTimeout(timer);
      resolve(true);
    };
    promise.then(settle, settle);
  });
}
