/** The SSE streams of one session, by themselves: under which ids events are kept, and what the end of the session ends. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, test } from 'vitest';
import { Hold } from '../../src/transport/hold.ts';
import { reconnectionDelay } from '../../src/transport/reconnectionDelay.ts';
import { SessionStreams } from '../../src/transport/sessionStreams.ts';
import type { IncarnationNumber, TransportOptions } from '../../src/transport/transportOptions.ts';
import { ControlledStore, Door, never } from '../support/controlledStore.ts';
import { turns, until } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import { FakeExchange } from './fakeExchange.ts';
import { result } from './transportKit.ts';

interface Given {
  readonly version?: string;
  readonly retryInterval?: number;
  /** `undefined` for none at all. */
  readonly sessionId?: string | undefined;
  readonly incarnation?: IncarnationNumber;
}

function given(eventStore: EventStore | undefined, { incarnation, version, retryInterval, ...session }: Given = {}) {
  const { sessionId } = { sessionId: 'session-1', ...session };
  const options: TransportOptions = {
    clock: new WatchedClock(),
    keepAliveInterval: Number.POSITIVE_INFINITY,
    maxStreamBuffer: 1_000_000,
    enableJsonResponse: false,
    eventStore,
    retryInterval,
    resumeTimeout: 60_000,
    shutdownTimeout: 1_000,
  };
  const told: string[] = [];
  const owner = {
    load: { calls: 0, streams: 0 },
    abandoned: () => told.push('abandoned'),
    resumed: () => told.push('resumed'),
    storeFailed: () => told.push('store failed'),
  };
  const streams = new SessionStreams(sessionId, options, owner, incarnation);
  streams.protocolVersion = version ?? '2025-11-25';
  const answer = (id: number) => {
    const exchange = new FakeExchange();
    const hold = new Hold(exchange, () => told.push('released'));
    return { exchange, answer: streams.answer([id], exchange, hold) };
  };
  const listen = () => {
    const exchange = new FakeExchange();
    streams.listen(exchange);
    return { exchange };
  };
  const resume = (eventId: string) => {
    const exchange = new FakeExchange();
    return { exchange, known: streams.resume(exchange, eventId, new Hold(exchange, () => {})) };
  };
  return { streams, told, answer, listen, resume };
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** How many of the exchanges are still in memory that `make` made. */
async function alive(make: () => Promise<WeakRef<FakeExchange>[]>): Promise<number> {
  const refs = await make();
  await turns(2); // a WeakRef holds its target until the turn is over
  collectGarbage();
  return refs.filter((ref) => ref.deref() !== undefined).length;
}

const idsOf = ({ calls }: FakeExchange) => [...calls.join('\n').matchAll(/id: (.*)/g)].map(([, id]) => id);

describe('how a stream begins', () => {
  const begin = (options: Given) => given(new ControlledStore(), options).listen().exchange.calls;
  const sse = {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache, no-transform',
    'X-Accel-Buffering': 'no',
  };

  test.each<[string, Given, number]>([
    ['as the option says', { retryInterval: 700 }, 700],
    ['as the session’s own delay is', {}, Math.ceil(reconnectionDelay('session-1'))],
    ['at once, where the option says so', { retryInterval: 0 }, 0],
  ])('with when to come back: %s', (_, options, retry) => {
    const opened = `open ${JSON.stringify({ ...sse, 'Mcp-Session-Id': 'session-1' })}`;
    expect(begin(options)).toEqual([opened, `write retry: ${retry}\n\n`, 'flush']);
  });

  test.each<[string, Given]>([
    ['where its client would stumble over that', { version: '2025-06-18', retryInterval: 700 }],
    ['where there is no session to come back to', { sessionId: undefined, retryInterval: 700 }],
  ])('without, %s', async (_, options) => {
    const { listen, streams } = given(new ControlledStore(), options);
    const { exchange } = listen();
    await turns(5);
    expect([streams.primes, exchange.calls.slice(1)]).toEqual([false, ['flush']]);
  });
});

describe('what is kept', () => {
  test('without a session is nothing, though there is a store', async () => {
    const store = new ControlledStore();
    const { answer, listen, streams } = given(store, { sessionId: undefined });
    const call = answer(1);
    listen();
    call.answer.settle(1, result(1));
    await turns(5);
    expect([store.calls.store, streams.primes, idsOf(call.exchange)]).toEqual([0, false, []]);
    expect(call.exchange.closed).toBe(true);
  });

  test.each([
    ['with one incarnation', undefined, ['0_e0', '0_e1'], ['get1_e2']],
    ['with several', { epoch: 2, first: false }, ['2.0~WzFd_e0', '2.0~WzFd!_e1'], ['2.get1_e2']],
  ])('in a session %s has ids that say no more than they must', async (_, incarnation, ofCall, ofGet) => {
    const { answer, listen } = given(new ControlledStore(), incarnation && { incarnation });
    const call = answer(1);
    call.answer.settle(1, result(1));
    await until(() => call.exchange.closed);
    const { exchange } = listen();
    await until(() => idsOf(exchange).length > 0);
    expect([idsOf(call.exchange), idsOf(exchange)]).toEqual([ofCall, ofGet]);
  });
});

describe('an answer', () => {
  test('that is complete, and is resumed from a store that hangs, is given up with its session', async () => {
    const store = new ControlledStore();
    const { answer, resume, streams } = given(store);
    const call = answer(1);
    call.answer.settle(1, result(1));
    await until(() => call.exchange.closed);
    await turns(2);
    store.beforeReplay = never;
    const { known } = resume('0_e0');
    await store.begun('replay', 1);
    streams.detach();
    expect(await until(known.then(String), { what: 'the resumption' })).toBe('false');
  });

  test('that is being resumed goes on when the GET streams end', async () => {
    const store = new ControlledStore();
    const { answer, resume, streams } = given(store);
    const call = answer(1);
    await until(() => idsOf(call.exchange).length > 0);
    call.exchange.close();
    const door = new Door();
    store.beforeReplay = door.pass;
    const { known, exchange } = resume('0_e0');
    await store.begun('replay', 1);
    streams.closeStandalone();
    door.open();
    expect(await known).toBe(true);
    call.answer.settle(1, result(1));
    await until(() => exchange.closed);
    expect(idsOf(exchange).at(-1)).toBe('0_e1');
  });

  test('whose client leaves after the end of the session is nobody’s any more', async () => {
    const { answer, told, streams } = given(new ControlledStore());
    const call = answer(1);
    await until(() => idsOf(call.exchange).length > 0);
    streams.detach();
    call.exchange.close();
    expect(told).toEqual(['released']);
  });
});

test('a resumption that its store disowns when it has begun is ended', async () => {
  let stored: JSONRPCMessage | undefined;
  const store: EventStore = {
    storeEvent: async (_, message) => {
      stored = message;
      return 'e';
    },
    replayEventsAfter: async (_, { send }) => {
      if (stored !== undefined) await send('f', stored);
      return 'session-2:0';
    },
  };
  const { answer, resume } = given(store);
  const call = answer(1);
  call.answer.send({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 1 } });
  await until(() => idsOf(call.exchange).length === 2);
  const { exchange, known } = resume('0_e');
  expect(await known).toBe(false);
  expect([idsOf(exchange), exchange.closed]).toEqual([['0_f'], true]);
});

describe('of what is over nothing is kept', () => {
  test('neither of answers nor of those who resumed them', async () => {
    const { streams, answer, resume } = given(new ControlledStore());
    const over = async (id: number) => {
      const call = answer(id);
      await until(() => idsOf(call.exchange).length > 0);
      const [primed = ''] = idsOf(call.exchange);
      call.answer.settle(id, result(id));
      await until(() => call.exchange.closed);
      const resumed = resume(primed);
      expect(await resumed.known).toBe(true);
      await until(() => resumed.exchange.closed);
      return [new WeakRef(call.exchange), new WeakRef(resumed.exchange)];
    };
    // The last one may still be in somebody's hands.
    expect(await alive(async () => (await Promise.all([1, 2, 3, 4].map(over))).flat())).toBeLessThanOrEqual(2);
    expect(streams.open).toBe(0);
  });

  test('nor of GET streams that can not be resumed', async () => {
    const { streams, listen } = given(undefined);
    const left = async () => {
      const { exchange } = listen();
      exchange.close();
      return new WeakRef(exchange);
    };
    expect(await alive(() => Promise.all([1, 2, 3, 4].map(left)))).toBeLessThanOrEqual(1);
    expect(streams.open).toBe(0);
  });
});
