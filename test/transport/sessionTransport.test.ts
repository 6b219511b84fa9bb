/** A session's transport, without HTTP and without an SDK around it: who is told what, and what is kept account of. */
import { describe, expect, test, vi } from 'vitest';
import { Hold } from '../../src/transport/hold.ts';
import { storeBut } from '../stores/stores.ts';
import { ControlledStore } from '../support/controlledStore.ts';
import { turns, until } from '../support/until.ts';
import { FakeExchange } from './fakeExchange.ts';
import { answered, cancellation, RESUME_TIMEOUT, request, result, TransportKit } from './transportKit.ts';

const ENDED = { code: -32000, message: 'the end' };
const ERROR = { jsonrpc: '2.0', error: { code: 1, message: 'of nobody' } } as const;
const note = { jsonrpc: '2.0', method: 'notifications/test' } as const;

describe('a call', () => {
  test('is counted until it is answered, and its session held', async () => {
    const kit = new TransportKit();
    const { transport } = kit;
    const exchange = kit.post(request(1), request(2), note);
    expect([transport.awaitedCalls, kit.load.calls, kit.held]).toEqual([2, 2, 1]);
    expect(kit.received).toEqual([request(1), request(2), note]);
    await transport.send(result(2));
    expect([transport.awaitedCalls, kit.load.calls, kit.held, kit.told]).toEqual([1, 1, 1, []]);
    await transport.send(result(1));
    expect([transport.awaitedCalls, kit.load.calls, kit.held, kit.told]).toEqual([0, 0, 0, ['quiet']]);
    expect(answered(exchange)).toEqual([result(2), result(1)]);
  });

  test('is answered once: what its server says of it later, and of calls that there never were, goes nowhere', async () => {
    const kit = new TransportKit();
    const exchange = kit.post(request(1));
    for (const response of [result(7), ERROR, result(1), result(1, 'again'), ERROR]) await kit.transport.send(response);
    expect(answered(exchange)).toEqual([result(1)]);
    expect([kit.load.calls, kit.told]).toEqual([0, ['quiet']]);
  });

  test('whose client has left holds nothing, and is over for its account when its server answers', async () => {
    const kit = new TransportKit();
    const exchange = kit.post(request(1));
    expect(kit.transport.isAwaited(1)).toBe(true);
    exchange.close();
    expect([kit.transport.isAwaited(1), kit.transport.awaitedCalls, kit.held, kit.load.calls]).toEqual([
      false,
      0,
      0,
      1,
    ]);
    expect(kit.told).toEqual(['quiet']);
    await kit.transport.send(result(1));
    expect([kit.load.calls, kit.transport.hasRoomFor(Array(4_096).fill(request(1)))]).toEqual([0, true]);
  });

  test('whose id is used again is answered: its client means another by it', () => {
    const kit = new TransportKit();
    const [first, second] = [kit.post(request(1)), kit.post(request(1))];
    const error = { code: -32000, message: 'Request superseded: its id was used again' };
    expect([answered(first), answered(second)]).toEqual([[{ jsonrpc: '2.0', id: 1, error }], []]);
  });

  test('whose client had left before it came holds nothing either', () => {
    const kit = new TransportKit();
    const exchange = new FakeExchange();
    exchange.close();
    kit.postBy(exchange, request(1));
    expect(kit.received).toEqual([request(1)]);
    expect([kit.transport.awaitedCalls, kit.held, kit.told]).toEqual([0, 0, ['quiet']]);
  });
});

describe('what is no call', () => {
  test('is received, and accepted with the session’s id', () => {
    const kit = new TransportKit();
    const exchange = kit.post(note);
    expect(exchange.calls).toEqual(['respond 202 {"Mcp-Session-Id":"session-1"} undefined']);
    expect([kit.received, kit.held, kit.load.calls]).toEqual([[note], 0, 0]);
  });

  test('is accepted without one where there is none', () => {
    const exchange = new TransportKit({}, { stateless: true }).post(note);
    expect(exchange.calls).toEqual(['respond 202 {} undefined']);
  });

  test('is accepted, and not received, where it is about what an earlier incarnation asked', () => {
    const kit = new TransportKit({}, { incarnation: { epoch: 2, first: false } });
    const said = [result('1.0'), result('2.0')];
    expect(said.map((message) => kit.post(message).calls[0]?.slice(0, 11))).toEqual(['respond 202', 'respond 202']);
    expect([kit.received, kit.held]).toEqual([[result(0)], 0]);
  });

  test('takes no room', () => {
    const kit = new TransportKit();
    expect(kit.transport.hasRoomFor([request(1)])).toBe(true);
    kit.post(...Array.from({ length: 4_096 }, (_, id) => request(id)));
    expect(kit.transport.hasRoomFor([request('more')])).toBe(false);
    expect(kit.transport.hasRoomFor([note, result(1)])).toBe(true);
  });
});

