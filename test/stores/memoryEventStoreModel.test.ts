/** The memory event store beside a model of it that is too simple to be wrong: whatever is done, both hold the same. */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMemoryEventStore } from '../../src/index.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';

interface Bounds {
  readonly maxEvents: number;
  readonly maxEventsPerStream: number;
  readonly maxBytes: number;
  readonly maxAge: number;
}

interface Held {
  readonly id: string;
  readonly stream: string;
  readonly message: JSONRPCMessage;
  readonly bytes: number;
  readonly storedAt: number;
  readonly final: boolean;
}

/** A list of all events; each rule is one filter. */
class Model {
  held: Held[] = [];
  readonly #bounds: Bounds;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  get bytes(): number {
    return this.held.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  expire(now: number): void {
    const old = this.held.filter(({ storedAt }) => now - storedAt > this.#bounds.maxAge);
    const isLast = (event: Held) => this.held.filter(({ stream }) => stream === event.stream).at(-1) === event;
    const kept = old.filter((event) => !event.final && isLast(event));
    const young = this.held.filter((event) => !old.includes(event));
    this.held = [...young, ...kept.map((event) => ({ ...event, storedAt: now }))];
  }

  store(event: Held): void {
    const { maxEvents, maxEventsPerStream, maxBytes } = this.#bounds;
    if (event.bytes > maxBytes) {
      this.held = this.held.filter(({ stream }) => stream !== event.stream);
      return;
    }
    this.held.push(event);
    const own = this.held.filter(({ stream }) => stream === event.stream);
    if (own.length > maxEventsPerStream) this.held = this.held.filter((other) => other !== own[0]);
    while (this.held.length > maxEvents || this.bytes > maxBytes) this.held.shift();
  }

  forget(prefix: string): void {
    this.held = this.held.filter(({ stream }) => !stream.startsWith(prefix));
  }

  after(id: string): Held[] | undefined {
    const last = this.held.find((event) => event.id === id);
    return last && this.held.slice(this.held.indexOf(last) + 1).filter(({ stream }) => stream === last.stream);
  }
}

const STREAMS = ['a:0', 'a:1', 'a:get', 'aa:0', 'b:0'];
const PREFIXES = ['a:', 'aa:', 'b:', 'c:'];

const operation = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      what: fc.constant('store' as const),
      stream: fc.constantFrom(...STREAMS),
      size: fc.nat(300),
      final: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('wait' as const), ms: fc.nat(400) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('forget' as const), prefix: fc.constantFrom(...PREFIXES) }) },
);

const bounds = fc.record({
  maxEvents: fc.integer({ min: 1, max: 12 }),
  maxEventsPerStream: fc.integer({ min: 1, max: 5 }),
  maxBytes: fc.integer({ min: 50, max: 1_000 }),
  maxAge: fc.integer({ min: 1, max: 1_000 }),
});

test('it holds what the model holds, and replays the same', async () => {
  const property = fc.asyncProperty(
    bounds,
    fc.array(operation, { maxLength: 60, size: 'max' }),
    async (given, operations) => {
      const clock = new SimulatedClock();
      const store = createMemoryEventStore({ ...given, clock });
      const model = new Model(given);
      const ids: string[] = [];
      for (const step of operations) {
        if (step.what === 'wait') clock.increment(step.ms);
        model.expire(clock.now());
        if (step.what === 'forget') {
          store.forget(step.prefix);
          model.forget(step.prefix);
        }
        if (step.what === 'store') {
          const { stream, size, final } = step;
          const content = { n: ids.length, x: 'x'.repeat(size) };
          const message: JSONRPCMessage = final
            ? { jsonrpc: '2.0', id: 1, result: content }
            : { jsonrpc: '2.0', method: 'm', params: content };
          const id = await store.storeEvent(stream, message);
          const bytes = JSON.stringify(message).length;
          model.store({ id, stream, message, bytes, storedAt: clock.now(), final });
          ids.push(id);
        }
        expect({ events: store.events, bytes: store.bytes }).toEqual({ events: model.held.length, bytes: model.bytes });
      }
      expect(new Set(ids).size).toBe(ids.length);
      for (const id of [...ids, 'nothing', '']) {
        const expected = model.after(id);
        const got: { id: string; message: JSONRPCMessage }[] = [];
        const send = async (eventId: string, message: JSONRPCMessage) => void got.push({ id: eventId, message });
        const stream = model.held.find((event) => event.id === id)?.stream;
        expect(await store.replayEventsAfter(id, { send })).toBe(stream ?? '');
        expect(await store.getStreamIdForEventId(id)).toBe(stream);
        expect(got).toEqual((expected ?? []).map((event) => ({ id: event.id, message: event.message })));
      }
    },
  );
  await fc.assert(property, { numRuns: 300 });
});
