/** Who goes first: by examples, and against a model that looks at everybody. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EvictionQueue, type Seat } from '../../src/supervisor/evictionQueue.ts';

/** A queue whose holders are names. */
class Seats {
  readonly queue = new EvictionQueue<string>();
  readonly #seats = new Map<string, Seat<string>>();

  /** Seats sessions of a principal: `a1`, `a2` for `a`. */
  enter(...holders: string[]): this {
    for (const holder of holders) this.#seats.set(holder, this.queue.enter(holder, holder[0]));
    return this;
  }

  /** These become idle, one after the other, after they sent requests. */
  idle(...holders: string[]): this {
    for (const holder of holders) this.queue.idle(this.#seat(holder), false);
    return this;
  }

  /** These become idle, and never sent a request after their initialize. */
  unused(...holders: string[]): this {
    for (const holder of holders) this.queue.idle(this.#seat(holder), true);
    return this;
  }

  busy(...holders: string[]): this {
    for (const holder of holders) this.queue.busy(this.#seat(holder));
    return this;
  }

  leave(...holders: string[]): this {
    for (const holder of holders) this.queue.leave(this.#seat(holder));
    return this;
  }

  /** Everybody who can go, in the order in which they go. */
  goes(): string[] {
    const gone: string[] = [];
    for (let next = this.queue.next(); next !== undefined; next = this.queue.next()) {
      this.leave(next);
      gone.push(next);
    }
    return gone;
  }

  #seat(holder: string): Seat<string> {
    const seat = this.#seats.get(holder);
    if (seat === undefined) throw new Error(`${holder} has no seat`);
    return seat;
  }
}

describe('next', () => {
  test('is nobody when there is nobody, or nobody is idle', () => {
    const seats = new Seats();
    expect(seats.queue.next()).toBeUndefined();
    seats.enter('a1', 'b1');
    expect(seats.queue.next()).toBeUndefined();
    seats.idle('a1').busy('a1');
    expect(seats.queue.next()).toBeUndefined();
  });

  test('changes nothing', () => {
    const seats = new Seats().enter('a1', 'a2').idle('a1', 'a2');
    expect([seats.queue.next(), seats.queue.next()]).toEqual(['a1', 'a1']);
    expect(seats.queue.count('a')).toBe(2);
  });

  test('is the longest idle', () => {
    expect(new Seats().enter('a1', 'a2', 'a3').idle('a2', 'a3', 'a1').goes()).toEqual(['a2', 'a3', 'a1']);
  });

  test('counts the idle time anew after every call', () => {
    const seats = new Seats().enter('a1', 'a2', 'a3').idle('a1', 'a2', 'a3').busy('a1').idle('a1');
    expect(seats.goes()).toEqual(['a2', 'a3', 'a1']);
  });

  test('passes over the busy ones', () => {
    const seats = new Seats().enter('a1', 'a2', 'a3').idle('a1', 'a2', 'a3').busy('a1', 'a3');
    expect(seats.goes()).toEqual(['a2']);
  });

  test('is first one that never sent a request, however short it is idle', () => {
    const seats = new Seats().enter('a1', 'a2', 'a3', 'a4').idle('a1').unused('a2').idle('a3').unused('a4');
    expect(seats.goes()).toEqual(['a2', 'a4', 'a1', 'a3']);
  });

  test('is of the principal that holds the most, its busy ones included', () => {
    const seats = new Seats().enter('a1', 'b1', 'b2', 'b3').idle('a1', 'b1').busy('b2');
    expect(seats.queue.next()).toBe('b1');
  });

  test('is of the principal that holds the most, even if another one has unused sessions', () => {
    const seats = new Seats().enter('a1', 'b1', 'b2').unused('a1').idle('b1', 'b2');
    expect(seats.goes()).toEqual(['b1', 'a1', 'b2']);
  });

  test('is of another principal when all of the largest one are busy', () => {
    const seats = new Seats().enter('a1', 'b1', 'b2', 'b3').idle('a1');
    expect(seats.goes()).toEqual(['a1']);
  });

  test('among principals that hold as many, is the unused one, then the longest idle', () => {
    expect(new Seats().enter('a1', 'b1', 'c1').idle('a1', 'b1').unused('c1').goes()).toEqual(['c1', 'a1', 'b1']);
  });

  test('evens the principals out: a flood of one goes before anyone else does', () => {
    const seats = new Seats().enter('a1', 'b1', 'b2', 'b3', 'b4').idle('a1', 'b1', 'b2', 'b3', 'b4');
    expect(seats.goes().slice(0, 3)).toEqual(['b1', 'b2', 'b3']);
  });

  test('nobody known is a principal, too', () => {
    const queue = new EvictionQueue<string>();
    const seats = ['1', '2'].map((holder) => queue.enter(holder, undefined));
    for (const seat of seats) queue.idle(seat, false);
    queue.idle(queue.enter('3', 'undefined'), false);
    expect(queue.count(undefined)).toBe(2);
    expect(queue.count('undefined')).toBe(1);
    expect(queue.next()).toBe('1');
  });

  test('is not one that has just said again that it is idle', () => {
    const seats = new Seats().enter('a1', 'a2', 'b1', 'b2').idle('a1', 'b1', 'a2', 'b2');
    expect(seats.queue.next()).toBe('a1');
    seats.idle('a1');
    expect(seats.queue.next()).toBe('b1');
  });
});

describe('count', () => {
  test('is of the principal, idle or busy, and forgets who left', () => {
    const seats = new Seats().enter('a1', 'a2', 'b1').idle('a1');
    expect(['a', 'b', 'c'].map((name) => seats.queue.count(name))).toEqual([2, 1, 0]);
    seats.leave('a1', 'b1');
    expect(['a', 'b', 'c'].map((name) => seats.queue.count(name))).toEqual([1, 0, 0]);
    seats.enter('b2').idle('b2');
    expect(seats.queue.count('b')).toBe(1);
    expect(seats.queue.next()).toBe('b2');
  });
});

/** The same by looking at everybody: the words of the design, in the plainest code. */
class Model {
  readonly sessions: { id: number; principal: string; idleSince: number | undefined; unused: boolean }[] = [];
  #now = 0;

  idle(id: number, unused: boolean): void {
    Object.assign(this.#find(id), { idleSince: this.#now++, unused });
  }

  busy(id: number): void {
    this.#find(id).idleSince = undefined;
  }

  leave(id: number): void {
    this.sessions.splice(this.sessions.indexOf(this.#find(id)), 1);
  }

  count(principal: string): number {
    return this.sessions.filter((session) => session.principal === principal).length;
  }

  next(): number | undefined {
    const idle = this.sessions.filter(({ idleSince }) => idleSince !== undefined);
    const most = Math.max(...idle.map(({ principal }) => this.count(principal)));
    const ofTheLargest = idle.filter(({ principal }) => this.count(principal) === most);
    const unused = ofTheLargest.filter((session) => session.unused);
    const candidates = unused.length > 0 ? unused : ofTheLargest;
    return candidates.sort((a, b) => (a.idleSince ?? 0) - (b.idleSince ?? 0))[0]?.id;
  }

  #find(id: number) {
    const found = this.sessions.find((session) => session.id === id);
    if (found === undefined) throw new Error(`There is no session ${id}`);
    return found;
  }
}

const PRINCIPALS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

type Step =
  | { readonly do: 'enter'; readonly principal: string }
  /** `which` picks one of the sessions that there are then. */
  | { readonly do: 'idle'; readonly which: number; readonly unused: boolean }
  | { readonly do: 'busy'; readonly which: number }
  | { readonly do: 'leave'; readonly which: number }
  | { readonly do: 'evict' };

const which = fc.nat({ max: 1_000 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('enter' as const), principal: fc.constantFrom(...PRINCIPALS) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('idle' as const), which, unused: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('busy' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), which }) },
  { weight: 1, arbitrary: fc.constant({ do: 'evict' as const }) },
);

test('does as the model does, whatever happens in whatever order', () => {
  let steps = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 80, size: 'max' }), (story) => {
      const model = new Model();
      const queue = new EvictionQueue<number>();
      const seats = new Map<number, Seat<number>>();
      let lastId = 0;
      const leave = (id: number) => {
        model.leave(id);
        queue.leave(seats.get(id) as Seat<number>);
      };
      for (const event of story) {
        steps++;
        if (event.do === 'enter') {
          const id = ++lastId;
          model.sessions.push({ id, principal: event.principal, idleSince: undefined, unused: false });
          seats.set(id, queue.enter(id, event.principal));
        } else if (event.do === 'evict') {
          const id = model.next();
          if (id !== undefined) leave(id);
        } else {
          const id = model.sessions[event.which % model.sessions.length]?.id;
          if (id === undefined) continue;
          const seat = seats.get(id) as Seat<number>;
          if (event.do === 'leave') leave(id);
          else if (event.do === 'busy') {
            model.busy(id);
            queue.busy(seat);
          } else {
            model.idle(id, event.unused);
            queue.idle(seat, event.unused);
          }
        }
        expect(queue.next()).toBe(model.next());
      }
      for (const principal of PRINCIPALS) expect(queue.count(principal)).toBe(model.count(principal));
      // What is left goes in the model's order, down to the last.
      for (let id = model.next(); id !== undefined; id = model.next()) {
        expect(queue.next()).toBe(id);
        leave(id);
      }
      expect(queue.next()).toBeUndefined();
    }),
    { numRuns: 2_000, interruptAfterTimeLimit: 5_000 }, // a slow machine makes fewer runs, not a failure
  );
  expect(steps).toBeGreaterThan(5_000);
});

test('costs the same at 50 000 principals as at 100', () => {
  const perOperation = (principals: number): number => {
    const queue = new EvictionQueue<number>();
    const seats = Array.from({ length: principals }, (_, n) => queue.enter(n, `p${n}`));
    for (const seat of seats) queue.idle(seat, false);
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 20; round++) {
      const before = performance.now();
      for (let n = 0; n < 1_000; n++) {
        const seat = seats[(n * 7_919) % principals] as Seat<number>;
        queue.busy(seat);
        queue.idle(seat, n % 2 === 0);
        queue.next();
      }
      best = Math.min(best, performance.now() - before);
    }
    return best;
  };
  perOperation(100); // warm
  // The logarithm is 2.4 times as large, and the caches are what they are; a scan would be 500 times as long.
  expect(perOperation(50_000) / perOperation(100)).toBeLessThan(100);
});
