/**
 * A viewer of the page's feed: which snapshot it is being sent, whether it has kept up with the deltas, and which
 * session it watches. One that did not keep up gets a new snapshot instead of what it missed.
 */
import type {
  EndedRow,
  Listens,
  ParkedRow,
  Row,
  ServerFrame,
  SessionFrame,
  SnapshotFrame,
  Totals,
  TrendPoint,
} from './protocol.ts';
import type { Viewer } from './viewer.ts';

/** Rows in one part of a snapshot. */
const PART = 1_000;

/** What a snapshot is made of. */
export interface SnapshotSource {
  rows(): Iterator<Row, void>;
  parked(): Iterator<ParkedRow, void>;
  ended(): EndedRow[];
  /** Undefined where there are none. */
  listens(): Listens | undefined;
  totals(): Totals;
  /** How the counts went over the last minutes. */
  trend(): TrendPoint[];
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
  #parked: Iterator<ParkedRow, void> | undefined;
  #ended: EndedRow[] = [];
  /** It has been sent a snapshot's first part. */
  #begun = false;
  /** Deltas that it was not sent since its last snapshot. */
  #missed = 0;
  #lastSession = '';
  #lastHandles: Buffer | undefined;

  constructor(viewer: Viewer, source: SnapshotSource) {
    this.viewer = viewer;
    this.#source = source;
  }

  /** It waits for a part of a snapshot, and has room for it. */
  get hungry(): boolean {
    return (!this.#begun || !this.#complete || this.#missed > 0) && this.viewer.drained;
  }

  /** Sends the next part of a snapshot, of a new one if none is under way or deltas were missed since it began. */
  sendPart(): void {
    const first = !this.#begun || this.#missed > 0;
    const missed = this.#missed;
    if (first) {
      this.#begun = true;
      this.#missed = 0;
      this.#rows = this.#source.rows();
      this.#parked = this.#source.parked();
      this.#ended = this.#source.ended();
    }
    const rows: Row[] = [];
    const parked: ParkedRow[] = [];
    // Each as it is by now: one that is restored before its turn comes is told by a delta.
    if (this.#rows !== undefined && takeInto(rows, this.#rows, PART)) this.#rows = undefined;
    if (this.#rows === undefined && this.#parked !== undefined) {
      if (takeInto(parked, this.#parked, PART - rows.length)) this.#parked = undefined;
    }
    const room = PART - rows.length - parked.length;
    const ended = this.#parked === undefined ? this.#ended.splice(0, room) : [];
    const last = this.#complete;
    const { now, totals } = this.#source;
    const told = { rows, parked, ended, totals: totals(), missed };
    const listens = first ? this.#source.listens() : undefined;
    const begin = first ? { trend: this.#source.trend(), ...(listens && { listens }) } : {};
    const part: SnapshotFrame = { type: 'snapshot', at: now(), first, last, ...told, ...begin };
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

  /** Sends what there is of handles, unless it was sent the same before. */
  sendHandles(frame: Buffer | undefined): void {
    if (frame === undefined || frame === this.#lastHandles || this.viewer.slow) return;
    this.#lastHandles = frame;
    this.viewer.send(frame);
  }

  watch(key: string | undefined): void {
    this.watching = key;
    this.#lastSession = '';
  }

  /** Nothing is left to send of the snapshot. */
  get #complete(): boolean {
    return this.#rows === undefined && this.#parked === undefined && this.#ended.length === 0;
  }
}

/** Takes so many rows at most. Returns whether there are no more. */
function takeInto<T>(rows: T[], from: Iterator<T, void>, atMost: number): boolean {
  for (let n = 0; n < atMost; n++) {
    const { done, value } = from.next();
    if (done) return true;
    rows.push(value);
  }
  return false;
}
