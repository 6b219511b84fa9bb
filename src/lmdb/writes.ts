/**
 * Writes of one turn of the event loop, committed by one transaction. Each is told what came of it when that is done. One
 * that could not be done does not take the others along.
 */
import { nextTurn } from '../clock.ts';
import { SupervisorError } from '../errors.ts';
import type { Room } from './diskReserve.ts';
import type { Environment } from './environment.ts';

/** One write. What it needs is asked when its turn has come, and is an upper bound. */
export interface Write<T> {
  /** Pages that it changes, of 4 096 bytes. */
  readonly pages: () => number;
  /** Bytes of the text that it writes. Default: none. */
  readonly text?: () => number;
  /** It does nothing but remove, so it may take what is kept for removals on a full disk. */
  readonly onlyRemoves?: boolean;
  /** Does it, within a transaction. A `SupervisorError` that it throws is its own, and it has written nothing then. */
  readonly apply: () => T;
}

interface Waiting {
  readonly write: Write<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** How many are committed together at most: what is beyond waits for the next turn. */
const MAX_BATCH = 256;

/** How many may fail in a row, each by itself, before the rest of a turn fails with them. */
const MAX_FAILURES = 3;

/** What keeps in memory what a transaction changes, and has to forget it when that is undone. */
export interface Participant {
  begin(): void;
  /** Before the commit: writes what it has gathered. */
  end(): void;
  undo(): void;
}

export class Writes {
  readonly #environment: Environment;
  readonly #participants: readonly Participant[];
  readonly #waiting: Waiting[] = [];
  #scheduled = false;
  readonly #onIdle: (() => void)[] = [];

  constructor(environment: Environment, participants: readonly Participant[]) {
    this.#environment = environment;
    this.#participants = participants;
  }

  /** @throws {SupervisorError} `STORE_FAILED`, or what the write itself throws. */
  run<T>(write: Write<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ write, resolve: resolve as (value: unknown) => void, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      nextTurn(() => this.#flush());
    });
  }

  /** Resolves when nothing waits. */
  async settled(): Promise<void> {
    if (this.#scheduled) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  #flush(): void {
    this.#commit(this.#waiting.splice(0, MAX_BATCH));
    if (this.#waiting.length > 0) return void nextTurn(() => this.#flush()); // others want their turn as well
    this.#scheduled = false;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  #commit(batch: readonly Waiting[]): void {
    const together = this.#attempt(batch);
    if (!(together instanceof Error)) return settle(batch, together);
    if (batch.length === 1) return settle(batch, [{ error: together }]);
    let failures = 0;
    for (const one of batch) {
      const outcome = failures < MAX_FAILURES ? this.#attempt([one]) : together;
      failures = outcome instanceof Error ? failures + 1 : 0;
      settle([one], outcome instanceof Error ? [{ error: outcome }] : outcome);
    }
  }

  /** What came of each; or why nothing came of any. */
  #attempt(batch: readonly Waiting[]): Outcome[] | Error {
    for (const participant of this.#participants) participant.begin();
    try {
      return this.#environment.transact(roomFor(batch), () => {
        const outcomes = batch.map(({ write }) => outcomeOf(write));
        for (const participant of this.#participants) participant.end();
        return outcomes;
      });
    } catch (cause) {
      for (const participant of this.#participants) participant.undo();
      if (cause instanceof SupervisorError) return cause;
      return new SupervisorError('STORE_FAILED', 'The store could not write', { cause });
    }
  }
}

const PAGE = 4_096;

/** The longest text that LMDB keeps among others on a page, less some, in bytes; a longer one has pages of its own. */
const INLINE = 1_900;

function roomFor(batch: readonly Waiting[]): Room {
  let pages = 0;
  let inOnePiece = 0;
  for (const { write } of batch) {
    pages += write.pages();
    const text = write.text?.() ?? 0;
    if (text > INLINE) inOnePiece += text + PAGE;
  }
  const onlyRemoves = batch.every(({ write }) => write.onlyRemoves === true);
  return { bytes: pages * PAGE + inOnePiece, inOnePiece, onlyRemoves };
}

function outcomeOf(write: Write<unknown>): Outcome {
  try {
    return { value: write.apply() };
  } catch (error) {
    if (error instanceof SupervisorError) return { error };
    throw error;
  }
}

function settle(batch: readonly Waiting[], outcomes: readonly Outcome[]): void {
  for (const [at, { resolve, reject }] of batch.entries()) {
    const outcome = outcomes[at];
    if (outcome !== undefined && 'value' in outcome) resolve(outcome.value);
    else reject(outcome?.error);
  }
}
