/**
 * Two incarnations of one session over one event store, each with a server of its own: what its client still has of the
 * first leads to its own stream and answers its own questions, and nothing of the second.
 */
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  CallToolRequestSchema,
  type ElicitResult,
  type JSONRPCMessage,
  type JSONRPCRequest,
} from '@modelcontextprotocol/sdk/types.js';
import { Server as ServerV2 } from '@modelcontextprotocol/server';
import { describe, expect, test } from 'vitest';
import { createMemoryEventStore } from '../../src/index.ts';
import { Hold } from '../../src/transport/hold.ts';
import { ControlledStore, Door, never } from '../support/controlledStore.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { SseParser } from '../support/sse.ts';
import { turns, until } from '../support/until.ts';
import { FakeExchange } from './fakeExchange.ts';
import { TransportKit } from './transportKit.ts';

const clock = new SimulatedClock();

type Store = ReturnType<typeof createMemoryEventStore> | ControlledStore;

/** One incarnation; without an epoch, the only one that there will be. */
function live(epoch: number | undefined, eventStore: Store = createMemoryEventStore({ clock })) {
  const incarnation = epoch === undefined ? undefined : { epoch, first: epoch === 1 };
  const kit = new TransportKit({ eventStore, enableJsonResponse: false }, { incarnation });
  const { told, transport } = kit;
  transport.setNegotiatedVersion('2025-11-25');
  const deliver = (message: JSONRPCMessage) => kit.post(message);
  const listen = () => {
    const to = new FakeExchange();
    transport.listen(to);
    return to;
  };
  const resume = async (eventId: string) => {
    const to = new FakeExchange();
    const known = await transport.resume(to, eventId, new Hold(to, () => {}));
    await turns(10);
    return { exchange: to, known };
  };
  const failures = () => told.filter((what) => what.includes('failed'));
  return { transport, failures, deliver, listen, resume };
}

/** What an exchange got: each event's message, or `primed`, with its id. */
function got(exchange: FakeExchange): { id: string | undefined; said: unknown }[] {
  const texts = exchange.calls.map((call) => /^(?:write|end|respond \d+ \{.*?\}) (.*)$/s.exec(call)?.[1] ?? '');
  return new SseParser()
    .push(texts.filter((text) => text !== 'undefined').join(''))
    .events.filter(({ id, data }) => id !== undefined || data !== '')
    .map(({ id, data }) => ({ id, said: data === '' ? 'primed' : JSON.parse(data) }));
}

const said = (exchange: FakeExchange) => got(exchange).map((event) => event.said);
const lastId = (exchange: FakeExchange) => got(exchange).at(-1)?.id ?? '';
const ended = (exchange: FakeExchange) => exchange.closed;

const call = (id: string | number, name = 'x'): JSONRPCRequest => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name },
});
const result = (id: string | number, text: string) => ({ jsonrpc: '2.0', id, result: { text } }) as const;
const told = (data: string) =>
  ({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data } }) as const;
const cutOff = (id: string | number) => ({
  jsonrpc: '2.0',
  id,
  error: { code: -32000, message: 'The server was restarted before it had answered' },
});

