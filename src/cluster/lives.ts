/**
 * Which lives of nodes go on, as the directory says: remembered for a moment, and asked once for all who want to know the
 * same. That a life is over is remembered for longer, since it never comes again. Rejects where the directory says nothing.
 */
import type { TimerClock } from '../clock.ts';
import type { Directory, NodeLife } from '../stores/directory.ts';
import { inTime } from './inTime.ts';

/** How long the directory's word is good for routing, in ms. A wrong one is corrected by who is asked then. */
const REMEMBERED = 1_000;

/** How long the directory may take, in ms. */
const ANSWER_WITHIN = 2_000;

/** How many answers are remembered, and how many lives that are over. */
const MAX_REMEMBERED = 2_000;
const MAX_GONE = 10_000;

interface Remembered {
  readonly until: number;
  readonly answer: Promise<NodeLife | undefined>;
}

export class Lives {
  readonly #directory: Directory;
  readonly #timers: TimerClock;
  readonly #now: () => number;
  /** By what was asked; the oldest first. */
  readonly #answers = new Map<string, Remembered>();
  readonly #asking = new Map<string, Promise<NodeLife | undefined>>();
  readonly #gone = new Set<string>();
  /** Whose turn it is among others. */
  #turn = 0;
  #all: { readonly until: number; readonly answer: Promise<readonly NodeLife[]> } | undefined;

  constructor(directory: Directory, timers: TimerClock, now: () => number) {
    this.#directory = directory;
    this.#timers = timers;
    this.#now = now;
  }

  /** The life that goes on under a name; as it was a moment ago. */
  named(node: string): Promise<NodeLife | undefined> {
    return this.#remembered(`named ${node}`, () => {
      try {
        return inTime(this.#timers, ANSWER_WITHIN, this.#directory.named(node));
      } catch (error) {
        return Promise.reject(error); // a directory of somebody's own may throw where it is to reject
      }
    });
  }

  /** A life, if it goes on; as it was a moment ago. */
  find(id: string): Promise<NodeLife | undefined> {
    if (this.#gone.has(id)) return Promise.resolve(undefined);
    return this.#remembered(`life ${id}`, () => this.ask(id));
  }

  /** A life, if it goes on now. */
  async ask(id: string): Promise<NodeLife | undefined> {
    if (this.#gone.has(id)) return undefined;
    const asking = this.#asking.get(id) ?? this.#ask(id);
    return asking;
  }

  /** Some life among those that go on, other than these; another one each time. */
  async other(than: ReadonlySet<string>): Promise<NodeLife | undefined> {
    if (this.#all === undefined || this.#all.until <= this.#now()) {
      const answer = inTime(this.#timers, ANSWER_WITHIN, this.#directory.lives());
      this.#all = { until: this.#now() + REMEMBERED, answer };
      answer.catch(() => {
        this.#all = undefined;
      });
    }
    const others = (await this.#all.answer).filter(({ id }) => !than.has(id) && !this.#gone.has(id));
    return others[this.#turn++ % others.length];
  }

  /** It was wrong. */
  forget(life: NodeLife): void {
    this.#answers.delete(`named ${life.node}`);
    this.#answers.delete(`life ${life.id}`);
    this.#all = undefined;
  }

  #ask(id: string): Promise<NodeLife | undefined> {
    const asking = inTime(this.#timers, ANSWER_WITHIN, this.#directory.find(id))
      .then((life) => {
        if (life === undefined) this.#isGone(id);
        return life;
      })
      .finally(() => this.#asking.delete(id));
    this.#asking.set(id, asking);
    return asking;
  }

  #isGone(id: string): void {
    this.#gone.add(id);
    const [oldest] = this.#gone;
    if (this.#gone.size > MAX_GONE && oldest !== undefined) this.#gone.delete(oldest);
  }

  #remembered(key: string, ask: () => Promise<NodeLife | undefined>): Promise<NodeLife | undefined> {
    const known = this.#answers.get(key);
    if (known !== undefined && known.until > this.#now()) return known.answer;
    const answer = ask();
    this.#answers.delete(key);
    this.#answers.set(key, { until: this.#now() + REMEMBERED, answer });
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > MAX_REMEMBERED && oldest !== undefined) this.#answers.delete(oldest);
    answer.catch(() => {
      if (this.#answers.get(key)?.answer === answer) this.#answers.delete(key);
    });
    return answer;
  }
}
