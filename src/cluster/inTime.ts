/** What a directory is asked, with a bound: whoever asks hears something, and once. */
import type { TimerClock } from '../clock.ts';

/** Rejects when the answer does not come within `ms`. `late` is called then. */
export function inTime<T>(timers: TimerClock, ms: number, asked: Promise<T>, late?: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = timers.setTimeout(() => {
      reject(new Error(`The directory did not answer within ${ms} ms`));
      late?.();
    }, ms);
    asked.then(
      (answer) => {
        timers.clearTimeout(timer);
        resolve(answer);
      },
      (error: unknown) => {
        timers.clearTimeout(timer);
        reject(error);
      },
    );
  });
}