describe('a call that was cut off', () => {
  test.each([7, 'x', 0, '', '_ä~.'])('gets an error when its stream is resumed, once: id %j', async (id) => {
    const store = createMemoryEventStore({ clock });
    const before = live(1, store);
    const stream = before.deliver(call(id));
    await before.transport.send(told('one'), { relatedRequestId: id });
    await turns(10);
    const [primed] = got(stream);
    expect(said(stream)).toEqual(['primed', told('one')]);

    const after = live(2, store);
    const resumed = await after.resume(primed?.id ?? '');
    expect(resumed.known).toBe(true);
    expect(said(resumed.exchange)).toMatchObject([told('one'), cutOff(id)]);
    expect(ended(resumed.exchange)).toBe(true);

    // Whoever comes again, at any event, is told the same; and in a third incarnation.
    for (const again of [after, live(3, store)]) {
      const fromStart = await again.resume(primed?.id ?? '');
      expect(said(fromStart.exchange)).toMatchObject([told('one'), cutOff(id)]);
      const fromEnd = await again.resume(lastId(resumed.exchange));
      expect(fromEnd.known).toBe(true);
      expect(fromEnd.exchange.calls.at(-1)).toMatch(/^respond 204/);
    }
  });

  test('gets it once, though several resume it at once and the store is slow', async () => {
    const store = new ControlledStore();
    const before = live(1, store);
    const stream = before.deliver(call(7));
    await until(() => got(stream).length === 1);
    const after = live(2, store);
    const door = new Door();
    store.beforeReplay = door.pass;
    const resuming = [1, 2, 3].map(() => after.resume(lastId(stream)));
    await turns(5);
    door.open();
    const all = await Promise.all(resuming);
    await until(() => all.every(({ exchange }) => ended(exchange)));
    const errors = all.flatMap(({ exchange }) => got(exchange).filter((event) => event.said !== 'primed'));
    expect(new Set(errors.map(({ id }) => id)).size).toBe(1);
    expect(said((await after.resume(lastId(stream))).exchange)).toMatchObject([cutOff(7)]);
  });

  test('of a batch, those that were not answered get one', async () => {
    const store = createMemoryEventStore({ clock });
    const before = live(1, store);
    const exchange = new FakeExchange();
    before.transport.deliver(exchange, [call(1), call(2), call(3)], true, new Hold(exchange, () => {}));
    await turns(10);
    await before.transport.send(result(2, 'two'));
    await turns(10);
    const resumed = await live(2, store).resume(got(exchange)[0]?.id ?? '');
    expect(said(resumed.exchange)).toMatchObject([result(2, 'two'), cutOff(1), cutOff(3)]);
  });

  test('of a batch that is resumed after one of its answers, the others get one', async () => {
    const store = createMemoryEventStore({ clock });
    const before = live(1, store);
    const exchange = new FakeExchange();
    before.transport.deliver(exchange, [call(1), call(2)], true, new Hold(exchange, () => {}));
    await before.transport.send(result(2, 'two'));
    await turns(10);
    expect(said(exchange)).toEqual(['primed', result(2, 'two')]);
    const resumed = await live(2, store).resume(lastId(exchange));
    expect(said(resumed.exchange)).toContainEqual(cutOff(1));
  });

  test('gets one though its server had asked a question under the same id', async () => {
    const store = createMemoryEventStore({ clock });
    const before = live(1, store);
    const stream = before.deliver(call(7));
    await turns(10);
    const primed = lastId(stream);
    const question = { jsonrpc: '2.0', id: 7, method: 'roots/list' } as const;
    await before.transport.send(question, { relatedRequestId: 7 });
    await turns(10);
    expect(said((await live(2, store).resume(primed)).exchange)).toEqual([question, cutOff(7)]);
  });

  test('gets none at an event that there never was: nothing is stored', async () => {
    const store = new ControlledStore();
    const stream = live(1, store).deliver(call(7));
    await until(() => got(stream).length === 1);
    const [name] = lastId(stream).split('_');
    expect(await live(2, store).resume(`${name}_never`)).toMatchObject({ known: false });
    expect(store.events).toHaveLength(1);
  });

  test('is given up with its session, though the store hangs', async () => {
    const store = new ControlledStore();
    const stream = live(1, store).deliver(call(7));
    await until(() => got(stream).length === 1);
    const after = live(2, store);
    store.beforeReplay = never;
    const resuming = after.resume(lastId(stream));
    await store.begun('replay', 1);
    after.transport.shut('the end');
    expect(await until(resuming, { within: 1_000, what: 'the resumption' })).toMatchObject({ known: false });
  });
});

test('the answer that was stored before the end is replayed, and nothing after it', async () => {
  const store = createMemoryEventStore({ clock });
  const before = live(1, store);
  const stream = before.deliver(call(7));
  await turns(10);
  const primed = lastId(stream);
  await before.transport.send(result(7, 'seven'));
  await turns(10);
  const after = live(2, store);
  expect(said((await after.resume(primed)).exchange)).toEqual([result(7, 'seven')]);
  const all = await after.resume(lastId(stream));
  expect(all.exchange.calls.at(-1)).toMatch(/^respond 204/);
});

test('an event id of before leads to its own stream, though the next incarnation numbers its streams alike', async () => {
  const store = createMemoryEventStore({ clock });
  const before = live(1, store);
  const old = before.deliver(call(7, 'old'));
  await turns(10);
  const after = live(2, store);
  const fresh = after.deliver(call(7, 'new'));
  await turns(10);
  await after.transport.send(result(7, 'new'));
  await turns(10);
  expect(said(fresh)).toEqual(['primed', result(7, 'new')]);
  expect(said((await after.resume(lastId(old))).exchange)).toMatchObject([cutOff(7)]);
  // And the call of before, answered late by what is left of its incarnation, is on its own stream.
  expect(after.failures()).toEqual([]);
});

test('a stream of before that the store fails breaks none of the next incarnation that is numbered alike', async () => {
  const store = new ControlledStore();
  const old = live(1, store).deliver(call(7));
  await until(() => got(old).length === 1);
  const after = live(2, store);
  const fresh = after.deliver(call(8));
  await until(() => got(fresh).length === 1);
  const primed = lastId(fresh);
  await after.transport.send(result(8, 'eight'));
  await until(() => ended(fresh));
  store.beforeStore = () => {
    throw new Error('full');
  };
  expect(said((await after.resume(lastId(old))).exchange)).toEqual([cutOff(7)]);
  expect(after.failures()).toHaveLength(1);
  expect(said((await after.resume(primed)).exchange)).toEqual([result(8, 'eight')]);
});

