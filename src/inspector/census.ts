/**
 * The sessions that live in this process, as the page is to see them, while somebody looks. It is kept up by the supervisor's events;
 * what changes without one (a second exchange, a stream, a session that is initializing) is found by a sweep that looks
 * at some sessions in turn. A session that changes twice before it is told is told once, as it is by then.
 */
import type { EndReason, SessionInfo, SessionState, SessionSupervisor } from '../index.ts';
import type { Row, RowChange } from './protocol.ts';
import type { Rows } from './rows.ts';

type LiveState = Exclude<SessionState, 'parked' | 'terminated'>;

interface Tracked {
  readonly key: string;
  readonly id: string;
  state: LiveState;
  inFlight: number;
  calls: number;
  openStreams: number;
  lastActiveAt: number;
  /** Nobody was told of it yet. */
  fresh: boolean;
}

/** What is told in one delta. */
export interface Changes {
  readonly rows: Row[];
  readonly changes: RowChange[];
  readonly gone: string[];
  readonly transitions: Record<string, number>;
  /** How much more there is to tell. */
  readonly pending: number;
}

/** The next turn of the event loop, as it was when this was loaded: an embedder's tests may fake it later. */
const nextTurn: typeof setImmediate = globalThis.setImmediate;

/** Sessions that are taken in at a time, before the loop turns: about 2 ms. */
const SLICE = 1_000;

export class Census {
  readonly #supervisor: SessionSupervisor;
  readonly #rows: Rows;
  readonly #byId = new Map<string, Tracked>();
  readonly #byKey = new Map<string, Tracked>();
  readonly #changed = new Set<Tracked>();
  /** Of those that are being restored, nobody tells when that comes to nothing. */
  readonly #restoring = new Set<Tracked>();
  readonly #gone = new Set<string>();
  #transitions: Record<string, number> = {};
  readonly #off: (() => void)[];
  #sweep: Iterator<SessionInfo>;
  #closed = false;

