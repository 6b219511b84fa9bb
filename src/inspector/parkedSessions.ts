/**
 * The sessions that were parked last and still are, as far as anybody has told: each as it was when it was parked, and with
 * its black box. One that is restored or ends is no longer among them. How many are parked in all, only the store knows.
 */
import type { SessionInfo } from '../index.ts';
import type { KeptChild } from './children.ts';
import type { HistoryLine, ParkedRow } from './protocol.ts';
import { lastLines, type Rows } from './rows.ts';

export interface Parked {
  readonly id: string;
  readonly row: ParkedRow;
  readonly history: readonly HistoryLine[];
  readonly omitted: number;
  readonly process: KeptChild;
}

export class ParkedSessions {
  readonly #rows: Rows;
  readonly #size: number;
  /** By key, those parked longest first. */
  readonly #parked = new Map<string, Parked>();
  /** Of those, the ones that nobody was told of yet. */
  readonly #fresh = new Set<string>();

  constructor(rows: Rows, size: number) {
    this.#rows = rows;
    this.#size = size;
  }

  /** Keeps a session that has just been parked, and forgets the one that was parked longest. */
  add(info: SessionInfo, parkedAt: number, process: KeptChild): void {
    if (this.#size === 0) return;
    const key = this.#rows.keyOf(info.id);
    this.delete(key);
    const [longest] = this.#parked.keys();
    if (this.#parked.size >= this.#size && longest !== undefined) this.delete(longest);
    this.#parked.set(key, { id: info.id, row: this.#rows.parkedRow(key, info, parkedAt), ...lastLines(info), process });
    this.#fresh.add(key);
  }

  /** A session was restored, or has ended. */
  delete(key: string): void {
    this.#parked.delete(key);
    this.#fresh.delete(key);
  }

  find(key: string): Parked | undefined {
    return this.#parked.get(key);
  }

  /** Those that are parked when they are asked for, the one parked longest first. */
  *rows(): Generator<ParkedRow, void> {
    for (const { row } of this.#parked.values()) yield row;
  }

  /** Those that nobody was told of yet, and from now on everybody was. */
  takeFresh(): ParkedRow[] {
    const rows: ParkedRow[] = [];
    for (const key of this.#fresh) {
      const parked = this.#parked.get(key);
      if (parked !== undefined) rows.push(parked.row);
    }
    this.#fresh.clear();
    return rows;
  }
}
