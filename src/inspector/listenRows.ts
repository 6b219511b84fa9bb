/** The listen streams of 2026-07-28, as the page is told of them: all that fit, whenever something of them has changed. */
import type { ListenInfo, SessionSupervisor } from '../index.ts';
import type { Listens } from './protocol.ts';
import type { Rows } from './rows.ts';

/** Streams that are told one by one; of more there is only their number. */
const AT_MOST = 200;

export class ListenRows {
  readonly #supervisor: SessionSupervisor;
  readonly #rows: Rows;
  #told = '';

  constructor(supervisor: SessionSupervisor, rows: Rows) {
    this.#supervisor = supervisor;
    this.#rows = rows;
  }

  /** As they are; undefined where there are none. */
  now(): Listens | undefined {
    const first: ListenInfo[] = [];
    let count = 0;
    for (const stream of this.#supervisor.listenStreams()) if (count++ < AT_MOST) first.push(stream);
    return count === 0 ? undefined : { count, rows: first.map((stream) => this.#rows.listenRow(stream)) };
  }

  /** As they are, where that is something else than the last time. */
  changes(): Listens | undefined {
    const now = this.now() ?? NONE;
    const text = JSON.stringify(now);
    if (text === this.#told || (this.#told === '' && now === NONE)) return undefined;
    this.#told = text;
    return now;
  }
}

const NONE: Listens = { count: 0, rows: [] };
