/** The registry: who is there, who is let in, and who has to go. */
import { describe, expect, test } from 'vitest';
import { type Registered, Registry } from '../../src/supervisor/registry.ts';

const { POSITIVE_INFINITY } = Number;

class Guest implements Registered {
  readonly id: string;
  readonly principal: string | undefined;
  used = false;
  evicted = 0;
  readonly #registry: Registry<Guest>;

  constructor(registry: Registry<Guest>, id: string, principal?: string) {
    this.id = id;
    this.principal = principal;
    this.#registry = registry;
  }

  evict(): void {
    this.evicted++;
    this.#registry.forget(this);
  }
}

function open(limits: Partial<ConstructorParameters<typeof Registry<Guest>>[0]> = {}) {
  const registry = new Registry<Guest>({
    maxSessions: POSITIVE_INFINITY,
    maxSessionsPerPrincipal: POSITIVE_INFINITY,
    whenFull: 'evict-idle',
    ...limits,
  });
  const enter = (id: string, principal?: string) => {
    const guest = new Guest(registry, id, principal);
    registry.add(guest);
    return guest;
  };
  return { registry, enter };
}

describe('a registry', () => {
  test('finds what was added, by its id, until it is forgotten', () => {
    const { registry, enter } = open();
    const a = enter('a');
    expect(registry.get('a')).toBe(a);
    expect(registry.size).toBe(1);
    expect(registry.forget(a)).toBe(true);
    expect(registry.get('a')).toBeUndefined();
    expect(registry.size).toBe(0);
  });

  test('forgets once', () => {
    const { registry, enter } = open({ maxSessionsPerPrincipal: 1 });
    const a = enter('a', 'p');
    const b = enter('b', 'p');
    expect([registry.forget(a), registry.forget(a)]).toEqual([true, false]);
    expect(registry.admit('p')).toBe('principalFull');
    expect(registry.get('b')).toBe(b);
  });

  test('does not forget another session that has the same id now', () => {
    const { registry, enter } = open();
    const first = enter('a');
    registry.forget(first);
    const second = enter('a');
    expect(registry.forget(first)).toBe(false);
    expect(registry.get('a')).toBe(second);
  });

  test('lists the oldest first, and may change meanwhile', () => {
    const { registry, enter } = open();
    const [a, b, c] = [enter('a'), enter('b'), enter('c')];
    expect([...registry]).toEqual([a, b, c]);
    const seen: string[] = [];
    for (const guest of registry) {
      seen.push(guest.id);
      registry.forget(guest);
      if (guest === a) registry.forget(c);
    }
    expect(seen).toEqual(['a', 'b']);
    expect(registry.size).toBe(0);
  });

  test('does not mind marks on a session that it has forgotten', () => {
    const { registry, enter } = open({ maxSessions: 1 });
    const a = enter('a');
    registry.forget(a);
    registry.markIdle(a);
    registry.markBusy(a);
    enter('b');
    expect(registry.admit(undefined)).toBe('full');
    expect(a.evicted).toBe(0);
  });
});

describe('admission', () => {
  test('has room below the cap, and none at it', () => {
    const { registry, enter } = open({ maxSessions: 2 });
    expect(registry.admit('p')).toBeUndefined();
    enter('a', 'p');
    expect(registry.admit('p')).toBeUndefined();
    enter('b', 'p');
    expect(registry.admit('p')).toBe('full');
  });

  test('evicts the longest idle session, and it is gone at once', () => {
    const { registry, enter } = open({ maxSessions: 2 });
    const [a, b] = [enter('a'), enter('b')];
    for (const guest of [b, a]) guest.used = true;
    for (const guest of [b, a]) registry.markIdle(guest);
    expect(registry.admit(undefined)).toBeUndefined();
    expect([a.evicted, b.evicted]).toEqual([0, 1]);
    expect([...registry]).toEqual([a]);
  });

  test('evicts first one that sent no request after its initialize', () => {
    const { registry, enter } = open({ maxSessions: 2 });
    const [a, b] = [enter('a'), enter('b')];
    a.used = true;
    for (const guest of [a, b]) registry.markIdle(guest);
    registry.admit(undefined);
    expect([a.evicted, b.evicted]).toEqual([0, 1]);
  });

  test('sees whether a session is used when it becomes idle', () => {
    const { registry, enter } = open({ maxSessions: 2 });
    const [a, b] = [enter('a'), enter('b')];
    for (const guest of [a, b]) registry.markIdle(guest);
    registry.markBusy(a);
    a.used = true;
    registry.markIdle(a);
    registry.admit(undefined);
    expect([a.evicted, b.evicted]).toEqual([0, 1]);
  });

  test('evicts of the principal that holds the most', () => {
    const { registry, enter } = open({ maxSessions: 3 });
    const guests = [enter('a', 'p'), enter('b', 'q'), enter('c', 'q')];
    for (const guest of guests) registry.markIdle(guest);
    registry.admit('r');
    expect(guests.map(({ evicted }) => evicted)).toEqual([0, 1, 0]);
  });

  test('evicts nobody who is busy', () => {
    const { registry, enter } = open({ maxSessions: 1 });
    const a = enter('a');
    registry.markIdle(a);
    registry.markBusy(a);
    expect(registry.admit(undefined)).toBe('full');
    expect(a.evicted).toBe(0);
  });

  test("with 'reject' evicts nobody at all", () => {
    const { registry, enter } = open({ maxSessions: 1, whenFull: 'reject' });
    const a = enter('a');
    registry.markIdle(a);
    expect(registry.admit(undefined)).toBe('full');
    expect(a.evicted).toBe(0);
  });

  test('has a cap for each principal; nobody known is one of them', () => {
    const { registry, enter } = open({ maxSessionsPerPrincipal: 1 });
    const a = enter('a', 'p');
    enter('b');
    expect(['p', 'q', undefined].map((name) => registry.admit(name))).toEqual([
      'principalFull',
      undefined,
      'principalFull',
    ]);
    registry.forget(a);
    expect(registry.admit('p')).toBeUndefined();
  });

  test('a principal at its cap makes nobody go', () => {
    const { registry, enter } = open({ maxSessions: 2, maxSessionsPerPrincipal: 1 });
    const guests = [enter('a', 'p'), enter('b', 'q')];
    for (const guest of guests) registry.markIdle(guest);
    expect(registry.admit('p')).toBe('principalFull');
    expect(guests.map(({ evicted }) => evicted)).toEqual([0, 0]);
  });
});
