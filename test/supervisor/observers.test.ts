/** Those who observe can't change what they observe: what they throw is told, and a body runs once. */
import { describe, expect, test } from 'vitest';
import { type OperationObserver, SupervisorError } from '../../src/index.ts';
import { Observers } from '../../src/supervisor/observers.ts';
import { Outbox } from '../../src/supervisor/outbox.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';

const MESSAGE = { jsonrpc: '2.0' as const, id: 1, method: 'ping' };
const NOBODY = { id: undefined, protocolVersion: undefined };

function given() {
  const failures: unknown[] = [];
  const clock = new SimulatedClock();
  const observers = new Observers(new Outbox(), clock, (error) => failures.push(error));
  const begin = (...told: OperationObserver[]) => {
    for (const one of told) observers.add({ operation: () => one });
    return observers.begin('client', 'session', MESSAGE, NOBODY);
  };
  return { observers, failures, clock, begin };
}

test('nobody observes until somebody does, and when everybody has stopped', () => {
  const { observers } = given();
  expect(observers.any).toBe(false);
  const observer = {};
  const [first, second] = [observers.add(observer), observers.add(observer)];
  first();
  first();
  expect(observers.any).toBe(true);
  second();
  expect(observers.any).toBe(false);
});

test('nothing is begun of what nobody wants to be told of', () => {
  const { observers } = given();
  observers.add({ operation: () => undefined });
  expect(observers.begin('server', 'session', MESSAGE, NOBODY)).toBeUndefined();
});

test('an end is told once, with how long it took', () => {
  const { begin, clock } = given();
  const ends: unknown[] = [];
  const operation = begin({ end: (end) => ends.push(end) });
  clock.increment(30);
  operation?.end({ outcome: 'cancelled' });
  operation?.end({ outcome: 'answered' });
  expect(ends).toEqual([{ outcome: 'cancelled', duration: 30 }]);
});

test('what has begun is told of its end, also after the observing was ended', () => {
  const { observers } = given();
  const ends: unknown[] = [];
  const stop = observers.add({ operation: () => ({ end: (end) => ends.push(end) }) });
  const operation = observers.begin('server', 'session', MESSAGE, NOBODY);
  stop();
  operation?.end({ outcome: 'answered' });
  expect(ends).toHaveLength(1);
});

describe('a body', () => {
  const twice: OperationObserver = {
    run: (body) => {
      body();
      return body();
    },
  };
  const never: OperationObserver = { run: () => undefined as never };
  const throws: OperationObserver = {
    run: () => {
      throw new Error('observer');
    },
  };
  const throwsAfter: OperationObserver = {
    run: (body) => {
      body();
      throw new Error('observer');
    },
  };

  test.each<[string, OperationObserver[], number]>([
    ['called twice', [twice], 0],
    ['not called', [never], 0],
    ['an observer that throws before', [throws], 1],
    ['an observer that throws after', [throwsAfter], 1],
    ['several of them', [twice, never, throws, throwsAfter], 2],
  ])('runs once: %s', (_, told, failed) => {
    const { begin, failures } = given();
    let runs = 0;
    expect(begin(...told)?.run(() => ++runs)).toBe(1);
    expect(runs).toBe(1);
    expect(failures).toHaveLength(failed);
  });

  test.each([
    ['one that passes it on', { run: (body: () => unknown) => body() } as OperationObserver],
    [
      'one that swallows it',
      {
        run: (body: () => unknown) => {
          try {
            return body();
          } catch {
            return undefined;
          }
        },
      } as OperationObserver,
    ],
  ])('that throws is what is thrown: %s', (_, one) => {
    const { begin, failures } = given();
    const error = new Error('body');
    const operation = begin(one);
    expect(() =>
      operation?.run(() => {
        throw error;
      }),
    ).toThrow(error);
    expect(failures).toEqual([]);
  });
});

describe('an observer that makes a promise of it', () => {
  const late = new Error('observer');
  const itsOwn: OperationObserver = {
    run: (body) => {
      const returned = body();
      return Promise.resolve(returned).then(() => Promise.reject(late)) as typeof returned;
    },
  };
  const passesOn: OperationObserver = { run: (async (body: () => unknown) => await body()) as never };
  const later: OperationObserver = { run: ((body: () => unknown) => Promise.resolve().then(body)) as never };
  const asItIs: OperationObserver = { run: (body) => body() };

  test('that rejects is told, and rejects nothing', async () => {
    const { begin, failures } = given();
    expect(await begin(itsOwn)?.run(async () => 'done')).toBe('done');
    await new Promise((resolve) => setImmediate(resolve));
    expect(failures).toEqual([late]);
  });

  test.each([
    ['passes it on', passesOn],
    ['comes too late', later],
    ['leaves it as it is', asItIs],
  ])('and %s fails with the body, which is told by whoever ran that', async (_, one) => {
    const { begin, failures } = given();
    const error = new Error('body');
    await expect(begin(one)?.run(async () => Promise.reject(error))).rejects.toBe(error);
    await new Promise((resolve) => setImmediate(resolve));
    expect(failures).toEqual([]);
  });
});