  constructor(supervisor: SessionSupervisor, rows: Rows) {
    this.#supervisor = supervisor;
    this.#rows = rows;
    this.#sweep = supervisor.sessions();
    this.#off = [
      supervisor.on('session.opened', ({ session }) => this.#opened(session)),
      supervisor.on('session.active', ({ session }) => this.#see(session)),
      supervisor.on('session.idle', ({ session }) => this.#see(session)),
      supervisor.on('session.restored', ({ session }) => this.#restored(session)),
    ];
  }

  get size(): number {
    return this.#byId.size;
  }

  close(): void {
    this.#closed = true;
    for (const off of this.#off) off();
  }

  /** Looks at every session once, in slices that leave the loop alive. Resolves when that is done, or it was closed. */
  async takeIn(): Promise<void> {
    const sessions = this.#supervisor.sessions();
    while (!this.#closed && !this.#look(sessions, SLICE)) await new Promise((resolve) => nextTurn(resolve));
  }

  /** Looks at so many sessions in turn for what no event has told. */
  sweep(count: number): void {
    for (const tracked of this.#restoring) {
      if (this.#supervisor.session(tracked.id) === undefined) this.#leave(tracked, 'parked');
    }
    if (this.#look(this.#sweep, count)) this.#sweep = this.#supervisor.sessions();
  }

  /** A session has ended, or is parked: nothing of it is here any more. */
  left(info: SessionInfo, how: 'parked' | EndReason): void {
    const tracked = this.#byId.get(info.id);
    const to = how === 'parked' ? how : 'terminated';
    if (tracked !== undefined) return this.#leave(tracked, to);
    this.#count(stateBefore(info, how), to);
    this.#gone.add(this.#rows.keyOf(info.id));
  }

  /** The id of a session that lives, by its key. */
  idOf(key: string): string | undefined {
    return this.#byKey.get(key)?.id;
  }

  /** A row for each session, as it is when the row is asked for. */
  *rows(): Generator<Row, void> {
    for (const { id, key } of this.#byId.values()) {
      const info = this.#supervisor.session(id);
      if (info !== undefined) yield this.#rows.row(key, info);
    }
  }

  /** Takes what there is to tell, but no more than so many sessions; the rest is told later. */
  changes(atMost: number): Changes {
    const rows: Row[] = [];
    const changes: RowChange[] = [];
    for (const tracked of this.#changed) {
      if (rows.length + changes.length >= atMost) break;
      this.#changed.delete(tracked);
      if (!tracked.fresh) {
        const { key, state, inFlight, calls, openStreams, lastActiveAt } = tracked;
        const deadline = this.#rows.idleDeadline(tracked);
        changes.push([key, state, inFlight, calls, openStreams, lastActiveAt, deadline]);
        continue;
      }
      const info = this.#supervisor.session(tracked.id);
      if (info === undefined) continue;
      tracked.fresh = false;
      rows.push(this.#rows.row(tracked.key, info));
    }
    const gone: string[] = [];
    for (const key of this.#gone) {
      if (gone.length >= atMost * 10) break; // a key alone is short
      this.#gone.delete(key);
      gone.push(key);
    }
    const transitions = this.#transitions;
    this.#transitions = {};
    return { rows, changes, gone, transitions, pending: this.#changed.size + this.#gone.size };
  }

  /** Nobody is to be told of anything that happened until now. */
  forgetChanges(): void {
    for (const tracked of this.#changed) tracked.fresh = false;
    this.#changed.clear();
    this.#gone.clear();
    this.#transitions = {};
  }

  /** Returns whether all have been looked at. */
  #look(sessions: Iterator<SessionInfo>, count: number): boolean {
    for (let n = 0; n < count; n++) {
      const { done, value: info } = sessions.next();
      if (done) return true;
      this.#see(info);
    }
    return false;
  }

  #opened(info: SessionInfo): void {
    if (!this.#byId.has(info.id)) this.#count('initializing', 'active'); // else it is counted by what it was
    this.#see(info);
  }

  #restored(info: SessionInfo): void {
    if (!this.#byId.has(info.id)) {
      this.#count('parked', 'restoring');
      this.#count('restoring', 'active');
    }
    this.#see(info);
  }

  #see(info: SessionInfo): void {
    const { state, inFlight, calls, openStreams, lastActiveAt } = info;
    if (state === 'parked' || state === 'terminated') return;
    const tracked = this.#byId.get(info.id);
    if (tracked === undefined) {
      this.#add(info, state);
      return;
    }
    if (state !== tracked.state) {
      this.#restoring.delete(tracked);
      this.#count(tracked.state, state);
    }
    const same = inFlight === tracked.inFlight && calls === tracked.calls && openStreams === tracked.openStreams;
    if (state === tracked.state && same && lastActiveAt === tracked.lastActiveAt) return;
    Object.assign(tracked, { state, inFlight, calls, openStreams, lastActiveAt });
    this.#changed.add(tracked);
  }

  #add(info: SessionInfo, state: LiveState): void {
    const { id, inFlight, calls, openStreams, lastActiveAt } = info;
    const key = this.#rows.keyOf(id);
    const tracked: Tracked = { key, id, state, inFlight, calls, openStreams, lastActiveAt, fresh: true };
    this.#byId.set(id, tracked);
    this.#byKey.set(key, tracked);
    this.#changed.add(tracked);
    this.#gone.delete(key); // it was parked, and is here again before anybody was told
    if (state !== 'restoring') return;
    this.#restoring.add(tracked);
    this.#count('parked', 'restoring');
  }

  #leave(tracked: Tracked, to: 'parked' | 'terminated'): void {
    this.#byId.delete(tracked.id);
    this.#byKey.delete(tracked.key);
    this.#changed.delete(tracked);
    this.#restoring.delete(tracked);
    this.#count(tracked.state, to);
    this.#gone.add(tracked.key);
  }

  #count(from: SessionState, to: SessionState): void {
    const transition = `${from}→${to}`;
    this.#transitions[transition] = (this.#transitions[transition] ?? 0) + 1;
  }
}

/** The state that a session was in before it left, as far as its black box tells. */
function stateBefore({ history }: SessionInfo, how: 'parked' | EndReason): LiveState | 'parked' {
  if (how === 'unrestorable') return 'restoring';
  const before = history.findLast(({ event }, n) => n < history.length - 1 && !event.startsWith('child.'))?.event;
  if (before === undefined) return 'initializing';
  return before === 'idle' || before === 'parked' ? before : 'active';
}
