/**
 * A viewer of the page's feed: which snapshot it is being sent, whether it has kept up with the deltas, and which
 * session it watches. One that did not keep up gets a new snapshot instead of what it missed.
 */
import type { EndedRow, Row, ServerFrame, SessionFrame, SnapshotFrame, Totals } from './protocol.ts';
import type { Viewer } from './viewer.ts';

/** Rows in one part of a snapshot. */
const PART = 1_000;

/** What a snapshot is made of. */
export interface SnapshotSource {
  rows(): Iterator<Row, void>;
  ended(): EndedRow[];
  totals(): Totals;
  now(): number;
}

export function encode(frame: ServerFrame): Buffer {
  return Buffer.from(JSON.stringify(frame));
}

export class FeedViewer {
  readonly viewer: Viewer;
  /** The key of the session that it watches. */
  watching: string | undefined;
  readonly #source: SnapshotSource;
  /** The rows that are still to be sent of a snapshot. */
  #rows: Iterator<Row, void> | undefined;
  #ended: EndedRow[] = [];
  /** It has been sent a snapshot's first part. */
  #begun = false;
  /** Deltas that it was not sent since its last snapshot. */
  #missed = 0;
  #lastSession = '';

  constructor(viewer: Viewer, source: SnapshotSource) {
    this.viewer = viewer;
    this.#source = source;
  }

  /** It waits for a part of a snapshot, and has room for it. */
  get hungry(): boolean {
    const waits = !this.#begun || this.#rows !== undefined || this.#ended.length > 0 || this.#missed > 0;
    return waits && this.viewer.drained;
  }

  /** Sends the next part of a snapshot, of a new one if none is under way or deltas were missed since it began. */
  sendPart(): void {
    const first = !this.#begun || this.#missed > 0;
    const missed = this.#missed;
    if (first) {
      this.#begun = true;
      this.#missed = 0;
      this.#rows = this.#source.rows();
      this.#ended = this.#source.ended();
    }
    const rows = this.#nextRows();
    const ended = this.#rows === undefined ? this.#ended.splice(0, PART - rows.length) : [];
    const last = this.#rows === undefined && this.#ended.length === 0;
    const { now, totals } = this.#source;
    const part: SnapshotFrame = { type: 'snapshot', at: now(), first, last, rows, ended, totals: totals(), missed };
    this.viewer.send(encode(part));
  }

  /** Sends what has changed for everybody, unless it can't be taken: then a new snapshot will tell it. */
  sendDelta(delta: Buffer): void {
    if (!this.#begun) return;
    if (this.#missed > 0 || this.viewer.slow) this.#missed++;
    else this.viewer.send(delta);
  }

  /** Sends the session that it watches, unless it was sent the same before. */
  sendSession(frame: SessionFrame): void {
    if (this.viewer.slow) return; // it will be the same or newer the next time
    const text = JSON.stringify(frame);
    if (text === this.#lastSession) return;
    this.#lastSession = text;
    this.viewer.send(Buffer.from(text));
  }

  watch(key: string | undefined): void {
    this.watching = key;
    this.#lastSession = '';
  }

  #nextRows(): Row[] {
    const rows: Row[] = [];
    while (this.#rows !== undefined && rows.length < PART) {
      const { done, value } = this.#rows.next();
      if (done) this.#rows = undefined;
      else rows.push(value);
    }
    return rows;
  }
}
