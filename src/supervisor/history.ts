/**
 * A session's black box: its last lifecycle events, in a ring of plain numbers, eight bytes for each, because every
 * session has one. What happened, how much was in flight and when are packed into one number each.
 */
import { constants } from 'node:os';
import { END_REASONS, type EndReason } from '../machines/reasons.ts';
import type { RecordedEvent } from '../stores/sessionRecord.ts';
import type { ProcessLine } from '../transport/transportOptions.ts';

/**
 * `opened`, `active`, `idle`, `parked`, `restored` and `terminated` are the lifecycle events `session.*`. `request` and `response` are
 * exchanges that began or ended while the session was active, and left it so. `child.started` and `child.exited` are of a
 * server that is a process of its own.
 */
export type HistoryEventName = (typeof NAMES)[number];

/** One event of a session's life. */
export interface HistoryEvent {
  /** Milliseconds since the epoch, by the supervisor's clock. */
  readonly at: number;
  readonly event: HistoryEventName;
  /** Exchanges that hold the session, after the event; 0 for what is told of a process. */
  readonly inFlight: number;
  /** Why the session ended; only of `terminated`. */
  readonly reason?: EndReason;
  /** The how many-th process of its server this one is, in this incarnation; only of `child.started`. */
  readonly generation?: number;
  /** How the process ended, one of the two; only of `child.exited`. */
  readonly code?: number;
  readonly signal?: string;
}

const NAMES = [
  'opened',
  'active',
  'request',
  'response',
  'idle',
  'terminated',
  'parked',
  'restored',
  'child.started',
  'child.exited',
] as const;

/**
 * What fits below the time: the name, times this, and what is in flight; of `terminated` the reason, of a process its number
 * or its exit.
 */
const DETAILS = 2 ** 13;
const TIME = 2 ** 17;

/** The longest time from the beginning that still fits, in ms: two years. What comes later is told as then. */
const LATEST = 2 ** 36 - 1;

/** An exit is its code, or the number of its signal and this. */
const SIGNALLED = 2 ** 12;

/** Room for what a handshake leaves; most sessions that are idle did little more. */
const FIRST_ROOM = 6;

/** Whether it is the name of an event that may stand in a record: all but the end. */
export function isHistoryEvent(name: string): name is Exclude<HistoryEventName, 'terminated'> {
  return name !== 'terminated' && (NAMES as readonly string[]).includes(name);
}

/** Times are given since the session's beginning, in ms: the session knows it, so no history has to keep it. */
export class History {
  readonly #size: number;
  /** Milliseconds, times `TIME`, plus the rest. It grows as it is needed, but an array's own growth is too generous. */
  #ring: number[] = [];
  /** How many were recorded in all. */
  #count = 0;

  /** `size` is how many events are kept, 0 for none. */
  constructor(size: number) {
    this.#size = size;
  }

  record(elapsed: number, event: Exclude<HistoryEventName, 'terminated'>, inFlight: number): void {
    this.#push(elapsed, event, Math.min(inFlight, DETAILS - 1));
  }

  recordEnd(elapsed: number, reason: EndReason): void {
    this.#push(elapsed, 'terminated', END_REASONS.indexOf(reason));
  }

  recordProcess(elapsed: number, line: ProcessLine): void {
    const detail = line.event === 'child.started' ? Math.min(line.generation, DETAILS - 1) : detailOfExit(line);
    this.#push(elapsed, line.event, detail);
  }

  /** What was recorded of the session before, in another incarnation. */
  recall(lines: readonly RecordedEvent[]): void {
    for (const [elapsed, event, inFlight] of lines) if (isHistoryEvent(event)) this.record(elapsed, event, inFlight);
  }

  /** The last `limit` lines of what is kept, but for the end. */
  lines(limit: number): RecordedEvent[] {
    const lines: RecordedEvent[] = [];
    for (const event of this.events(0).slice(-limit)) lines.push([event.at, event.event, detailOf(event)]);
    return lines;
  }

  /** What is kept, oldest first, of a session that began at `since`. */
  events(since: number): HistoryEvent[] {
    return this.glance(since)();
  }

  /** What tells the events that are kept now: most who are told of a session do not ask for them. */
  glance(since: number): () => HistoryEvent[] {
    const ring = this.#ring.slice();
    const [size, count] = [this.#size, this.#count];
    let events: HistoryEvent[] | undefined;
    return () => {
      if (events !== undefined) return events;
      events = [];
      for (let n = Math.max(0, count - size); n < count; n++) events.push(unpack(ring[n % size] as number, since));
      return events;
    };
  }

  #push(elapsed: number, event: HistoryEventName, detail: number): void {
    if (this.#size === 0) return;
    const room = this.#ring.length;
    if (this.#count === room && room < this.#size) {
      const larger = new Array<number>(Math.min(this.#size, Math.max(FIRST_ROOM, room * 2)));
      for (let n = 0; n < room; n++) larger[n] = this.#ring[n] as number;
      this.#ring = larger;
    }
    const time = Math.min(Math.max(Math.round(elapsed), -LATEST), LATEST); // a clock may be set back
    this.#ring[this.#count++ % this.#size] = time * TIME + NAMES.indexOf(event) * DETAILS + detail;
  }
}

function unpack(packed: number, since: number): HistoryEvent {
  const elapsed = Math.floor(packed / TIME);
  const rest = packed - elapsed * TIME;
  const event = NAMES[Math.floor(rest / DETAILS)] as HistoryEventName;
  const detail = rest % DETAILS;
  const at = since + elapsed;
  if (event === 'terminated') return { at, event, inFlight: 0, reason: END_REASONS[detail] as EndReason };
  if (event === 'child.started') return { at, event, inFlight: 0, generation: detail };
  if (event !== 'child.exited') return { at, event, inFlight: detail };
  return detail < SIGNALLED
    ? { at, event, inFlight: 0, code: detail }
    : { at, event, inFlight: 0, signal: signalOf(detail - SIGNALLED) };
}

/** The number that an event has in a record. */
function detailOf(line: HistoryEvent): number {
  if (line.event === 'child.started') return line.generation ?? 0;
  return line.event === 'child.exited' ? detailOfExit(line) : line.inFlight;
}

function detailOfExit({
  code = null,
  signal = null,
}: {
  readonly code?: number | null;
  readonly signal?: string | null;
}): number {
  if (signal === null) return Math.min(Math.max(code ?? 0, 0), SIGNALLED - 1);
  return SIGNALLED + ((constants.signals as Readonly<Record<string, number>>)[signal] ?? 0);
}

function signalOf(number: number): string {
  const known = Object.entries(constants.signals).find(([, value]) => value === number);
  return known === undefined ? 'unknown' : known[0];
}
