/** The time of a simulated cluster: what happens when, wherever it happens. It passes when it is told to. */

/** Something that is to happen. */
export interface Due {
  readonly at: number;
  readonly order: number;
  /** Undefined once it has happened, or is not to happen any more. */
  run: (() => void) | undefined;
}

export class WorldTime {
  /** In ms since the world began. */
  now = 0;
  /** What those go by who share it: of nobody's own. */
  readonly clock = { now: () => this.now };
  #count = 0;
  /** A heap: what is due first stands first. */
  readonly #heap: Due[] = [];

  /** Has it happen after so many ms. Of what is due at the same time, what was asked for first comes first. */
  after(ms: number, run: () => void): Due {
    const due: Due = { at: this.now + Math.max(0, ms), order: ++this.#count, run };
    this.#push(due);
    return due;
  }

  cancel(due: Due): void {
    due.run = undefined;
  }

  /** Goes on to the next thing that is due until then, and has it happen; false where there is none, and it is then. */
  step(until: number): boolean {
    for (let next = this.#heap[0]; next !== undefined && next.at <= until; next = this.#heap[0]) {
      this.#shift();
      const { run } = next;
      if (run === undefined) continue;
      next.run = undefined;
      this.now = Math.max(this.now, next.at);
      run();
      return true;
    }
    this.now = Math.max(this.now, until);
    return false;
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let at = heap.push(due) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent] as Due, due)) break;
      heap[at] = heap[parent] as Due;
      at = parent;
    }
    heap[at] = due;
  }

  #shift(): void {
    const heap = this.#heap;
    const last = heap.pop() as Due;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Due, heap[child] as Due)) child++;
      if (isBefore(last, heap[child] as Due)) break;
      heap[at] = heap[child] as Due;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(one: Due, other: Due): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
