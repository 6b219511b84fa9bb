/**
 * What is counted of all sessions, whether somebody looks or not, and how that went over the last minutes: a point a second,
 * so that plots begin before the visit. That is no request's cost, and keeps no process alive.
 */
import { END_REASONS, type EndReason, type SessionSupervisor } from '../index.ts';
import { type Totals, TREND_SPAN, type TrendPoint, trendPoint } from './protocol.ts';
import type { Timeouts } from './timeouts.ts';

/** How far apart points are, in ms. */
const EVERY = 1_000;

export interface CountsOptions {
  readonly now: () => number;
  readonly timeouts: Pick<Timeouts, 'keepsRecords'>;
}

export class Counts {
  opened = 0;
  parked = 0;
  restored = 0;
  readonly #supervisor: Pick<SessionSupervisor, 'stats'>;
  readonly #options: CountsOptions;
  readonly #reasons = Object.fromEntries(END_REASONS.map((reason) => [reason, 0])) as Record<EndReason, number>;
  #ended = 0;
  /** It was seen that there are parked sessions. */
  #parks = false;
  readonly #points: TrendPoint[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(supervisor: Pick<SessionSupervisor, 'stats'>, options: CountsOptions) {
    this.#supervisor = supervisor;
    this.#options = options;
    this.#takePoint();
    this.#timer = setInterval(() => this.#takePoint(), EVERY).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  end(reason: EndReason): void {
    this.#ended++;
    this.#reasons[reason]++;
  }

  totals(): Totals {
    const { sessions, calls, streams, refused, evicted, drain } = this.#supervisor.stats();
    return {
      states: this.#states(sessions),
      reasons: { ...this.#reasons },
      opened: this.opened,
      parked: this.parked,
      restored: this.restored,
      ended: this.#ended,
      calls,
      streams,
      refused,
      evicted,
      ...(drain && { drain }),
    };
  }

  /** How the counts went over the last minutes, up to now. */
  trend(): TrendPoint[] {
    return [...this.#points];
  }

  /** How many sessions are in which state; of what only records make there is no word where there are none. */
  #states({ initializing, restoring, active, idle, parked }: ReturnType<SessionSupervisor['stats']>['sessions']) {
    this.#parks ||= restoring + parked > 0 || this.#options.timeouts.keepsRecords;
    return this.#parks ? { initializing, restoring, active, idle, parked } : { initializing, active, idle };
  }

  #takePoint(): void {
    const at = this.#options.now();
    // Those of a clock that was set back, or that stands still, make way as well.
    while ((this.#points.at(-1)?.[0] ?? Number.NEGATIVE_INFINITY) >= at) this.#points.pop();
    this.#points.push(trendPoint(at, this.totals()));
    while ((this.#points[0]?.[0] ?? at) < at - TREND_SPAN || this.#points.length > MOST_POINTS) this.#points.shift();
  }
}

/** Should its clock be slower than the timers. */
const MOST_POINTS = TREND_SPAN / EVERY + 1;
