/**
 * What the page is told of handles: those that there are, as they are now, and the last that have ended. While nobody looks
 * the latter are kept, and that is all; where no kind of them is defined, nothing is told.
 */
import type { HandleEvent, SessionSupervisor } from '../index.ts';
import { encode } from './feedViewer.ts';
import type { EndedHandleRow, HandleRow, HandlesFrame } from './protocol.ts';
import type { Rows } from './rows.ts';

/** Handles in one frame; there may be more. */
const MOST_ROWS = 200;

/** Ended handles that are kept and told. */
const MOST_ENDED = 50;

export class HandleFeed {
  readonly #supervisor: SessionSupervisor;
  readonly #rows: Rows;
  readonly #now: () => number;
  readonly #off: () => void;
  /** The latest last. */
  readonly #ended: EndedHandleRow[] = [];
  #last = '';
  #frame: Buffer | undefined;

  constructor(supervisor: SessionSupervisor, rows: Rows, now: () => number) {
    this.#supervisor = supervisor;
    this.#rows = rows;
    this.#now = now;
    this.#off = supervisor.on('handle.terminated', (event) => this.#end(event));
  }

  close(): void {
    this.#off();
  }

  /** What there is to tell: the same one as long as that has not changed, undefined where there is nothing of this. */
  frame(): Buffer | undefined {
    const { handles: kinds } = this.#supervisor.stats();
    if (kinds === undefined) return undefined;
    const frame: HandlesFrame = { type: 'handles', kinds, rows: this.#live(), ended: [...this.#ended].reverse() };
    const text = JSON.stringify(frame);
    if (text !== this.#last) {
      this.#last = text;
      this.#frame = encode(frame);
    }
    return this.#frame;
  }

  #live(): HandleRow[] {
    const rows: HandleRow[] = [];
    for (const handle of this.#supervisor.openHandles()) {
      if (rows.push(this.#rows.handleRow(handle)) === MOST_ROWS) break;
    }
    return rows;
  }

  #end({ handle, reason = 'crashed' }: HandleEvent): void {
    const endedAt = handle.history.at(-1)?.at ?? this.#now();
    this.#ended.push({ ...this.#rows.handleRow(handle), state: 'terminated', reason, endedAt });
    if (this.#ended.length > MOST_ENDED) this.#ended.shift();
  }
}
