/** The last minutes as they are plotted: one point for each time that the server told counts. */
import type { Totals } from '../../src/inspector/protocol.ts';

/** What is kept, in ms. */
const SPAN = 180_000;

/** Rates are counted over at least so many ms, so that one session does not look like four a second. */
const RATE_OVER = 1_000;

interface Point {
  readonly at: number;
  readonly totals: Totals;
  readonly openedRate: number;
  readonly parkedRate: number;
  readonly restoredRate: number;
  readonly endedRate: number;
}

export class Trend {
  readonly #points: Point[] = [];

  add(at: number, totals: Totals): void {
    while ((this.#points[0]?.at ?? at) < at - SPAN) this.#points.shift();
    const since = this.#points.findLast((point) => point.at <= at - RATE_OVER) ?? this.#points[0];
    const seconds = since === undefined ? 0 : (at - since.at) / 1_000;
    const rate = (now: number, before: number): number => (seconds > 0 ? Math.max(0, now - before) / seconds : 0);
    this.#points.push({
      at,
      totals,
      openedRate: rate(totals.opened, since?.totals.opened ?? 0),
      parkedRate: rate(totals.parked, since?.totals.parked ?? 0),
      restoredRate: rate(totals.restored, since?.totals.restored ?? 0),
      endedRate: rate(totals.ended, since?.totals.ended ?? 0),
    });
  }

  forget(): void {
    this.#points.length = 0;
  }

  /** The times in seconds, and for each curve its values. */
  curves(read: readonly ((point: Point) => number)[]): [number[], ...number[][]] {
    return [this.#points.map(({ at }) => at / 1_000), ...read.map((value) => this.#points.map(value))];
  }
}
