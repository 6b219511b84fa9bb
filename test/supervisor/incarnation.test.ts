/** One life of a session by itself: what it tells its session, whom it answers, and what it leaves when it ends. */
import { describe, expect, test } from 'vitest';
import { REFUSALS, type RefusalName } from '../../src/errors.ts';
import type { EndReason } from '../../src/machines/reasons.ts';
import { Incarnation } from '../../src/supervisor/incarnation.ts';
import { storeBut } from '../stores/stores.ts';
import { turns, until } from '../support/until.ts';
import { FakeExchange } from '../transport/fakeExchange.ts';
import { answered } from '../transport/transportKit.ts';
import { INITIALIZE, PassiveServer, TestHost } from './life.ts';

const SESSION = {
  principal: undefined,
  authInfo: undefined,
  clientInfo: undefined,
  protocolVersion: undefined,
  session: undefined,
};
const RESULT = { jsonrpc: '2.0', id: 0, result: { protocolVersion: '2025-11-25' } } as const;

function given(options: object = {}) {
  const server = new PassiveServer();
  const host = new TestHost({ server: () => server, enableJsonResponse: true, ...options });
  const told: unknown[] = [];
  const session = {
    id: 'session-1',
    opens: true,
    number: undefined,
    memory: undefined,
    state: 'active' as const,
    surroundings: undefined as never, // nobody asks for them here
    drop: () => {},
    opened: () => session.opens,
    released: () => told.push('released'),
    protocolVersion: '2025-11-25',
    quiet: () => told.push('quiet'),
    terminate: async (reason: EndReason, error?: unknown) => {
      told.push(error === undefined ? reason : [reason, error]);
      return true;
    },
  };
  const incarnation = new Incarnation(session, host);
  const open = async (exchange = new FakeExchange()) => {
    const { requestInfo } = exchange;
    await incarnation.open(exchange, INITIALIZE, { id: 'session-1', requestInfo, ...SESSION });
    return exchange;
  };
  return { server, host, told, session, incarnation, open };
}

/** What is refused under a name, as it is on the wire. */
const refusalOf = (name: RefusalName) => {
  const { code, message } = REFUSALS[name];
  return [{ jsonrpc: '2.0', id: 0, error: { code, message } }];
};

describe('an initialize', () => {
  test('that is answered with a result holds the session until its exchange has ended', async () => {
    const { server, told, open } = given();
    const exchange = await open();
    exchange.takesAll = false;
    await server.transport.send(RESULT);
    expect([answered(exchange), told]).toEqual([[RESULT], []]);
    expect(exchange.calls).toEqual([expect.stringMatching(/ \{"jsonrpc".*\}$/)]); // one message, no batch
    exchange.take();
    expect(told).toEqual(['released']);
  });

  test('that is answered with an error ends it', async () => {
    const { server, told, open } = given();
    const exchange = await open();
    exchange.takesAll = false;
    const error = { jsonrpc: '2.0', id: 0, error: { code: 1, message: 'no' } } as const;
    await server.transport.send(error);
    expect([answered(exchange), told]).toEqual([[error], ['closed']]);
  });

  test('whose client leaves ends it, and its answer comes too late', async () => {
    const { server, told, open, incarnation } = given();
    const exchange = await open();
    exchange.close();
    expect(told).toEqual(['closed']);
    const ending = incarnation.end('closed');
    await server.transport.send(RESULT);
    await ending;
    expect([told, server.did]).toEqual([['closed'], ['connected', 'closed']]);
  });

  test('whose session is not to be opened is answered all the same', async () => {
    const { server, told, session, incarnation, open } = given();
    const exchange = await open();
    session.opens = false;
    await server.transport.send(RESULT);
    const error = new Error('The session was not to be opened when its initialize was answered');
    expect([answered(exchange), told]).toEqual([[], [['crashed', error]]]);
    await incarnation.end('crashed');
    expect(answered(exchange)).toEqual(refusalOf('serverFailed'));
  });

  test.each([
    ['initializeTimeout', 'initializeTimeout'],
    ['lifetime', 'initializeTimeout'],
    ['crashed', 'serverFailed'],
    ['drained', 'draining'],
    ['terminated', 'endedEarly'],
    ['evicted', 'endedEarly'],
  ] as const)('that is not answered yet when it ends as %s is refused: %s', async (reason, name) => {
    const { server, incarnation, open } = given();
    const exchange = await open();
    await incarnation.end(reason);
    expect(answered(exchange)).toEqual(refusalOf(name));
    expect(server.did).toEqual(['connected', 'closed']);
  });

  test('that comes when it has ended is refused, and no server is built', async () => {
    const { server, incarnation, open } = given();
    await incarnation.end('terminated');
    expect(answered(await open())).toEqual(refusalOf('endedEarly'));
    expect(server.did).toEqual([]);
  });

  test('whose server can not be built ends it as crashed, with the error', async () => {
    const error = new Error('no server');
    const { told, open } = given({ server: () => Promise.reject(error) });
    await open();
    expect(told).toEqual([['crashed', error]]);
  });
});

