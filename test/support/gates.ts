/**
 * Gates hold tool calls where a test wants them: a handler that called `pass` waits until the test opens its gate,
 * and the test learns when a handler arrived and when it was aborted. So no test has to sleep.
 */
import { type WaitOptions, withTimeout } from './until.ts';

interface Gate {
  opened: boolean;
  entered: number;
  aborted: number;
  /** Called after every change; each looks for itself whether its wait is over. */
  readonly watchers: Set<() => void>;
}

export class Gates {
  readonly #gates = new Map<string, Gate>();

  /** Called by a handler: waits for `open(key)`; rejects when `signal` fires, unless `stubborn`. */
  async pass(key: string, signal: AbortSignal, stubborn = false): Promise<void> {
    const gate = this.#gate(key);
    gate.entered++;
    notify(gate);
    const onAbort = () => {
      gate.aborted++;
      notify(gate);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    await reached(gate, () => gate.opened || (signal.aborted && !stubborn));
    signal.removeEventListener('abort', onAbort);
    if (!stubborn) signal.throwIfAborted();
  }

  /** Opens a gate for good: for the handlers that wait at it and for those to come. */
  open(key: string): void {
    const gate = this.#gate(key);
    gate.opened = true;
    notify(gate);
  }

  openAll(): void {
    for (const key of this.#gates.keys()) this.open(key);
  }

  /** Resolves when `count` handlers have arrived at the gate, all in all. */
  entered(key: string, count = 1, options: WaitOptions = {}): Promise<void> {
    const gate = this.#gate(key);
    const what = `${count} handler(s) to enter gate ${key}`;
    return withTimeout(
      reached(gate, () => gate.entered >= count),
      { what, ...options },
    );
  }

  /** Resolves when `count` handlers have been aborted while they waited at the gate. */
  aborted(key: string, count = 1, options: WaitOptions = {}): Promise<void> {
    const gate = this.#gate(key);
    const what = `${count} handler(s) to be aborted at gate ${key}`;
    return withTimeout(
      reached(gate, () => gate.aborted >= count),
      { what, ...options },
    );
  }

  /** How many handlers have arrived and been aborted so far. */
  counts(key: string): { readonly entered: number; readonly aborted: number } {
    const { entered, aborted } = this.#gate(key);
    return { entered, aborted };
  }

  #gate(key: string): Gate {
    let gate = this.#gates.get(key);
    if (gate === undefined) {
      gate = { opened: false, entered: 0, aborted: 0, watchers: new Set() };
      this.#gates.set(key, gate);
    }
    return gate;
  }
}

function notify(gate: Gate): void {
  for (const watch of [...gate.watchers]) watch();
}

function reached(gate: Gate, condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const watch = () => {
      if (!condition()) return;
      gate.watchers.delete(watch);
      resolve();
    };
    gate.watchers.add(watch);
    watch();
  });
}
