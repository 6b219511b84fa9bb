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

/** Sessions that are passed over, because something began in them, before one has to make room all the same. */
const MOST_CHANCES = 16;

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
  /** The same in a circle, so that whose turn it is can be found however many there are. */
  readonly #circle: SessionLog[] = [];
  #turn = 0;
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
    this.#drop(log);
    return () => log.ran();
  }

  #begin(operation: Operation): OperationObserver | undefined {
    const { sessionId, id } = operation;
    if (sessionId === undefined || id === undefined) return undefined; // nothing of a notification takes long
    const line = new Line(this.#now(), operation);
    const log = this.#sessions.get(sessionId);
    if (log === undefined) this.#open(sessionId, line);
    else if (!log.add(line)) return line;
    if (++this.#kept > this.#most) this.#makeRoom();
    return line;
  }

  #open(sessionId: string, first: Line): void {
    const place = this.#circle.length;
    const log = new SessionLog(sessionId, place, first);
    this.#sessions.set(sessionId, log);
    this.#circle.push(log);
  }

  /** Drops the session whose turn it is, unless something began there since it was its turn. */
  #makeRoom(): void {
    for (let chances = MOST_CHANCES; ; chances--) {
      const log = this.#circle[this.#turn++ % this.#circle.length] as SessionLog;
      if (!log.isFresh || chances === 0) return this.#drop(log);
      log.isFresh = false;
    }
  }

  #drop(log: SessionLog): void {
    this.#sessions.delete(log.sessionId);
    this.#kept -= log.size;
    const last = this.#circle.pop() as SessionLog;
    if (last === log) return;
    this.#circle[log.place] = last;
    last.place = log.place;
  }
}

const NOTHING: Ran = { operations: [], operationsBefore: 0 };

class SessionLog {
  readonly sessionId: string;
  /** Where it is in the circle. */
  place: number;
  /** Something began in it since this was last asked. */
  isFresh = true;
  /** A ring. */
  readonly #lines: Line[];
  #count = 1;

  constructor(sessionId: string, place: number, first: Line) {
    this.sessionId = sessionId;
    this.place = place;
    this.#lines = [first];
  }

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
  /** In tenths of ms, a small whole number: one with a fraction would be an object more. */
  #duration = 0;
  #outcome: OperationOutcome | null = null;

  constructor(at: number, operation: Operation) {
    const name = targetOf(operation)?.name;
    this.#at = at;
    this.#side = operation.side;
    this.#method = known(METHODS, operation.method);
    this.#target = name !== undefined && name.length > LONGEST_NAME ? cut(name, LONGEST_NAME) : name;
  }

  end({ duration, outcome }: OperationEnd): void {
    this.#duration = Math.round(duration * 10);
    this.#outcome = outcome;
  }

  shown(): OperationLine {
    const duration = this.#outcome === null ? null : this.#duration / 10;
    const target = this.#target === undefined ? {} : { target: cut(this.#target, LONGEST_NAME) };
    return { at: this.#at, side: this.#side, method: this.#method, ...target, duration, outcome: this.#outcome };
  }
}
