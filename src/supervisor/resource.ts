/**
 * What a handle stands for: the embedder's value, made by `open` and ended by `close`, once, when `open` has settled,
 * however long after its handle that is.
 */
import type { TimerClock } from '../clock.ts';
import type { HandleEndReason, HandleOpening, LogEntry, ResolvedHandleOptions } from '../options.ts';
import { atMost } from './atMost.ts';
import { guardedSignal } from './guardedSignal.ts';
import type { ServerCount, ServerPhase } from './serverCount.ts';

/** What it needs of its surroundings. */
export interface ResourceHost<T, I> {
  readonly options: Pick<ResolvedHandleOptions<T, I>, 'open' | 'close'>;
  readonly clock: TimerClock;
  readonly shutdownTimeout: number;
  readonly count: ServerCount;
  log(entry: LogEntry): void;
}

/** Whose it is. */
export interface Held {
  readonly id: string;
  readonly principal: string | undefined;
}

export class Resource<T, I> {
  readonly #held: Held;
  readonly #host: ResourceHost<T, I>;
  #phase: ServerPhase | undefined;
  #box: { readonly value: T } | undefined;
  /** Settles when `open` has, in either way. */
  #opening: Promise<unknown> | undefined;
  #controller: AbortController | undefined;
  /** Why it is no longer wanted. */
  #over: HandleEndReason | undefined;

  constructor(held: Held, host: ResourceHost<T, I>) {
    this.#held = held;
    this.#host = host;
  }

  /** The value, once it is there and until it is given to `close`. */
  get box(): { readonly value: T } | undefined {
    return this.#box;
  }

  /** Has `open` make it. Resolves to whether it is still wanted then; rejects with what `open` threw, if that was. */
  async open(input: I): Promise<boolean> {
    if (this.#over !== undefined) return false;
    this.#enter('starting');
    // It is there before `open` is called, which may end its handle at once.
    let begin = (_: Promise<void>) => {};
    const opening = new Promise<void>((resolve) => {
      begin = resolve;
    });
    this.#opening = opening;
    begin(this.#make(input));
    try {
      await opening;
    } catch (error) {
      if (!this.#isOver) {
        this.#enter(undefined);
        throw error;
      }
      this.#warn('handle.openFailed', 'The open of a handle failed, after the handle had ended', error);
    }
    this.#opening = undefined;
    if (this.#isOver) return false;
    this.#enter('open');
    return true;
  }

  /**
   * Aborts the signal of an `open` that runs, and has `close` end the value, which is waited for, but not beyond
   * `shutdownTimeout`. A value that is still being made is not waited for: it is closed when it is there. Never rejects;
   * `gone` is called when it no longer counts.
   */
  async close(reason: HandleEndReason, gone: () => void): Promise<void> {
    if (this.#isOver) return;
    this.#over = reason;
    this.#controller?.abort();
    if (this.#phase === 'open') this.#enter('closing'); // one that is still being opened counts as that
    const isThere = this.#box !== undefined;
    const finished = this.#finish(reason).then(gone);
    if (isThere) await finished;
  }

  /** A getter, because the compiler takes a property for what it was before somebody else was called. */
  get #isOver(): boolean {
    return this.#over !== undefined;
  }

  get #whose(): Held {
    const { id, principal } = this.#held;
    return { id, principal };
  }

  async #make(input: I): Promise<void> {
    const value = await this.#host.options.open(this.#request(input));
    this.#box = { value };
  }

  #request(input: I): HandleOpening<I> {
    const signal = () => this.#signal();
    return {
      ...this.#whose,
      input,
      get signal() {
        return signal();
      },
    };
  }

  /** Made when asked for. */
  #signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      guardedSignal(this.#controller.signal, (error) =>
        this.#warn('listener.failed', "A listener of the signal of a handle's open failed", error),
      );
    }
    if (this.#isOver) this.#controller.abort();
    return this.#controller.signal;
  }

  async #finish(reason: HandleEndReason): Promise<void> {
    const { clock, shutdownTimeout } = this.#host;
    if (!(await atMost(clock, shutdownTimeout, this.#dispose(reason)))) {
      const what = this.#phase === 'starting' ? 'open' : 'close';
      const message = `A handle did not ${what} within ${shutdownTimeout} ms; it is not waited for`;
      this.#warn('handle.closeFailed', message);
    }
    this.#enter(undefined);
  }

  async #dispose(reason: HandleEndReason): Promise<void> {
    if (this.#opening !== undefined) await this.#opening.catch(() => {}); // `open` tells of it
    const box = this.#box;
    if (box === undefined) return;
    this.#box = undefined;
    try {
      await this.#host.options.close(box.value, { ...this.#whose, reason });
    } catch (error) {
      this.#warn('handle.closeFailed', 'A handle failed to close', error);
    }
  }

  #enter(phase: ServerPhase | undefined): void {
    this.#host.count.move(this.#phase, phase);
    this.#phase = phase;
  }

  #warn(event: LogEntry['event'], message: string, error?: unknown): void {
    this.#host.log({ level: 'warn', event, message, handleId: this.#held.id, ...(error !== undefined && { error }) });
  }
}