test('an observer whose members can’t be read is told of, and nothing else', () => {
  const { begin, failures } = given();
  const fails = () => {
    throw new Error('unreadable');
  };
  const unreadable: OperationObserver = Object.defineProperties({}, { run: { get: fails }, end: { get: fails } });
  const operation = begin(unreadable);
  expect(operation?.run(() => 'done')).toBe('done');
  operation?.end({ outcome: 'answered' });
  expect(failures).toHaveLength(2);
});

describe('what is added to a request', () => {
  const request = { ...MESSAGE, params: { _meta: { progressToken: 1 } } };

  test('stands in its _meta, beside what its author has put there', () => {
    const { begin } = given();
    const operation = begin(
      { meta: () => ({ traceparent: 'a', progressToken: 'b' }) },
      { meta: () => ({ more: 'c' }) },
    );
    expect(operation?.carried(request).params?._meta).toEqual({ traceparent: 'a', more: 'c', progressToken: 1 });
  });

  test('is nothing where nobody adds, or fails to', () => {
    const { begin, failures } = given();
    const fails = () => {
      throw new Error('no meta');
    };
    expect(begin({}, { meta: () => undefined }, { meta: fails })?.carried(request)).toBe(request);
    expect(failures).toHaveLength(1);
  });

  const circle: Record<string, unknown> = {};
  circle['circle'] = circle;
  const unreadable = Object.defineProperty({}, 'a', {
    enumerable: true,
    get: () => {
      throw new Error('unreadable');
    },
  });

  test.each([
    ['a bigint', () => ({ a: 1n })],
    ['a circle', () => circle],
    ['a getter that throws', () => unreadable],
    ['a promise that rejects', () => Promise.reject(new Error('no meta'))],
  ])('is nothing where it is no JSON, so that the request can be sent: %s', async (_, meta) => {
    const { begin, failures } = given();
    expect(begin({ meta: meta as () => Record<string, unknown> })?.carried(request)).toBe(request);
    await new Promise((resolve) => setImmediate(resolve));
    expect(failures).toHaveLength(1);
  });
});

test('who stops while something waits to be told is not told of it', () => {
  const outbox = new Outbox();
  const observers = new Observers(outbox, new SimulatedClock(), () => {});
  let told = 0;
  const stop = observers.add({
    event: () => {
      told++;
      stop();
    },
  });
  outbox.during(() => {
    observers.tell({ type: 'session.evicted', outcome: 'ended' });
    observers.tell({ type: 'session.evicted', outcome: 'ended' });
  });
  expect(told).toBe(1);
});

test('what observers throw, or reject with, is told', async () => {
  const { observers, failures } = given();
  const error = new Error('as asked');
  const rejects = (async () => Promise.reject(error)) as never;
  observers.add({ operation: () => ({ end: rejects }), event: rejects });
  observers.add({
    operation: () => {
      throw error;
    },
  });
  observers.begin('server', 'session', MESSAGE, NOBODY)?.end({ outcome: 'answered' });
  observers.tell({ type: 'session.evicted', outcome: 'ended' });
  await new Promise((resolve) => setImmediate(resolve));
  expect(failures).toEqual([error, error, error]);
});

test('nothing is told from within a transition', () => {
  const outbox = new Outbox();
  const observers = new Observers(outbox, new SimulatedClock(), () => {});
  const told: string[] = [];
  observers.add({ event: ({ type }) => told.push(type), operation: () => ({ end: () => told.push('end') }) });
  outbox.during(() => {
    observers.tell({ type: 'session.evicted', outcome: 'ended' });
    observers.begin('server', 'session', MESSAGE, NOBODY)?.end({ outcome: 'answered' });
    expect(told).toEqual([]);
  });
  expect(told).toEqual(['session.evicted', 'end']);
});

test.each([42, { operation: 1 }, { event: 'b' }])('%o is no observer', (nonsense) => {
  const { observers } = given();
  expect(() => observers.add(nonsense as never)).toThrow(SupervisorError);
  expect(observers.any).toBe(false);
});
