/**
 * The feed of the page: what all its viewers are told, and when. While nobody looks it counts, keeps the last sessions that
 * ended or were parked, and notes what runs in each, and that is all. While somebody looks, it tells what has changed a
 * few times a second, however often it did.
 */
import { END_REASONS, type SessionEvent, type SessionInfo, type SessionSupervisor } from '../index.ts';
import { Census } from './census.ts';
import { Children } from './children.ts';
import { readClientFrame } from './clientFrame.ts';
import { Counts } from './counts.ts';
import { EndedRing } from './endedRing.ts';
import { encode, FeedViewer, type SnapshotSource } from './feedViewer.ts';
import { HandleFeed } from './handleFeed.ts';
import { ListenRows } from './listenRows.ts';
import { machineEdges, STATES } from './machineEdges.ts';
import { OperationLog } from './operationLog.ts';
import { ParkedSessions } from './parkedSessions.ts';
import type {
  ClientFrame,
  DeltaFrame,
  EndedRow,
  HelloFrame,
  Listens,
  ParkedRow,
  ResultFrame,
  SessionFrame,
  Totals,
  TrendPoint,
} from './protocol.ts';
import { PROTOCOL_VERSION } from './protocol.ts';
import { lastLines, type Rows } from './rows.ts';
import type { Timeouts } from './timeouts.ts';
import type { Viewer } from './viewer.ts';

/** Sessions told, and sessions looked at, in one tick. */
const AT_MOST = 1_000;

/** How often a delta is sent although nothing has changed, in ms. */
const HEARTBEAT = 1_000;

/** What is left to the rest of the process between two parts of snapshots, in ms. */
const BETWEEN_PARTS = 5;

export interface FeedOptions {
  readonly version: string;
  readonly allowTerminate: boolean;
  readonly revealIds: boolean;
  readonly revealPrincipals: boolean;
  /** How many ended sessions are kept, and of those that are parked as many. */
  readonly maxEnded: number;
  readonly maxViewers: number;
  /** In ms. */
  readonly interval: number;
  readonly now: () => number;
  readonly timeouts: Timeouts;
}

export class Feed implements SnapshotSource {
  readonly #supervisor: SessionSupervisor;
  readonly #rows: Rows;
  readonly #options: FeedOptions;
  readonly #ring: EndedRing;
  readonly #children: Children;
  readonly #parked: ParkedSessions;
  readonly #handles: HandleFeed;
  readonly #listens: ListenRows;
  readonly #viewers = new Set<FeedViewer>();
  readonly #off: (() => void)[];
  readonly #counts: Counts;
  readonly #operations: OperationLog;
  /** What was counted by the last delta, beside the sessions. */
  #told = '';
  /** Ended since the last delta. */
  #ended: EndedRow[] = [];
  #census: Census | undefined;
  /** The census has seen every session. */
  #ready = false;
  #ticks: NodeJS.Timeout | undefined;
  #parts: NodeJS.Timeout | undefined;
  #lastDelta = 0;
  #closed = false;