describe('a cancellation', () => {
  test('reaches the server, and ends the call for its client', async () => {
    const kit = new TransportKit();
    const exchange = kit.post(request(1));
    kit.post(cancellation(1));
    expect(kit.received).toEqual([request(1), cancellation(1)]);
    expect(answered(exchange)).toMatchObject([{ id: 1, error: { message: 'Request cancelled' } }]);
    expect([kit.transport.awaitedCalls, kit.load.calls, kit.held, kit.told]).toEqual([0, 0, 0, ['quiet']]);
    await kit.transport.send(result(1));
    expect([kit.load.calls, answered(exchange).length]).toEqual([0, 1]);
  });

  test.each([7, undefined])('of what is no call (%s) reaches the server, and ends nothing', (id) => {
    const kit = new TransportKit();
    kit.post(request(1));
    kit.post(cancellation(id));
    expect(kit.received).toEqual([request(1), cancellation(id)]);
    expect([kit.transport.awaitedCalls, kit.load.calls, kit.told]).toEqual([1, 1, []]);
  });

  test('that makes the server answer at once is not answered twice', () => {
    const kit = new TransportKit();
    const exchange = kit.post(request(1));
    kit.transport.onmessage = () => void kit.transport.send(result(1));
    kit.post(cancellation(1));
    expect(answered(exchange)).toEqual([result(1)]);
    expect([kit.load.calls, kit.told]).toEqual([0, ['quiet']]);
  });

  test('under an id that means a second call reaches the server under that call’s own', () => {
    const kit = new TransportKit();
    kit.post(request(1)).close();
    kit.post(request(1));
    const alias = (kit.received[1] as { id: string }).id;
    expect(alias).not.toBe(1);
    kit.post({ ...cancellation(1), params: { requestId: 1, reason: 'late' } } as never);
    expect(kit.received[2]).toEqual({ ...cancellation(1), params: { requestId: alias, reason: 'late' } });
    expect(kit.load.calls).toBe(1); // the first
    // Now the id means nothing: the first call, which the server knows by it, is not meant.
    kit.post(cancellation(1));
    expect(kit.received).toHaveLength(3);
    expect(kit.load.calls).toBe(1);
  });
});

describe('a cancellation by a client', () => {
  test('that never called anything reaches the server', () => {
    const kit = new TransportKit();
    kit.post(cancellation(1));
    expect([kit.received, kit.told]).toEqual([[cancellation(1)], []]);
  });

  test('at which the server ends the session ends the call with it', () => {
    const kit = new TransportKit();
    const exchange = kit.post(request(1));
    kit.transport.onmessage = () => kit.transport.shut('the end');
    kit.post(cancellation(1));
    expect([answered(exchange), kit.load.calls, kit.told]).toEqual([[{ jsonrpc: '2.0', id: 1, error: ENDED }], 0, []]);
  });
});

describe('what a handler is told of its request', () => {
  test('is the exchange’s', () => {
    const kit = new TransportKit();
    const exchange = kit.post(request(1));
    const extra = kit.extras[0] as { request?: Request };
    expect(extra).toMatchObject({ requestInfo: exchange.requestInfo });
    expect(extra.request).toBe(exchange.request);
  });

  test.each([
    ['2025-11-25', true, true],
    ['2025-06-18', true, false],
    ['2025-11-25', false, false],
  ])('is how to send its client away, where that can come back (%s, event store: %s)', (version, stores, can) => {
    const kit = new TransportKit({ enableJsonResponse: false, eventStore: stores ? storeBut({}) : undefined });
    kit.transport.setNegotiatedVersion(version);
    kit.post(request(1), note);
    const [extra, ofNote] = kit.extras;
    expect([typeof extra?.closeSSEStream, typeof extra?.closeStandaloneSSEStream]).toEqual(
      Array(2).fill(can ? 'function' : 'undefined'),
    );
    expect(ofNote?.closeSSEStream).toBeUndefined();
    extra?.closeStandaloneSSEStream?.(); // there is none
  });
});

