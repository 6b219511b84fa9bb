/** Which sessions there are, and whether there is room for one more. Admission is a value, not an exception. */
import type { RefusalName } from '../errors.ts';
import type { ResolvedOptions } from '../options.ts';
import { EvictionQueue, type Seat } from './evictionQueue.ts';

/** What the registry knows of a session. */
export interface Registered {
  readonly id: string;
  readonly principal: string | undefined;
  /** It has sent a request after its initialize. */
  readonly used: boolean;
  /** Ends the session to make room; it leaves the registry before this returns. */
  evict(): void;
}

type Limits = Pick<ResolvedOptions, 'maxSessions' | 'maxSessionsPerPrincipal' | 'whenFull'>;

export class Registry<T extends Registered> {
  readonly #limits: Limits;
  readonly #seats = new Map<string, Seat<T>>();
  readonly #queue = new EvictionQueue<T>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#seats.size;
  }

  get(id: string): T | undefined {
    return this.#seats.get(id)?.holder;
  }

  *[Symbol.iterator](): Generator<T, void> {
    for (const { holder } of this.#seats.values()) yield holder;
  }

  /** Makes room for a session of this principal. Returns why there is none. */
  admit(principal: string | undefined): RefusalName | undefined {
    return this.isFullFor(principal) ? 'principalFull' : this.makeRoom();
  }

  countOf(principal: string | undefined): number {
    return this.#queue.count(principal);
  }

  /** This principal has all that it may have. */
  isFullFor(principal: string | undefined): boolean {
    return this.#queue.count(principal) >= this.#limits.maxSessionsPerPrincipal;
  }

  /** There is no room for one more, and none can be made. */
  get isFull(): boolean {
    return this.#seats.size >= this.#limits.maxSessions && this.#evictable === undefined;
  }

  /** Makes room for one that counts already. Returns why there is none. */
  makeRoom(): RefusalName | undefined {
    if (this.isFull) return 'full';
    if (this.#seats.size >= this.#limits.maxSessions) this.#evictable?.evict();
    return undefined;
  }

  get #evictable(): T | undefined {
    return this.#limits.whenFull === 'evict-idle' ? this.#queue.next() : undefined;
  }

  add(session: T): void {
    this.#seats.set(session.id, this.#queue.enter(session, session.principal));
  }

  /** Forgets a session. Returns false when it was forgotten before. */
  forget(session: T): boolean {
    const seat = this.#seats.get(session.id);
    if (seat?.holder !== session) return false;
    this.#seats.delete(session.id);
    this.#queue.leave(seat);
    return true;
  }

  markIdle(session: T): void {
    const seat = this.#seats.get(session.id);
    if (seat !== undefined) this.#queue.idle(seat, !session.used);
  }

  markBusy(session: T): void {
    const seat = this.#seats.get(session.id);
    if (seat !== undefined) this.#queue.busy(seat);
  }
}
