/**
 * How late the event loop has been lately. A beat that comes late says by how much: whoever asks is answered by the same
 * loop, so only what was, and how long it took, tells whether the process is worth keeping.
 */

/** Between two beats, and how far back one looks, in ms. */
const BEAT = 500;
const WINDOW = 10_000;

interface Late {
  readonly at: number;
  readonly by: number;
}

export class LoopLag {
  readonly #now: () => number;
  readonly #beats: NodeJS.Timeout;
  #due: number;
  /** The latest last; none is both older and less than one behind it. */
  #late: Late[] = [];

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#due = now() + BEAT;
    this.#beats = setInterval(() => this.beat(), BEAT);
    this.#beats.unref();
  }

  /** The most by which it was late within the last 10 s, in ms; a beat that is overdue right now counts. */
  get worst(): number {
    const now = this.#now();
    this.#forget(now);
    return Math.max(this.#late[0]?.by ?? 0, now - this.#due, 0);
  }

  close(): void {
    clearInterval(this.#beats);
  }

  /** The loop has come round. */
  beat(): void {
    const at = this.#now();
    const by = at - this.#due;
    this.#due = at + BEAT;
    this.#forget(at);
    while ((this.#late.at(-1)?.by ?? Number.POSITIVE_INFINITY) <= by) this.#late.pop();
    this.#late.push({ at, by });
  }

  #forget(now: number): void {
    while (this.#late[0] !== undefined && now - this.#late[0].at > WINDOW) this.#late.shift();
  }
}