describe('an answer that is given up', () => {
  test('takes no call along that is answered elsewhere, nor one that is over', () => {
    const kit = new TransportKit();
    kit.post(request(1));
    const other = kit.transport.answer([1, 7], new FakeExchange(), false, {
      onLeave: () => {},
      release: () => {},
    } as never);
    kit.transport.abandoned(other);
    expect([kit.transport.awaitedCalls, kit.transport.isAwaited(1), kit.told]).toEqual([1, true, []]);
  });

  test('tells nobody that all is quiet while another is waited for', () => {
    const kit = new TransportKit();
    kit.post(request(1));
    kit.post(request(2)).close();
    expect([kit.transport.awaitedCalls, kit.told]).toEqual([1, []]);
  });
});

describe('a stream', () => {
  function given(store = new ControlledStore()) {
    const kit = new TransportKit({ enableJsonResponse: false, eventStore: store });
    kit.transport.setNegotiatedVersion('2025-11-25');
    const listen = () => {
      const exchange = new FakeExchange();
      kit.transport.listen(exchange);
      return exchange;
    };
    const resume = (eventId: string, exchange = new FakeExchange()) => {
      kit.held++;
      const hold = new Hold(exchange, () => kit.held--);
      return kit.transport.resume(exchange, eventId, hold).then((known) => ({ known, exchange }));
    };
    return { kit, store, listen, resume };
  }

  test('progress of a call that nobody waits for is on none', async () => {
    const { kit, store, listen } = given();
    const get = listen();
    const withToken = { ...request(1), params: { _meta: { progressToken: 't' } } };
    const exchange = kit.post(withToken);
    await until(() => store.events.length === 2);
    exchange.close();
    kit.clock.increment(RESUME_TIMEOUT); // its client does not come back
    expect(kit.transport.awaitedCalls).toBe(0);
    const progress = { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 't', progress: 1 } };
    await kit.transport.send(progress as never);
    await turns(2);
    expect([store.events.length, get.calls.filter((call) => call.includes('progress'))]).toEqual([2, []]);
  });

  test('has all of a call that was given up, for whoever resumes it all the same', async () => {
    const store = new ControlledStore();
    const kit = new TransportKit({ eventStore: store, enableJsonResponse: false });
    kit.transport.setNegotiatedVersion('2025-11-25');
    const exchange = kit.post(request(1));
    await until(() => store.events.length === 1);
    exchange.close();
    kit.clock.increment(RESUME_TIMEOUT);
    expect([kit.transport.awaitedCalls, kit.held]).toEqual([0, 0]);
    await kit.transport.send(note, { relatedRequestId: 1 });
    await until(() => store.events.length === 2);
  });

  test('takes nothing more for a call of a batch whose id is used again', async () => {
    const kit = new TransportKit({ eventStore: new ControlledStore(), enableJsonResponse: false });
    const batch = kit.post(request(1), request(2));
    kit.post(request(1));
    await until(() => batch.calls.join().includes('used again'));
    const asked = request('q', 'roots/list');
    await expect(kit.transport.send(asked, { relatedRequestId: 1 })).rejects.toMatchObject({ code: 'NO_STREAM' });
    await kit.transport.send(asked, { relatedRequestId: 2 });
    await until(() => batch.calls.join().includes('roots/list'));
  });

  test('of a call whose client had left before it came may be resumed', async () => {
    const { kit } = given();
    const exchange = new FakeExchange();
    exchange.close();
    kit.postBy(exchange, request(1));
    expect([kit.transport.awaitedCalls, kit.told]).toEqual([1, []]);
  });

  test('that a client resumes without having called anything is known, and goes on', async () => {
    const { kit, store, listen, resume } = given();
    const first = listen();
    await until(() => store.events.length === 1);
    await turns(1);
    first.close();
    const { known, exchange } = await resume('get0_e0');
    expect(known).toBe(true);
    await kit.transport.send(note);
    await until(() => exchange.calls.at(-1)?.includes('notifications/test'));
  });

  test.each(['1_e0', '99_e0', 'get1_e0', 'x_e0', 'nothing'])(
    'that there never was is not looked for: %s',
    async (id) => {
      const { kit, store, resume } = given();
      kit.post(request(1));
      await until(() => store.events.length === 1);
      const lookUp = vi.spyOn(store, 'getStreamIdForEventId');
      expect((await resume(id)).known).toBe(false);
      expect([store.calls.replay, lookUp.mock.calls]).toEqual([0, []]);
    },
  );

  test('that the store fails goes on without it, though nothing was ever called', async () => {
    const { kit, store, listen } = given();
    store.beforeStore = () => Promise.reject(new Error('disk full'));
    const get = listen();
    await until(() => kit.told.length === 1);
    expect(kit.told).toEqual(['store failed: The event store failed']);
    await kit.transport.send(note);
    expect(get.calls.at(-1)).toContain('notifications/test');
  });

  test('holds its session once, however its connections end', async () => {
    const { kit, store, resume } = given();
    const first = new FakeExchange();
    first.takesAll = false;
    kit.postBy(first, request(1));
    await until(() => store.events.length === 1);
    await turns(1);
    const { known, exchange: second } = await resume('0_e0');
    expect([known, first.calls.at(-1), first.closed, kit.held]).toEqual([true, 'end', false, 2]);
    expect([kit.load.streams, kit.transport.openStreams]).toEqual([2, 2]);
    second.close();
    expect([kit.held, kit.load.streams]).toEqual([1, 1]); // the first's, whose peer still takes what it had
    first.take();
    expect([kit.held, kit.load.streams]).toEqual([1, 0]); // for its client, which may come back
    kit.clock.increment(RESUME_TIMEOUT);
    expect([kit.held, kit.transport.awaitedCalls]).toEqual([0, 0]);
  });

  test('without an event store there is nothing to forget', async () => {
    await new TransportKit().transport.forget();
    expect(new TransportKit().told).toEqual([]);
  });
});

