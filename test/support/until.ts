/**
 * Bounded waiting: every wait of a test ends, with a message that says what did not happen.
 * Real time, whatever a test does to the timers.
 */

// Taken at load time, so that fake timers don't stop the bound.
const { setTimeout, clearTimeout, setImmediate } = globalThis;

/** How long a wait may take when nothing else is said, in ms. Generous: a bound, never an expectation. */
const DEFAULT_WITHIN = 5_000;

/** How often the loop may turn before polling slows down to a timer. */
const EAGER_TURNS = 200;
const POLL_INTERVAL = 5;

export interface WaitOptions {
  /** The bound, in ms. */
  readonly within?: number | undefined;
  /** What is awaited, as it ends the sentence "Waited 5000 ms for …". */
  readonly what?: string | undefined;
}

/** Settles as `promise` does, or rejects after `within` ms. */
export async function withTimeout<T>(promise: PromiseLike<T>, options: WaitOptions = {}): Promise<T> {
  const { within = DEFAULT_WITHIN, what = 'a promise to settle' } = options;
  // Made here, so that its stack names the line that waited.
  const late = new Error(`Waited ${within} ms for ${what}`);
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(late), within);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}

/** One turn of the event loop: pending microtasks and I/O that is ready have run when it resolves. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => resolve()));
}

/** Several turns of the event loop; lets a chain of already possible steps run, and waits for nothing else. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

type Truthy<T> = Exclude<T, false | 0 | '' | null | undefined>;

/**
 * Waits for a promise, or until a predicate returns something truthy, which is the result.
 * A predicate is asked at every turn of the loop, later every few ms; one that throws ends the wait with its error.
 */
export async function until<T>(
  awaited: PromiseLike<T> | (() => T | PromiseLike<T>),
  options: WaitOptions = {},
): Promise<Truthy<T>> {
  if (typeof awaited !== 'function') return (await withTimeout(awaited, options)) as Truthy<T>;
  const { within = DEFAULT_WITHIN, what = awaited.toString() } = options;
  const late = new Error(`Waited ${within} ms for ${what}`);
  const deadline = performance.now() + within;
  for (let asked = 0; ; asked++) {
    const value = await withTimeout(Promise.resolve(awaited()), { within: within + 100, what });
    if (value) return value as Truthy<T>;
    if (performance.now() >= deadline) throw late;
    if (asked < EAGER_TURNS) await turn();
    else await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL));
  }
}
