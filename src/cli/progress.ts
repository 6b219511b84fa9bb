/** How far something is, told while it runs: a bar on a terminal, elsewhere a line now and then. */
import type { LineSink } from './journal.ts';
import { plural } from './wording.ts';

/** How many characters the bar has. */
const WIDTH = 24;

/** How often a line is written where there is no terminal, in ms. */
const LINE_EVERY = 10_000;

export interface Progress {
  update(done: number, total: number, violations: number): void;
  /** Takes the bar away. */
  end(): void;
}

export function createProgress(sink: LineSink, now: () => number): Progress {
  return sink.isTTY === true ? new Bar(sink) : new Lines(sink, now);
}

function told(done: number, total: number, violations: number): string {
  return `${done} of ${plural(total, 'walk')}, ${plural(violations, 'violation')}`;
}

class Bar implements Progress {
  readonly #sink: LineSink;

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  update(done: number, total: number, violations: number): void {
    const filled = Math.round((done / total) * WIDTH);
    const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled);
    this.#sink.write(`\r\x1b[K${bar} ${told(done, total, violations)}`);
  }

  end(): void {
    this.#sink.write('\r\x1b[K');
  }
}

class Lines implements Progress {
  readonly #sink: LineSink;
  readonly #now: () => number;
  #last: number;

  constructor(sink: LineSink, now: () => number) {
    this.#sink = sink;
    this.#now = now;
    this.#last = now();
  }

  update(done: number, total: number, violations: number): void {
    if (this.#now() - this.#last < LINE_EVERY) return;
    this.#last = this.#now();
    this.#sink.write(`${told(done, total, violations)}\n`);
  }

  end(): void {}
}
