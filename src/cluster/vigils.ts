/**
 * Watches lives of other nodes for those who wait for their end: requests that are held because an owner can't be reached,
 * and requests that are with one. The directory is asked once for all of them, however many there are.
 */
import type { TimerClock } from '../clock.ts';
import type { Lives } from './lives.ts';

/** How often it is asked, in ms: while somebody is held, and while requests are merely there. */
const HELD_INTERVAL = 25;
const CALM_INTERVAL = 1_000;

export class Vigils {
  readonly #lives: Lives;
  readonly #timers: TimerClock;
  readonly #vigils = new Map<string, Vigil>();

  constructor(lives: Lives, timers: TimerClock) {
    this.#lives = lives;
    this.#timers = timers;
  }

  /** Calls the listener when the life is over. Returns what is to be called, once, when nobody wants to know any more. */
  watch(id: string, over: () => void): () => void {
    const vigil = this.#vigil(id);
    vigil.calm++;
    vigil.waiting.add(over);
    vigil.watch();
    return () => {
      vigil.calm--;
      vigil.waiting.delete(over);
      this.#judge(id, vigil);
    };
  }

  /** Resolves when the life is over, or after `ms`. */
  async wait(id: string, ms: number): Promise<void> {
    const vigil = this.#vigil(id);
    vigil.held++;
    vigil.watch();
    await new Promise<void>((resolve) => {
      const over = () => {
        this.#timers.clearTimeout(timer);
        vigil.waiting.delete(over);
        resolve();
      };
      const timer = this.#timers.setTimeout(over, ms);
      if (vigil.isOver) over();
      else vigil.waiting.add(over);
    });
    vigil.held--;
    this.#judge(id, vigil);
  }

  #vigil(id: string): Vigil {
    const known = this.#vigils.get(id);
    if (known !== undefined) return known;
    const vigil = new Vigil(id, this.#lives, this.#timers);
    this.#vigils.set(id, vigil);
    return vigil;
  }

  #judge(id: string, vigil: Vigil): void {
    if (vigil.calm > 0 || vigil.held > 0) return;
    vigil.end();
    if (this.#vigils.get(id) === vigil) this.#vigils.delete(id);
  }
}

class Vigil {
  calm = 0;
  held = 0;
  /** Called when it is over. */
  readonly waiting = new Set<() => void>();
  readonly #id: string;
  readonly #lives: Lives;
  readonly #timers: TimerClock;
  #timer: unknown;
  #interval = Number.POSITIVE_INFINITY;
  #asking = false;
  #ended = false;
  isOver = false;

  constructor(id: string, lives: Lives, timers: TimerClock) {
    this.#id = id;
    this.#lives = lives;
    this.#timers = timers;
  }

  /** Asks as often as those want it who are there. */
  watch(): void {
    const interval = this.held > 0 ? HELD_INTERVAL : CALM_INTERVAL;
    if (this.#asking || this.#ended || (this.#timer !== undefined && this.#interval <= interval)) return;
    this.#timers.clearTimeout(this.#timer);
    this.#interval = interval;
    this.#timer = this.#timers.setTimeout(() => void this.#ask(), interval);
    (this.#timer as Partial<NodeJS.Timeout> | undefined)?.unref?.();
  }

  end(): void {
    this.#ended = true;
    this.#timers.clearTimeout(this.#timer);
  }

  async #ask(): Promise<void> {
    this.#timer = undefined;
    this.#asking = true;
    try {
      if ((await this.#lives.ask(this.#id)) === undefined) {
        this.#ended = true;
        this.isOver = true;
        for (const over of [...this.waiting]) over();
      }
    } catch {
      // Nobody knows: it is asked again.
    } finally {
      this.#asking = false;
    }
    this.watch();
  }
}
