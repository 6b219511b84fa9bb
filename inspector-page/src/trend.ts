/** The last minutes as they are plotted: what the server kept of them, and then a point for each time that it told counts. */
import { type Totals, TREND_SPAN, type TrendPoint, trendPoint } from '../../src/inspector/protocol.ts';

/** Rates are counted over at least so many ms, so that one session does not look like four a second. */
const RATE_OVER = 1_000;

interface Point {
  readonly at: number;
  readonly initializing: number;
  readonly restoring: number;
  readonly active: number;
  readonly idle: number;
  readonly parkedNow: number;
  readonly calls: number;
  readonly streams: number;
  readonly openedRate: number;
  readonly parkedRate: number;
  readonly restoredRate: number;
  readonly endedRate: number;
  readonly refusedRate: number;
  /** What rates are counted from. */
  readonly counts: readonly [opened: number, parked: number, restored: number, ended: number, refused: number];
}

export class Trend {
  readonly #points: Point[] = [];

  /** Begins anew, with what the server kept. */
  restart(points: readonly TrendPoint[]): void {
    this.#points.length = 0;
    for (const point of points) this.#add(point);
  }

  add(at: number, totals: Totals): void {
    this.#add(trendPoint(at, totals));
  }

  /** The times in seconds, and for each curve its values. */
  curves(read: readonly ((point: Point) => number)[]): [number[], ...number[][]] {
    return [this.#points.map(({ at }) => at / 1_000), ...read.map((value) => this.#points.map(value))];
  }

  #add([at, initializing, restoring, active, idle, parkedNow, calls, streams, ...counts]: TrendPoint): void {
    while ((this.#points[0]?.at ?? at) < at - TREND_SPAN) this.#points.shift();
    // The server's clock was set back: a plot goes one way.
    while ((this.#points.at(-1)?.at ?? at) > at) this.#points.pop();
    const since = this.#points.findLast((point) => point.at <= at - RATE_OVER) ?? this.#points[0];
    const seconds = since === undefined ? 0 : (at - since.at) / 1_000;
    const rate = (n: keyof Point['counts'] & number): number => {
      const gone = (counts[n] ?? 0) - ((since?.counts[n] as number | undefined) ?? 0);
      return seconds > 0 ? Math.max(0, gone) / seconds : 0;
    };
    this.#points.push({
      at,
      initializing,
      restoring,
      active,
      idle,
      parkedNow,
      calls,
      streams,
      openedRate: rate(0),
      parkedRate: rate(1),
      restoredRate: rate(2),
      endedRate: rate(3),
      refusedRate: rate(4),
      counts,
    });
  }
}
