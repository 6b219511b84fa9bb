/**
 * Durations by buckets, for each set of labels that was seen. How many sets there are is bounded, whatever is measured:
 * what comes beyond is counted together, under `_OTHER`.
 */

/** The value of a label that stands for whatever has no value of its own. */
export const OTHER = '_OTHER';

/** Sets of labels that one histogram keeps apart; as many as OpenTelemetry's SDK does. */
const MAX_SERIES = 2_000;

/** The durations of one set of labels. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** How many were at most as long as each bound and longer than the one before; the last is for those beyond all. */
  readonly buckets: number[];
  sum: number;
  count: number;
}

export class Histogram {
  readonly bounds: readonly number[];
  readonly #names: readonly string[];
  readonly #series = new Map<string, Series>();

  /** `names` are all labels that a set may have. */
  constructor(bounds: readonly number[], names: readonly string[]) {
    this.bounds = bounds;
    this.#names = names;
  }

  /** Nothing was taken in yet. */
  get empty(): boolean {
    return this.#series.size === 0;
  }

  /** Takes in a duration, in seconds. Labels that are undefined are not there. */
  record(seconds: number, labels: Readonly<Record<string, string | undefined>>): void {
    const series = this.#seriesOf(labels);
    const index = this.bounds.findIndex((bound) => seconds <= bound);
    const bucket = index === -1 ? this.bounds.length : index;
    series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
    series.sum += seconds;
    series.count++;
  }

  [Symbol.iterator](): IterableIterator<Series> {
    return this.#series.values();
  }

  #seriesOf(labels: Readonly<Record<string, string | undefined>>): Series {
    const key = JSON.stringify(this.#names.map((name) => labels[name] ?? null));
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    if (this.#series.size >= MAX_SERIES) {
      const rest = Object.fromEntries(this.#names.map((name) => [name, OTHER]));
      return this.#series.get(OTHER) ?? this.#add(OTHER, rest);
    }
    const present = this.#names.flatMap((name) => (labels[name] === undefined ? [] : [[name, labels[name]]]));
    return this.#add(key, Object.fromEntries(present) as Record<string, string>);
  }

  #add(key: string, labels: Readonly<Record<string, string>>): Series {
    const buckets = new Array<number>(this.bounds.length + 1).fill(0);
    const series: Series = { labels, buckets, sum: 0, count: 0 };
    this.#series.set(key, series);
    return series;
  }
}