  constructor(supervisor: SessionSupervisor, rows: Rows, options: FeedOptions) {
    this.#supervisor = supervisor;
    this.#rows = rows;
    this.#options = options;
    this.#children = new Children(supervisor);
    this.#ring = new EndedRing(rows, options.maxEnded);
    this.#parked = new ParkedSessions(rows, options.maxEnded);
    this.#handles = new HandleFeed(supervisor, rows, options.now);
    this.#listens = new ListenRows(supervisor, rows);
    const counts = new Counts(supervisor, options);
    this.#counts = counts;
    this.#operations = new OperationLog(supervisor, options.now);
    this.#off = [
      supervisor.on('session.opened', () => {
        counts.opened++;
        options.timeouts.learn();
      }),
      supervisor.on('session.parked', ({ session }) => this.#park(session)),
      supervisor.on('session.restored', ({ session }) => {
        counts.restored++;
        options.timeouts.learn();
        this.#parked.delete(rows.keyOf(session.id));
      }),
      supervisor.on('session.terminated', (event) => this.#end(event)),
    ];
  }

  /** Tells what there is left to tell, and no more. */
  close(): void {
    if (this.#census !== undefined && this.#ready) this.#tick(this.#census);
    this.#closed = true;
    for (const off of this.#off) off();
    this.#handles.close();
    this.#counts.close();
    this.#operations.close();
    this.#stop();
  }

  /** Takes a viewer in. Returns what is to be called when it is gone. */
  addViewer(viewer: Viewer): () => void {
    const added = new FeedViewer(viewer, this);
    this.#viewers.add(added);
    viewer.onFrame = (text) => this.#hear(added, text);
    viewer.send(encode(this.#hello()));
    if (this.#census === undefined) void this.#start();
    else this.#sendParts();
    return () => {
      this.#viewers.delete(added);
      if (this.#viewers.size === 0) this.#stop();
    };
  }

  // --- what a snapshot is made of

  *rows() {
    yield* this.#census?.rows() ?? [];
  }

  parked = (): Iterator<ParkedRow, void> => this.#parked.rows();

  ended = (): EndedRow[] => this.#ring.latest();

  listens = (): Listens | undefined => this.#listens.now();

  totals = (): Totals => this.#counts.totals();

  trend = (): TrendPoint[] => this.#counts.trend();

  now = (): number => this.#options.now();

  // --- within

  /** Does what a viewer asks for. Returns whether it asked in a way that is understood. */
  #hear(viewer: FeedViewer, text: string): boolean {
    const frame = readClientFrame(text);
    if (frame === undefined) return false;
    if (frame.type === 'close') viewer.watch(undefined);
    else if (frame.type === 'open') this.#open(viewer, frame.key);
    else void this.#terminate(viewer, frame.key);
    return true;
  }

  #hello(): HelloFrame {
    const { version, allowTerminate, revealIds, revealPrincipals, interval, maxEnded, maxViewers } = this.#options;
    return {
      type: 'hello',
      v: PROTOCOL_VERSION,
      version,
      machine: { states: STATES, edges: machineEdges() },
      reasons: END_REASONS,
      allowTerminate,
      reveals: { ids: revealIds, principals: revealPrincipals },
      now: this.now(),
      tick: interval,
      maxEnded,
      maxViewers,
    };
  }

  #park(session: SessionInfo): void {
    this.#counts.parked++;
    this.#census?.left(session, 'parked');
    this.#parked.add(session, session.history.at(-1)?.at ?? this.now(), this.#children.keep(session.id));
  }

  #end({ session, reason = 'terminated' }: SessionEvent): void {
    this.#counts.end(reason);
    this.#census?.left(session, reason);
    this.#parked.delete(this.#rows.keyOf(session.id));
    const endedAt = session.history.at(-1)?.at ?? this.now();
    const left = { process: this.#children.keep(session.id), ran: this.#operations.take(session.id) };
    const { row } = this.#ring.add(session, reason, endedAt, left);
    if (this.#census === undefined) return;
    this.#ended.push(row);
    if (this.#ended.length > 2 * this.#options.maxEnded) this.#ended.splice(0, this.#options.maxEnded);
  }

  async #start(): Promise<void> {
    const census = new Census(this.#supervisor, this.#rows);
    this.#census = census;
    await census.takeIn();
    if (this.#census !== census) return;
    census.forgetChanges();
    this.#parked.takeFresh();
    this.#ended = [];
    this.#ready = true;
    this.#ticks = setInterval(() => this.#tick(census), this.#options.interval);
    this.#sendParts();
  }

  #stop(): void {
    this.#census?.close();
    this.#census = undefined;
    this.#ready = false;
    this.#ended = [];
    clearInterval(this.#ticks);
    clearTimeout(this.#parts);
    this.#parts = undefined;
  }

  #tick(census: Census): void {
    census.sweep(AT_MOST);
    const { rows, changes, gone, transitions, pending } = census.changes(AT_MOST);
    const parked = this.#parked.takeFresh();
    const ended = this.#options.maxEnded === 0 ? [] : this.#ended.slice(-this.#options.maxEnded);
    this.#ended = [];
    const listens = this.#listens.changes();
    const told = rows.length + changes.length + gone.length + parked.length + ended.length;
    const totals = this.totals();
    const { calls, streams, refused, evicted, drain } = totals;
    const counted = JSON.stringify([calls, streams, refused, evicted, drain]);
    const quiet = told === 0 && listens === undefined && counted === this.#told;
    if (!quiet || performance.now() - this.#lastDelta >= HEARTBEAT) {
      this.#lastDelta = performance.now();
      this.#told = counted;
      const at = this.now();
      const news = { rows, changes, gone, parked, ended, totals, transitions, pending };
      const delta: DeltaFrame = { type: 'delta', at, ...news, ...(listens && { listens }) };
      const frame = encode(delta);
      for (const viewer of this.#viewers) viewer.sendDelta(frame);
    }
    const handles = this.#handles.frame();
    for (const viewer of this.#viewers) {
      viewer.sendHandles(handles);
      const frame = viewer.watching === undefined ? undefined : this.#session(viewer.watching);
      if (frame !== undefined) viewer.sendSession(frame);
    }
    this.#sendParts();
  }

  /** One part for each viewer that waits for one, and after a pause the next. */
  #sendParts(): void {
    if (!this.#ready || this.#parts !== undefined) return;
    const hungry = [...this.#viewers].filter((viewer) => viewer.hungry);
    const [viewer] = hungry;
    if (viewer === undefined) return;
    viewer.sendPart();
    // Whoever was served goes to the end of the line.
    this.#viewers.delete(viewer);
    this.#viewers.add(viewer);
    this.#parts = setTimeout(() => {
      this.#parts = undefined;
      this.#sendParts();
    }, BETWEEN_PARTS);
  }

  #session(key: string): SessionFrame | undefined {
    const id = this.#idOf(key);
    const info = id === undefined ? undefined : this.#supervisor.session(id);
    if (id !== undefined && info !== undefined) {
      const told = { ...lastLines(info), ...this.#operations.of(id), child: this.#children.of(id) };
      return { type: 'session', key, row: this.#rows.row(key, info), ...told };
    }
    const kept = this.#parked.find(key) ?? this.#ring.find(key);
    if (kept === undefined) return undefined;
    const { row, history, omitted, process } = kept;
    const ran = 'ran' in kept ? kept.ran() : this.#operations.of(kept.id);
    return { type: 'session', key, row, history, omitted, ...ran, child: process.child };
  }

  /** The id of a session that lives, here or as its record. */
  #idOf(key: string): string | undefined {
    return this.#census?.idOf(key) ?? this.#parked.find(key)?.id;
  }

  #open(viewer: FeedViewer, key: string): void {
    const frame = this.#session(key);
    viewer.watch(frame === undefined ? undefined : key);
    if (frame === undefined) this.#answer(viewer, { type: 'open', key }, 'unknown');
    else viewer.sendSession(frame);
  }

  async #terminate(viewer: FeedViewer, key: string): Promise<void> {
    const frame = { type: 'terminate', key } as const;
    const id = this.#idOf(key);
    const { allowTerminate } = this.#options;
    const outcome = allowTerminate ? await this.#outcomeOf(id) : 'forbidden';
    viewer.viewer.onTerminated({ key, id, outcome });
    if (!this.#closed) this.#answer(viewer, frame, outcome);
  }

  async #outcomeOf(id: string | undefined): Promise<ResultFrame['outcome']> {
    if (id === undefined) return 'unknown';
    try {
      return (await this.#supervisor.terminate(id)) ? 'done' : 'unknown';
    } catch {
      return 'failed'; // the log says why
    }
  }

  #answer(viewer: FeedViewer, { type, key }: ClientFrame & { key: string }, outcome: ResultFrame['outcome']): void {
    viewer.viewer.send(encode({ type: 'result', of: type, key, outcome }));
  }
}
