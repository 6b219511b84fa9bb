/** Stateless calls by themselves: how many there may be, what each is answered, and when its server is closed. */
import { describe, expect, test } from 'vitest';
import { REFUSALS, type RefusalName } from '../../src/errors.ts';
import { StatelessCalls } from '../../src/supervisor/statelessCalls.ts';
import { turns, until } from '../support/until.ts';
import { FakeExchange } from '../transport/fakeExchange.ts';
import { answered, request, result } from '../transport/transportKit.ts';
import { PassiveServer, TestHost } from './life.ts';

function given(options: object = {}) {
  const servers: PassiveServer[] = [];
  const build = () => {
    const server = new PassiveServer();
    servers.push(server);
    return server;
  };
  const host = new TestHost({ server: build, stateless: true, enableJsonResponse: true, ...options });
  let ended = 0;
  const calls = new StatelessCalls(host, () => ended++);
  /** Has a call answered, and waits until its server has it. */
  const begin = async (exchange = new FakeExchange()) => {
    const call = calls.admit(exchange);
    if (typeof call === 'string') throw new Error(`There was no room: ${call}`);
    await call.answer([request(1)], false, undefined);
    return exchange;
  };
  return { servers, host, calls, begin, ended: () => ended };
}

const refusalOf = (name: RefusalName) => {
  const { code, message } = REFUSALS[name];
  return [{ jsonrpc: '2.0', id: null, error: { code, message } }];
};

test('a call is there until its server is closed', async () => {
  const { servers, calls, begin, ended } = given();
  expect(calls.empty).toBe(true);
  const exchange = await begin();
  expect(calls.empty).toBe(false);
  let close = () => {};
  const [server] = servers as [PassiveServer];
  server.close = () => new Promise((resolve) => (close = resolve));
  await server.transport.send(result(1));
  expect([answered(exchange), calls.empty, ended()]).toEqual([[result(1)], false, 0]);
  close();
  await until(() => calls.empty);
  expect(ended()).toBe(1);
});

describe('there is no room', () => {
  test('for more calls than maxSessions', async () => {
    const { calls, begin } = given({ maxSessions: 2 });
    const first = await begin();
    await begin();
    expect(calls.admit(new FakeExchange())).toBe('full');
    first.close();
    expect(typeof calls.admit(new FakeExchange())).toBe('object');
  });

  test('while too many servers are being closed', async () => {
    const { servers, host, calls, begin } = given();
    for (let n = 0; n < 4; n++) {
      const exchange = await begin();
      (servers[n] as PassiveServer).close = () => new Promise(() => {});
      exchange.close();
    }
    await turns(1);
    expect([host.servers.closing, calls.admit(new FakeExchange())]).toEqual([4, 'tooManyServers']);
  });
});

describe('a call that is not delivered yet', () => {
  test.each([
    [
      'initializeTimeout',
      'initializeTimeout passes',
      ({ host }) => host.clock.increment(host.options.initializeTimeout),
    ],
    ['draining', 'the time of a drain is up', ({ calls }) => calls.endAll()],
  ] as const satisfies [RefusalName, string, (what: ReturnType<typeof given>) => void][])(
    'is refused (%s) when %s',
    async (name, _, happen) => {
      const what = given({ server: () => new Promise(() => {}) });
      const exchange = new FakeExchange();
      const call = what.calls.admit(exchange);
      if (typeof call === 'object') void call.answer([request(1)], false, undefined);
      happen(what);
      expect(answered(exchange)).toEqual(refusalOf(name));
    },
  );

  test('is refused when its server can not be built, which is logged', async () => {
    const error = new Error('no server');
    const { host, calls, begin } = given({ server: () => Promise.reject(error) });
    expect(answered(await begin())).toEqual(refusalOf('serverFailed'));
    expect(host.entries).toEqual([
      { level: 'error', event: 'server.failed', message: 'A stateless server failed', error },
    ]);
    await until(() => calls.empty);
    expect(host.clock.pending).toEqual([]);
  });
});

test('a call that is delivered has all the time that it needs, and an error when a drain’s is up', async () => {
  const { servers, host, calls, begin } = given();
  const exchange = await begin();
  host.clock.increment(10 * host.options.initializeTimeout);
  expect([answered(exchange), host.clock.pending]).toEqual([[], []]);
  calls.endAll();
  expect(answered(exchange)).toMatchObject([{ id: 1, error: { code: -32000, message: 'The call was ended' } }]);
  await until(() => calls.empty);
  expect(servers[0]?.did).toEqual(['connected', 'closed']);
});

describe('a server that closes itself', () => {
  test('ends its call with an error', async () => {
    const { servers, calls, begin } = given();
    const exchange = await begin();
    await servers[0]?.transport.close();
    expect(answered(exchange)).toMatchObject([{ id: 1, error: { message: 'The call was ended' } }]);
    await until(() => calls.empty);
  });

  test('before it has the call: that is refused', async () => {
    const server = {
      connect: async (transport: { close(): Promise<void> }) => transport.close(),
      close: async () => {},
    };
    const { calls, begin } = given({ server: () => server });
    expect(answered(await begin())).toEqual(refusalOf('endedEarly'));
    await until(() => calls.empty);
  });
});

test('a server that throws when it is told of the end is closed all the same, and logged', async () => {
  const { servers, host, calls, begin } = given();
  const exchange = await begin();
  const error = new Error('onclose');
  const [server] = servers as [PassiveServer];
  server.transport.onclose = () => {
    throw error;
  };
  exchange.close();
  await until(() => calls.empty);
  expect(server.did).toEqual(['connected', 'closed']);
  const message = 'The server threw when told of its end';
  expect(host.entries).toEqual([{ level: 'warn', event: 'server.closeFailed', message, error }]);
});
