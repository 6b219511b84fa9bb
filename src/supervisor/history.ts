/**
 * A session's black box: its last lifecycle events, in a ring of plain numbers, eight bytes for each, because every
 * session has one. What happened, how much was in flight and when are packed into one number each.
 */
import { END_REASONS, type EndReason } from '../machines/reasons.ts';

/**
 * `opened`, `active`, `idle` and `terminated` are the lifecycle events `session.*`. `request` and `response` are
 * exchanges that began or ended while the session was active, and left it so.
 */
export type HistoryEventName = (typeof NAMES)[number];

/** One event of a session's life. */
export interface HistoryEvent {
  /** Milliseconds since the epoch, by the supervisor's clock. */
  readonly at: number;
  readonly event: HistoryEventName;
  /** Exchanges that hold the session, after the event. */
  readonly inFlight: number;
  /** Why the session ended; only of `terminated`. */
  readonly reason?: EndReason;
}

const NAMES = ['opened', 'active', 'request', 'response', 'idle', 'terminated'] as const;

/** What fits below the time: the name, times this, and what is in flight (or the reason, of `terminated`). */
const DETAILS = 2 ** 13;
const TIME = 2 ** 16;

/** The longest time from the beginning that still fits, in ms: four years. What comes later is told as then. */
const LATEST = 2 ** 37 - 1;

export class History {
  readonly #since: number;
  readonly #size: number;
  /** Milliseconds since the beginning, times `TIME`, plus the rest. It grows as it is needed. */
  readonly #ring: number[] = [];
  /** Where the oldest is, once the ring is full. */
  #oldest = 0;

  /** `since` is when the session began, in ms since the epoch; `size` how many events are kept, 0 for none. */
  constructor(since: number, size: number) {
    this.#since = since;
    this.#size = size;
  }

  record(at: number, event: Exclude<HistoryEventName, 'terminated'>, inFlight: number): void {
    this.#push(at, event, Math.min(inFlight, DETAILS - 1));
  }

  recordEnd(at: number, reason: EndReason): void {
    this.#push(at, 'terminated', END_REASONS.indexOf(reason));
  }

  /** What is kept, oldest first. */
  events(): HistoryEvent[] {
    const ring = this.#ring;
    const events: HistoryEvent[] = [];
    for (let i = 0; i < ring.length; i++) events.push(this.#unpack(ring[(this.#oldest + i) % ring.length] as number));
    return events;
  }

  #push(at: number, event: HistoryEventName, detail: number): void {
    if (this.#size === 0) return;
    const elapsed = Math.min(Math.max(Math.round(at - this.#since), -LATEST), LATEST); // a clock may be set back
    const packed = elapsed * TIME + NAMES.indexOf(event) * DETAILS + detail;
    if (this.#ring.length < this.#size) {
      this.#ring.push(packed);
      return;
    }
    this.#ring[this.#oldest] = packed;
    this.#oldest = (this.#oldest + 1) % this.#size;
  }

  #unpack(packed: number): HistoryEvent {
    const elapsed = Math.floor(packed / TIME);
    const rest = packed - elapsed * TIME;
    const event = NAMES[Math.floor(rest / DETAILS)] as HistoryEventName;
    const detail = rest % DETAILS;
    const at = this.#since + elapsed;
    if (event !== 'terminated') return { at, event, inFlight: detail };
    return { at, event, inFlight: 0, reason: END_REASONS[detail] as EndReason };
  }
}
