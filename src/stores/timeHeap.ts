/**
 * Sessions by a time, the earliest first and those of one time by id: a binary heap. Each item remembers where it stands
 * in it, so that one in the middle can leave. An item takes 16 bytes, because there may be a million.
 */

/** What stands in a heap; it keeps its place, -1 outside, where the heap's `place` says. */
export interface Placed {
  readonly id: string;
}

export class TimeHeap<T extends Placed> {
  readonly #place: { get(item: T): number; set(item: T, at: number): void };
  readonly #items: T[] = [];
  /** By themselves, because V8 keeps an array of numbers without a box around each. */
  readonly #times: number[] = [];

  constructor(place: { get(item: T): number; set(item: T, at: number): void }) {
    this.#place = place;
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  /** Puts an item in, or where it belongs by another time; `Infinity` takes it out. */
  set(item: T, time: number): void {
    const at = this.#place.get(item);
    if (time === Number.POSITIVE_INFINITY) return this.delete(item);
    if (at < 0) {
      this.#items.push(item);
      this.#times.push(time);
      this.#rise(this.#items.length - 1, item, time);
    } else {
      this.#settle(at, item, time);
    }
  }

  delete(item: T): void {
    const at = this.#place.get(item);
    if (at < 0) return;
    this.#place.set(item, -1);
    const last = this.#items.pop() as T;
    const time = this.#times.pop() as number;
    if (last !== item) this.#settle(at, last, time);
  }

  clear(): void {
    this.#items.length = 0;
    this.#times.length = 0;
  }

  /** The first items in order, without those up to `after`, as long as their time is at `by` or before. */
  *upTo(by: number, after?: { readonly time: number; readonly id: string }): Generator<{ item: T; time: number }> {
    // Places whose parents were given, in a heap of their own, which is small.
    const open = new TimeHeap<{ id: string; at: number; place: number }>(BY_PLACE);
    const push = (at: number) => {
      const time = this.#times[at];
      if (time !== undefined && time <= by) open.set({ id: (this.#items[at] as T).id, at, place: -1 }, time);
    };
    push(0);
    for (let next = open.first; next !== undefined; next = open.first) {
      open.delete(next);
      const time = this.#times[next.at] as number;
      push(2 * next.at + 1);
      push(2 * next.at + 2);
      if (after === undefined || isBefore(after.time, after.id, time, next.id)) {
        yield { item: this.#items[next.at] as T, time };
      }
    }
  }

  #settle(at: number, item: T, time: number): void {
    this.#sink(this.#rise(at, item, time), item, time);
  }

  #rise(from: number, item: T, time: number): number {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#goesBefore(item, time, parent)) break;
      this.#put(at, this.#items[parent] as T, this.#times[parent] as number);
      at = parent;
    }
    this.#put(at, item, time);
    return at;
  }

  #sink(from: number, item: T, time: number): void {
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#items.length) break;
      const right = child + 1;
      if (
        right < this.#items.length &&
        this.#goesBefore(this.#items[right] as T, this.#times[right] as number, child)
      ) {
        child = right;
      }
      if (this.#goesBefore(item, time, child)) break;
      this.#put(at, this.#items[child] as T, this.#times[child] as number);
      at = child;
    }
    this.#put(at, item, time);
  }

  #goesBefore(item: T, time: number, other: number): boolean {
    return isBefore(time, item.id, this.#times[other] as number, (this.#items[other] as T).id);
  }

  #put(at: number, item: T, time: number): void {
    this.#items[at] = item;
    this.#times[at] = time;
    this.#place.set(item, at);
  }
}

const BY_PLACE = {
  get: (item: { place: number }) => item.place,
  set: (item: { place: number }, at: number) => {
    item.place = at;
  },
};

function isBefore(time: number, id: string, otherTime: number, otherId: string): boolean {
  return time === otherTime ? id < otherId : time < otherTime;
}