describe('when it has ended', () => {
  test('it tells its session nothing any more', async () => {
    const { server, host, told, incarnation, open } = given();
    const exchange = await open();
    exchange.takesAll = false;
    await server.transport.send(RESULT);
    await incarnation.end('deleted');
    exchange.take();
    incarnation.quiet();
    await server.transport.close();
    expect([told, host.entries]).toEqual([[], []]);
  });

  test('a server that fails then is logged', async () => {
    const { host, told, incarnation } = given();
    await incarnation.end('deleted');
    const error = new Error('late');
    incarnation.failed(error);
    expect(told).toEqual([]);
    expect(host.entries).toEqual([
      {
        level: 'warn',
        event: 'server.failed',
        message: 'The server failed after its session had ended',
        sessionId: 'session-1',
        error,
      },
    ]);
  });
});

describe('its end', () => {
  test('is not kept by a server that throws when it is told', async () => {
    const { server, host, incarnation, open } = given();
    await open();
    const error = new Error('onclose');
    server.transport.onclose = () => {
      throw error;
    };
    await incarnation.end('deleted');
    expect(server.did).toEqual(['connected', 'closed']);
    const message = 'The server threw when told of its end';
    expect(host.entries).toEqual([
      { level: 'warn', event: 'session.closeFailed', message, sessionId: 'session-1', error },
    ]);
  });

  test('is not kept by an answer that can not be written', async () => {
    const error = new Error('no answer');
    class Broken extends FakeExchange {
      override respond(): void {
        throw error;
      }
    }
    const { server, host, incarnation, open } = given();
    await open(new Broken());
    await incarnation.end('terminated');
    expect(server.did).toEqual(['connected', 'closed']);
    const message = 'An answer could not be written';
    expect(host.entries).toEqual([
      { level: 'warn', event: 'session.closeFailed', message, sessionId: 'session-1', error },
    ]);
  });

  test('waits for an event store that forgets, a second at most, and tells of one that fails', async () => {
    const forget = () => new Promise<void>(() => {});
    const { host, incarnation } = given({ eventStore: { ...storeBut({}), forget }, shutdownTimeout: 2_000 });
    let ended = false;
    const ending = incarnation.end('deleted').then(() => (ended = true));
    host.clock.increment(999);
    await turns(1);
    expect(ended).toBe(false);
    host.clock.increment(1);
    await until(ending);
    expect(host.entries).toMatchObject([
      {
        level: 'warn',
        event: 'store.failed',
        message: 'The event store failed; a stream goes on without it',
        sessionId: 'session-1',
        error: { code: 'EVENT_STORE_FAILED' },
      },
    ]);
    expect(host.clock.pending).toEqual([]);
  });

  test('by its lifetime lets calls be answered, and no longer once it is to hurry', async () => {
    const { server, host, incarnation, open } = given({ shutdownTimeout: 2_000 });
    await open();
    await server.transport.send(RESULT);
    const exchange = new FakeExchange();
    const call = { jsonrpc: '2.0', id: 1, method: 'tools/call' } as const;
    incarnation.transport.deliver(exchange, [call], false, incarnation.hold(exchange));
    let ended = false;
    const ending = incarnation.end('lifetime').then(() => (ended = true));
    await turns(2);
    expect([ended, host.clock.pending.map(({ delay }) => delay)]).toEqual([false, [2_000]]);
    incarnation.hurry();
    await until(ending);
    expect(answered(exchange)).toMatchObject([{ id: 1, error: { message: 'Session ended: lifetime' } }]);
  });
});
