/** The sessions that ended last, each as it was when it ended and with its black box, so that one can look afterwards. */
import type { EndReason, SessionInfo } from '../index.ts';
import type { KeptChild } from './children.ts';
import type { Ran } from './operationLog.ts';
import type { EndedRow, HistoryLine } from './protocol.ts';
import { lastLines, type Rows } from './rows.ts';

export interface Ended {
  readonly row: EndedRow;
  readonly history: readonly HistoryLine[];
  readonly omitted: number;
  readonly process: KeptChild;
  readonly ran: () => Ran;
}

export class EndedRing {
  readonly #rows: Rows;
  readonly #size: number;
  readonly #ring: Ended[] = [];
  #oldest = 0;

  constructor(rows: Rows, size: number) {
    this.#rows = rows;
    this.#size = size;
  }

  /** Keeps a session that has just ended, and forgets the oldest. */
  add(info: SessionInfo, reason: EndReason, endedAt: number, left: Pick<Ended, 'process' | 'ran'>): Ended {
    const row = this.#rows.endedRow(this.#rows.keyOf(info.id), info, reason, endedAt);
    const ended = { row, ...lastLines(info), ...left };
    if (this.#ring.length < this.#size) {
      this.#ring.push(ended);
    } else if (this.#size > 0) {
      this.#ring[this.#oldest] = ended;
      this.#oldest = (this.#oldest + 1) % this.#size;
    }
    return ended;
  }

  find(key: string): Ended | undefined {
    return this.#ring.find(({ row }) => row.key === key);
  }

  /** The latest first. */
  latest(): EndedRow[] {
    const { length } = this.#ring;
    return Array.from({ length }, (_, i) => {
      const { row } = this.#ring[(this.#oldest + length - 1 - i) % length] as Ended;
      return row;
    });
  }
}
