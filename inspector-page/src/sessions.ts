/** All that the server has told: the sessions that live, those that were parked or have ended, the counts, and how they went. */
import type {
  DeltaFrame,
  EndedRow,
  HandlesFrame,
  HelloFrame,
  Listens,
  ParkedRow,
  ResultFrame,
  Row,
  RowChange,
  ServerFrame,
  SessionFrame,
  SnapshotFrame,
  Totals,
} from '../../src/inspector/protocol.ts';
import { Trend } from './trend.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class Sessions {
  hello: HelloFrame | undefined;
  totals: Totals | undefined;
  /** A whole snapshot is there. */
  complete = false;
  /** Deltas that could not be sent to this viewer in time; a new snapshot made up for them. */
  missed = 0;
  /** The session that is watched, as told last. */
  opened: SessionFrame | undefined;
  result: ResultFrame | undefined;
  /** What there is of handles; undefined where no kind of them is defined. */
  handles: HandlesFrame | undefined;
  readonly live = new Map<string, Mutable<Row>>();
  /** The one that was parked longest first. */
  readonly parked = new Map<string, ParkedRow>();
  /** The oldest first. */
  readonly ended = new Map<string, EndedRow>();
  /** Of the era without sessions. */
  listens: Listens = { count: 0, rows: [] };
  readonly trend = new Trend();
  /** Raised with every frame. */
  version = 0;
  readonly #listeners = new Set<() => void>();
  readonly #flashes = new Set<(transitions: DeltaFrame['transitions']) => void>();
  /** The server's clock is ahead of ours by so many ms. */
  #ahead = 0;

  /** The server's time. */
  now(): number {
    return Date.now() + this.#ahead;
  }

  /** Whether a session store keeps records, so that sessions are parked and restored. */
  get keepsRecords(): boolean {
    return this.totals?.states.parked !== undefined;
  }

  /** Those among which the sessions of a state are. */
  of(state: 'live' | Row['state']): ReadonlyMap<string, Row | ParkedRow | EndedRow> {
    if (state === 'terminated') return this.ended;
    return state === 'parked' ? this.parked : this.live;
  }

  /** Calls back after every frame. Returns what stops it. */
  onFrame(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls back with the transitions that were taken. */
  onTransitions(listener: (transitions: DeltaFrame['transitions']) => void): () => void {
    this.#flashes.add(listener);
    return () => this.#flashes.delete(listener);
  }

  hear(frame: ServerFrame): void {
    if (frame.type === 'hello') this.#greet(frame);
    else if (frame.type === 'snapshot') this.#snapshot(frame);
    else if (frame.type === 'delta') this.#delta(frame);
    else if (frame.type === 'session') this.opened = frame;
    else if (frame.type === 'handles') this.handles = frame;
    else this.result = frame;
    this.version++;
    for (const listener of this.#listeners) listener();
  }

  #greet(hello: HelloFrame): void {
    this.hello = hello;
    this.#ahead = hello.now - Date.now();
    this.result = undefined;
    this.handles = undefined;
    this.opened = undefined; // another server gives other keys
    this.trend.restart([]); // counts begin anew with a server
  }

  #snapshot({ first, last, rows, parked, ended, totals, missed, at, listens, trend = [] }: SnapshotFrame): void {
    if (first) {
      this.trend.restart(trend);
      this.listens = listens ?? { count: 0, rows: [] };
      this.live.clear();
      this.parked.clear();
      this.ended.clear();
      this.complete = false;
    }
    this.missed += missed;
    this.totals = totals;
    for (const row of rows) this.live.set(row.key, row);
    for (const row of parked) this.parked.set(row.key, row);
    // Told the latest first: what was told before by a delta is later than all of these.
    const later = [...this.ended.values()];
    this.ended.clear();
    for (const row of [...later.reverse(), ...ended].reverse()) this.ended.set(row.key, row);
    if (!last) return;
    // Some were told by deltas between the parts, before others that were parked earlier.
    const inOrder = [...this.parked.values()].sort((a, b) => a.parkedAt - b.parkedAt);
    this.parked.clear();
    for (const row of inOrder) this.parked.set(row.key, row);
    this.complete = true;
    this.trend.add(at, totals);
  }

  #delta({ at, rows, changes, gone, parked, ended, totals, transitions, listens }: DeltaFrame): void {
    this.#ahead = at - Date.now();
    this.totals = totals;
    if (listens !== undefined) this.listens = listens;
    for (const row of rows) {
      this.live.set(row.key, row);
      if (row.state !== 'restoring') this.parked.delete(row.key);
    }
    for (const change of changes) this.#change(change);
    for (const key of gone) this.live.delete(key);
    for (const row of parked) {
      this.parked.delete(row.key);
      this.parked.set(row.key, row);
    }
    for (const row of ended) {
      this.live.delete(row.key);
      this.parked.delete(row.key);
      this.ended.delete(row.key);
      this.ended.set(row.key, row);
    }
    const most = this.hello?.maxEnded ?? 0;
    forgetOldest(this.parked, most);
    forgetOldest(this.ended, most);
    this.trend.add(at, totals);
    for (const flash of this.#flashes) flash(transitions);
  }

  #change([key, state, inFlight, calls, openStreams, lastActiveAt, idleDeadline]: RowChange): void {
    const row = this.live.get(key);
    if (row === undefined) return;
    Object.assign(row, { state, inFlight, calls, openStreams, lastActiveAt, idleDeadline });
    if (state !== 'restoring') this.parked.delete(key);
  }
}

function forgetOldest(rows: Map<string, unknown>, most: number): void {
  for (const key of rows.keys()) {
    if (rows.size <= most) break;
    rows.delete(key);
  }
}
