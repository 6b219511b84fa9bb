/**
 * Who goes first when room has to be made: the longest idle session of the principal that holds the most, and among
 * that principal's those first that sent no request after their initialize. Every operation costs at most the
 * logarithm of the number of principals: they stand in a heap, and each one's idle sessions in two linked lists.
 */

/** A session's place among its principal's. */
export interface Seat<T> {
  readonly holder: T;
  readonly principal: Principal<T>;
  /** Since when it is idle, as a running number; meaningful while it is in a list. */
  since: number;
  list: IdleList<T> | undefined;
  previous: Seat<T> | undefined;
  next: Seat<T> | undefined;
}

interface IdleList<T> {
  first: Seat<T> | undefined;
  last: Seat<T> | undefined;
}

interface Principal<T> {
  readonly name: string | undefined;
  /** Sessions, busy ones included. */
  count: number;
  /** Idle, and never asked for anything after its initialize. */
  readonly unused: IdleList<T>;
  readonly used: IdleList<T>;
  /** Its index in the heap; -1 while it has nothing idle. */
  position: number;
}

export class EvictionQueue<T> {
  readonly #principals = new Map<string | undefined, Principal<T>>();
  readonly #heap: Principal<T>[] = [];
  #clock = 0;

  /** How many sessions a principal has. */
  count(name: string | undefined): number {
    return this.#principals.get(name)?.count ?? 0;
  }

  /** Seats a session, busy at first. */
  enter(holder: T, name: string | undefined): Seat<T> {
    let principal = this.#principals.get(name);
    if (principal === undefined) {
      const unused = { first: undefined, last: undefined };
      const used = { first: undefined, last: undefined };
      principal = { name, count: 0, unused, used, position: -1 };
      this.#principals.set(name, principal);
    }
    principal.count++;
    this.#place(principal);
    return { holder, principal, since: 0, list: undefined, previous: undefined, next: undefined };
  }

  leave(seat: Seat<T>): void {
    const { principal } = seat;
    unlink(seat);
    principal.count--;
    if (principal.count === 0) this.#principals.delete(principal.name);
    this.#place(principal);
  }

  /** The session has nothing in flight; `unused` when it never sent a request after its initialize. */
  idle(seat: Seat<T>, unused: boolean): void {
    const wasFirst = seat.list?.first === seat;
    unlink(seat);
    seat.since = this.#clock++;
    const list = unused ? seat.principal.unused : seat.principal.used;
    append(list, seat);
    if (wasFirst || list.first === seat) this.#place(seat.principal);
  }

  busy(seat: Seat<T>): void {
    const wasFirst = seat.list?.first === seat;
    unlink(seat);
    if (wasFirst) this.#place(seat.principal);
  }

  /** Whom to end; undefined when nobody is idle. */
  next(): T | undefined {
    const principal = this.#heap[0];
    return principal === undefined ? undefined : oldest(principal)?.holder;
  }

  /** Puts a principal where it now belongs in the heap. */
  #place(principal: Principal<T>): void {
    const heap = this.#heap;
    if (oldest(principal) === undefined) {
      if (principal.position < 0) return;
      const last = heap.pop();
      const hole = principal.position;
      principal.position = -1;
      if (last === undefined || last === principal) return;
      heap[hole] = last;
      last.position = hole;
      this.#sift(last);
    } else {
      if (principal.position < 0) principal.position = heap.push(principal) - 1;
      this.#sift(principal);
    }
  }

  #sift(principal: Principal<T>): void {
    const heap = this.#heap;
    const swap = (a: Principal<T>, b: Principal<T>) => {
      [a.position, b.position] = [b.position, a.position];
      heap[a.position] = a;
      heap[b.position] = b;
    };
    for (;;) {
      const parent = heap[(principal.position - 1) >> 1] as Principal<T>;
      if (principal.position === 0 || !goesBefore(principal, parent)) break;
      swap(principal, parent);
    }
    for (;;) {
      const left = heap[2 * principal.position + 1];
      const right = heap[2 * principal.position + 2]; // none without a left one
      const child = right !== undefined && goesBefore(right, left as Principal<T>) ? right : left;
      if (child === undefined || !goesBefore(child, principal)) break;
      swap(child, principal);
    }
  }
}

function oldest<T>(principal: Principal<T>): Seat<T> | undefined {
  return principal.unused.first ?? principal.used.first;
}

function goesBefore<T>(a: Principal<T>, b: Principal<T>): boolean {
  if (a.count !== b.count) return a.count > b.count;
  const unusedA = a.unused.first !== undefined;
  if (unusedA !== (b.unused.first !== undefined)) return unusedA;
  return (oldest(a)?.since ?? 0) < (oldest(b)?.since ?? 0);
}

function append<T>(list: IdleList<T>, seat: Seat<T>): void {
  seat.list = list;
  seat.previous = list.last;
  if (list.last === undefined) list.first = seat;
  else list.last.next = seat;
  list.last = seat;
}

function unlink<T>(seat: Seat<T>): void {
  const { list, previous, next } = seat;
  if (list === undefined) return;
  if (previous === undefined) list.first = next;
  else previous.next = next;
  if (next === undefined) list.last = previous;
  else next.previous = previous;
  seat.list = undefined;
  seat.previous = undefined;
  seat.next = undefined;
}