describe('the server', () => {
  test('that asks the client in JSON mode is refused: an answer is no stream', async () => {
    const kit = new TransportKit();
    kit.post(request(1));
    const asking = kit.transport.send(request('q', 'roots/list'), { relatedRequestId: 1 });
    await expect(asking).rejects.toMatchObject({ code: 'NO_STREAM' });
  });

  test('that throws, or rejects, where it gets a message is told of', async () => {
    const kit = new TransportKit();
    kit.transport.onmessage = () => {
      throw new Error('thrown');
    };
    kit.post(note);
    kit.transport.onmessage = () => Promise.reject(new Error('rejected')) as never;
    kit.post(note);
    await null;
    await null;
    expect(kit.told).toEqual(['failed: thrown', 'failed: rejected']);
  });

  test('that closes its connection is told so once', async () => {
    const kit = new TransportKit();
    let told = 0;
    kit.transport.onclose = () => told++;
    await kit.transport.start();
    await kit.transport.close();
    await kit.transport.close();
    expect([told, kit.told]).toEqual([1, ['closed']]);
  });

  test('is refused a request that nobody could answer; a notification is lost', async () => {
    const { transport } = new TransportKit();
    await expect(transport.send(request(1, 'ping'))).rejects.toMatchObject({
      code: 'NO_STREAM',
      message: 'No stream is open that could carry ping to the client',
    });
    await transport.send(note);
    await transport.send(note, { relatedRequestId: 7 });
  });
});

describe('when it is shut', () => {
  test('every call is answered, once and with the first word, and nothing can be sent any more', async () => {
    const kit = new TransportKit();
    const { transport } = kit;
    const exchanges = [kit.post(request(1)), kit.post(request(2))];
    transport.shut('the end');
    transport.shut('another');
    expect(exchanges.map(answered)).toEqual([1, 2].map((id) => [{ jsonrpc: '2.0', id, error: ENDED }]));
    expect([transport.awaitedCalls, kit.load.calls, kit.held]).toEqual([0, 0, 0]);
    await expect(transport.send(note)).rejects.toMatchObject({
      code: 'SESSION_CLOSED',
      message: 'The session has ended',
    });
    await transport.send(result(1)); // its handler has not heard of it yet
    expect([exchanges.flatMap(answered).length, kit.load.calls]).toEqual([2, 0]);
  });

  test('what is delivered after it is answered, and not received', () => {
    const kit = new TransportKit();
    kit.transport.shut('the end');
    const exchange = kit.post(request(1));
    expect(answered(exchange)).toEqual([
      { jsonrpc: '2.0', id: 1, error: { code: -32000, message: 'The session has ended' } },
    ]);
    expect([kit.received, kit.load.calls, kit.held]).toEqual([[], 0, 0]);
  });

  test('by the first of several messages, the others are answered', () => {
    const kit = new TransportKit();
    kit.transport.onmessage = () => kit.transport.shut('the end');
    const exchange = kit.post(request(1), request(2));
    expect(answered(exchange)).toEqual([1, 2].map((id) => ({ jsonrpc: '2.0', id, error: ENDED })));
    expect([kit.load.calls, kit.held]).toEqual([0, 0]);
  });
});
