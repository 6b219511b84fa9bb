/**
 * Has a session store do something within a time. A store may fail, hang, answer late or throw: whoever asks it hears of
 * that once, and goes on.
 */
import type { TimerClock } from '../clock.ts';
import { codeOf, SupervisorError } from '../errors.ts';

/** How long a store may take to read or write, tries included, in ms. */
export const STORE_TIMEOUT = 5_000;

/** From one try to the next, in ms: at first, and at most. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 1_000;

/** Failures that another try would not change. */
const FINAL = new Set<unknown>(['INVALID_RECORD', 'STORE_CLOSED']);

/**
 * Does it once.
 * @throws {SupervisorError} `STORE_FAILED`, with what the store threw as its cause.
 */
export function once<T>(timers: TimerClock, operate: () => Promise<T>): Promise<T> {
  return withinTime(timers, ({ resolve, reject }) => attempt(operate).then(resolve, reject));
}

/**
 * Does it until it succeeds; trying again has to be harmless.
 * @throws {SupervisorError} `STORE_FAILED`
 */
export function persistently<T>(timers: TimerClock, operate: () => Promise<T>): Promise<T> {
  return withinTime(timers, ({ isOver, resolve, reject, failed }) => {
    const tryAfter = (pause: number) => {
      attempt(operate).then(resolve, (error: unknown) => {
        if (isOver()) return;
        if (FINAL.has(codeOf(error))) return reject(error);
        failed(error);
        timers.setTimeout(() => {
          if (!isOver()) tryAfter(Math.min(2 * pause, LONGEST_PAUSE));
        }, pause);
      });
    };
    tryAfter(FIRST_PAUSE);
  });
}

/**
 * Removes a record. One that is gone after a try that failed was removed by that: its acknowledgement was lost.
 * @throws {SupervisorError} `STORE_FAILED`
 */
export async function removal(
  timers: TimerClock,
  remove: () => Promise<'removed' | 'gone' | 'fenced'>,
): Promise<'removed' | 'gone' | 'fenced'> {
  let failed = false;
  const outcome = await persistently(timers, async () => {
    try {
      return await remove();
    } catch (error) {
      failed = true;
      throw error;
    }
  });
  return outcome === 'gone' && failed ? 'removed' : outcome;
}

async function attempt<T>(operate: () => Promise<T>): Promise<T> {
  return operate();
}

interface Attempts<T> {
  readonly isOver: () => boolean;
  readonly resolve: (value: T) => void;
  readonly reject: (cause: unknown) => void;
  /** A try has failed, and another is to come: why, should the time be up before that. */
  readonly failed: (cause: unknown) => void;
}

function withinTime<T>(timers: TimerClock, begin: (attempts: Attempts<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    let last: unknown;
    const settle = (then: () => void) => {
      if (isOver) return;
      isOver = true;
      timers.clearTimeout(timer);
      then();
    };
    const fail = (message: string, cause: unknown) =>
      settle(() => reject(new SupervisorError('STORE_FAILED', message, { cause })));
    const timer = timers.setTimeout(
      () => fail(`The session store did not do what it was asked to within ${STORE_TIMEOUT} ms`, last),
      STORE_TIMEOUT,
    );
    begin({
      isOver: () => isOver,
      resolve: (value) => settle(() => resolve(value)),
      reject: (cause) => fail('The session store failed', cause),
      failed: (cause) => {
        last = cause;
      },
    });
  });
}