test('a GET stream of before replays what is left of it, and goes on as one of this incarnation', async () => {
  const store = createMemoryEventStore({ clock });
  const before = live(1, store);
  const old = before.listen();
  await turns(10);
  const primed = lastId(old);
  await before.transport.send(told('missed'));
  await turns(10);

  const after = live(2, store);
  const { exchange, known } = await after.resume(primed);
  expect(known).toBe(true);
  expect(said(exchange)).toEqual([told('missed'), 'primed']);
  expect(ended(exchange)).toBe(false);
  await after.transport.send(told('new'));
  await turns(10);
  expect(said(exchange)).toEqual([told('missed'), 'primed', told('new')]);

  // What it is primed with is an event of this incarnation.
  const again = await after.resume(got(exchange)[1]?.id ?? '');
  expect(said(again.exchange)).toEqual([told('new')]);
  const never = await after.resume('1.get0_zz');
  expect(never.known).toBe(false);
  after.transport.closeStandalone();
});

test.each(['9.0_1', '2.9~Wzdd_1', '0_1', 'get0_1', '2.get5_1', '1.0~WzFd_nothing', '1.0'])(
  'an event that there never was is unknown: %s',
  async (eventId) => {
    const after = live(2);
    expect(await after.resume(eventId)).toMatchObject({ known: false });
  },
);

test('a session that has one incarnation only names no epoch, and knows no stream that does', async () => {
  const store = createMemoryEventStore({ clock });
  const old = live(1, store).deliver(call(7));
  await turns(10);
  const only = live(undefined, store);
  expect(await only.resume(lastId(old))).toMatchObject({ known: false });
  const stream = only.deliver(call(7));
  await turns(10);
  expect(lastId(stream)).toMatch(/^0_/);
});

describe.each([
  ['v1', (): Server => new Server({ name: 's', version: '1' }, { capabilities: { tools: {} } })],
  ['v2', () => new ServerV2({ name: 's', version: '1' }, { capabilities: { tools: {} } }) as unknown as Server],
] as const)('questions of a server of SDK %s', (version, build) => {
  /** An incarnation whose tool asks its client, and answers what it says. */
  async function asking(epoch: number) {
    const { transport, deliver, listen, failures } = live(epoch);
    const server = build();
    const progress: number[] = [];
    const ask = async (): Promise<{ content: { type: 'text'; text: string }[] }> => {
      const params = { message: 'sure?', requestedSchema: { type: 'object' as const, properties: {} } };
      const onprogress = ({ progress: done }: { progress: number }) => progress.push(done);
      const { action } = (await server.elicitInput(params, { onprogress })) as ElicitResult;
      return { content: [{ type: 'text', text: action }] };
    };
    const setHandler = server.setRequestHandler.bind(server) as (what: unknown, handler: () => unknown) => void;
    setHandler(version === 'v1' ? CallToolRequestSchema : 'tools/call', ask);
    await server.connect(transport);
    const params = {
      protocolVersion: '2025-11-25',
      capabilities: { elicitation: { form: {} } },
      clientInfo: { name: 'c', version: '1' },
    };
    const answered = new Promise((resolve) => {
      const info = new FakeExchange();
      const initialize = { jsonrpc: '2.0', id: 'init', method: 'initialize', params } as const;
      transport.initialize(initialize, { info, send: () => false, answer: resolve });
    });
    await answered;
    deliver({ jsonrpc: '2.0', method: 'notifications/initialized' });
    const stream = listen();
    const calling = deliver(call(7));
    const question = await until(() => said(stream).find((message) => message !== 'primed'), {
      what: 'the question',
    });
    return { deliver, calling, question: question as JSONRPCRequest, failures, progress };
  }

  const accept = (id: string | number) => ({ jsonrpc: '2.0', id, result: { action: 'accept', content: {} } }) as const;
  const progressOf = (progressToken: unknown) =>
    ({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: 1 } }) as JSONRPCMessage;

  test('the first incarnation asks as the server does', async () => {
    const { deliver, calling, question, progress } = await asking(1);
    expect(question).toMatchObject({ id: 0, params: { _meta: { progressToken: 0 } } });
    deliver(progressOf(0));
    await turns(5);
    deliver(accept(0));
    await until(() => ended(calling));
    expect(said(calling).at(-1)).toMatchObject({ id: 7, result: { content: [{ text: 'accept' }] } });
    expect(progress).toEqual([1]);
  });

  test('a later one names the epoch, and an answer to a question of before answers nothing', async () => {
    const { deliver, calling, question, failures, progress } = await asking(2);
    expect(question).toMatchObject({ id: '2.0', params: { _meta: { progressToken: '2.0' } } });
    for (const id of [0, '1.0', '3.0']) {
      expect(deliver(accept(id)).calls[0]).toMatch(/^respond 202/);
      deliver(progressOf(id));
    }
    await turns(10);
    expect(ended(calling)).toBe(false);
    expect(progress).toEqual([]);
    deliver(progressOf('2.0'));
    await turns(5);
    deliver(accept('2.0'));
    await until(() => ended(calling));
    expect(said(calling).at(-1)).toMatchObject({ id: 7, result: { content: [{ text: 'accept' }] } });
    expect([progress, failures()]).toEqual([[1], []]);
  });
});
