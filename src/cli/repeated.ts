/** What goes wrong again and again for one reason, such as too many open files: it is told, but not each time. */
import type { LogEntry, Logger } from '../index.ts';
import { formatDuration } from './wording.ts';

/** How long nothing more is told of a kind, in ms; the last one is told then, with the number of those before it. */
const QUIET_TIME = 10_000;

interface Kind {
  leftOut: number;
  last: LogEntry;
}

export class Repeated {
  readonly #log: Logger;
  readonly #kinds = new Map<string, Kind>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Tells of it; `kind`, of which there are few, says which others are like it. */
  tell(kind: string, entry: LogEntry): void {
    const known = this.#kinds.get(kind);
    if (known !== undefined) {
      known.leftOut++;
      known.last = entry;
      return;
    }
    this.#write(kind, entry);
  }

  #write(kind: string, entry: LogEntry): void {
    const told: Kind = { leftOut: 0, last: entry };
    this.#kinds.set(kind, told);
    this.#log(entry);
    // Nothing waits for it: a process that has nothing else to do may end.
    setTimeout(() => {
      this.#kinds.delete(kind);
      const { leftOut: count, last } = told;
      if (count === 0) return;
      const message = `${last.message} (${count} times within ${formatDuration(QUIET_TIME)})`;
      this.#write(kind, { ...last, message, count });
    }, QUIET_TIME).unref();
  }
}
