/**
 * The list of sessions, page by page. A walk over the registry is kept between two pages, so that the last page of 100 000
 * sessions costs what the first does; and a page is made in slices that leave the event loop alive.
 */
import { randomBytes } from 'node:crypto';
import type { SessionInfo, SessionState, SessionSupervisor } from '../index.ts';
import type { SessionRow, SessionRows } from './sessionRows.ts';

/** Sessions on one page at most, and unless something else is asked for. */
export const MOST_ROWS = 1_000;
export const DEFAULT_ROWS = 100;

/** Sessions that are looked at for one page, and in one turn of the event loop. */
const MOST_LOOKED_AT = 10_000;
const SLICE = 200;

/** Walks that are kept for their next page, and for how long, in ms. */
const MOST_WALKS = 16;
const KEPT_FOR = 60_000;

/** The next turn of the event loop, as it was when this was loaded: an embedder's tests may fake it later. */
const nextTurn: typeof setImmediate = globalThis.setImmediate;

/** Which sessions are listed. */
export interface Filter {
  /** Those in one of these states; all where there are none. */
  readonly states: readonly SessionState[];
  readonly principal: string | undefined;
}

interface Walk {
  readonly sessions: Iterator<SessionInfo, void>;
  readonly filter: Filter;
  /** When its last page was made, by `performance.now`. */
  readonly keptAt: number;
}

export interface Page {
  readonly sessions: readonly SessionRow[];
  /** What the next page is asked for by; undefined on the last one. */
  readonly next?: string;
}

export class SessionList {
  readonly #supervisor: Pick<SessionSupervisor, 'sessions'>;
  readonly #rows: SessionRows;
  readonly #now: () => number;
  /** By cursor, the oldest first. */
  readonly #walks = new Map<string, Walk>();

  constructor(
    supervisor: Pick<SessionSupervisor, 'sessions'>,
    rows: SessionRows,
    now: () => number = () => performance.now(),
  ) {
    this.#supervisor = supervisor;
    this.#rows = rows;
    this.#now = now;
  }

  /** The first page. */
  first(filter: Filter, limit: number): Promise<Page> {
    return this.#page(this.#supervisor.sessions(), filter, limit);
  }

  /** The page after; undefined where nobody knows the cursor, or not any more. Each can be used once. */
  async next(cursor: string, limit: number): Promise<Page | undefined> {
    this.#forget();
    const walk = this.#walks.get(cursor);
    if (walk === undefined) return undefined;
    this.#walks.delete(cursor);
    return this.#page(walk.sessions, walk.filter, limit);
  }

  close(): void {
    this.#walks.clear();
  }

  async #page(walk: Iterator<SessionInfo, void>, filter: Filter, limit: number): Promise<Page> {
    const sessions: SessionRow[] = [];
    for (let looked = 1; sessions.length < limit && looked <= MOST_LOOKED_AT; looked++) {
      const { done, value } = walk.next();
      if (done || value === undefined) return { sessions };
      if (this.#isWanted(value, filter)) sessions.push(this.#rows.row(value));
      if (looked % SLICE === 0) await new Promise((resolve) => nextTurn(resolve));
    }
    return { sessions, next: this.#keep(walk, filter) };
  }

  #isWanted(info: SessionInfo, { states, principal }: Filter): boolean {
    if (states.length > 0 && !states.includes(info.state)) return false;
    return principal === undefined || this.#rows.isOf(info, principal);
  }

  #keep(sessions: Iterator<SessionInfo, void>, filter: Filter): string {
    this.#forget();
    const [oldest] = this.#walks.keys();
    if (this.#walks.size >= MOST_WALKS && oldest !== undefined) this.#walks.delete(oldest);
    const cursor = randomBytes(16).toString('base64url');
    this.#walks.set(cursor, { sessions, filter, keptAt: this.#now() });
    return cursor;
  }

  #forget(): void {
    for (const [cursor, { keptAt }] of this.#walks) {
      if (this.#now() - keptAt < KEPT_FOR) return;
      this.#walks.delete(cursor);
    }
  }
}
