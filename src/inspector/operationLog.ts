/**
 * What ran in each session: the last requests in either direction, with their method, the name of their tool or prompt, how
 * long they took and how they ended. Never what they were given. It is kept whether somebody looks or not, because a black box
 * is opened when all is over; so a request costs it no more than a few writes, and texts are made fit to be shown when they are.
 */
import { cut } from '../door/shownText.ts';
import type { Operation, OperationEnd, OperationObserver, OperationOutcome, SessionSupervisor } from '../index.ts';
import { known, METHODS } from '../telemetry/methods.ts';
import { targetOf } from '../telemetry/operationLabels.ts';
import type { OperationLine } from './protocol.ts';

/** Kept of one session. */
const MOST_OF_ONE = 32;

/** Kept of all sessions that have not ended. Beyond it a session in which nothing began lately loses all of its own. */
const MOST_IN_ALL = 65_536;

/** A longer name is cut before it is kept. */
const LONGEST_NAME = 100;

/** What ran in one session. */
export interface Ran {
  readonly operations: readonly OperationLine[];
  readonly operationsBefore: number;
}

export class OperationLog {
  readonly #now: () => number;
  readonly #most: number;
  readonly #off: () => void;
  readonly #sessions = new Map<string, SessionLog>();
  /** Lines of all sessions. */
  #kept = 0;

  constructor(supervisor: Pick<SessionSupervisor, 'observe'>, now: () => number, most = MOST_IN_ALL) {
    this.#now = now;
    this.#most = most;
    this.#off = supervisor.observe({ operation: (operation) => this.#begin(operation) });
  }

  close(): void {
    this.#off();
  }

  /** What ran in a session that has not ended. */
  of(sessionId: string): Ran {
    return this.#sessions.get(sessionId)?.ran() ?? NOTHING;
  }

  /** A session has ended: what ran in it is from now on with whoever asks for this, as it is by then. */
  take(sessionId: string): () => Ran {
    const log = this.#sessions.get(sessionId);
    if (log === undefined) return () => NOTHING;
    this.#drop(sessionId, log);
    return () => log.ran();
  }

  #begin(operation: Operation): OperationObserver | undefined {
    const { sessionId, id } = operation;
    if (sessionId === undefined || id === undefined) return undefined; // nothing of a notification takes long
    let log = this.#sessions.get(sessionId);
    if (log === undefined) {
      log = new SessionLog();
      this.#sessions.set(sessionId, log);
    }
    const line = new Line(this.#now(), operation);
    if (log.add(line) && ++this.#kept > this.#most) this.#makeRoom();
    return line;
  }

  /** Drops the session whose turn it is, unless something began there since it was its turn. */
  #makeRoom(): void {
    for (const [sessionId, log] of this.#sessions) {
      if (!log.isFresh) return this.#drop(sessionId, log);
      log.isFresh = false;
      this.#sessions.delete(sessionId);
      this.#sessions.set(sessionId, log);
    }
  }

  #drop(sessionId: string, log: SessionLog): void {
    this.#sessions.delete(sessionId);
    this.#kept -= log.size;
  }
}

const NOTHING: Ran = { operations: [], operationsBefore: 0 };

class SessionLog {
  /** Something began in it since this was last asked. */
  isFresh = true;
  /** A ring. */
  readonly #lines: Line[] = [];
  #count = 0;

  get size(): number {
    return this.#lines.length;
  }

  /** Returns whether there is one more than before. */
  add(line: Line): boolean {
    this.isFresh = true;
    this.#lines[this.#count++ % MOST_OF_ONE] = line;
    return this.#count <= MOST_OF_ONE;
  }

  ran(): Ran {
    const { length } = this.#lines;
    const operations = Array.from({ length }, (_, n) =>
      (this.#lines[(this.#count - length + n) % MOST_OF_ONE] as Line).shown(),
    );
    return { operations, operationsBefore: this.#count - length };
  }
}

/** One request, which is told when it is over. */
class Line implements OperationObserver {
  readonly #at: number;
  readonly #side: Operation['side'];
  readonly #method: string;
  readonly #target: string | undefined;
  #duration: number | null = null;
  #outcome: OperationOutcome | null = null;

  constructor(at: number, operation: Operation) {
    const name = targetOf(operation)?.name;
    this.#at = at;
    this.#side = operation.side;
    this.#method = known(METHODS, operation.method);
    this.#target = name !== undefined && name.length > LONGEST_NAME ? cut(name, LONGEST_NAME) : name;
  }

  end({ duration, outcome }: OperationEnd): void {
    this.#duration = duration;
    this.#outcome = outcome;
  }

  shown(): OperationLine {
    const duration = this.#duration === null ? null : Math.round(this.#duration * 10) / 10;
    const target = this.#target === undefined ? {} : { target: cut(this.#target, LONGEST_NAME) };
    return { at: this.#at, side: this.#side, method: this.#method, ...target, duration, outcome: this.#outcome };
  }
}
