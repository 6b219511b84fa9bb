/** The opening of a session that is to outlive its server: its id goes out when its record is there, and not otherwise. */
import { describe, expect, test } from 'vitest';
import { SupervisorError } from '../../../src/index.ts';
import { controlledSessionStore } from '../../support/controlledSessionStore.ts';
import { Door, never } from '../../support/controlledStore.ts';
import { lifeOf } from '../../support/sessionLife.ts';
import { advance } from '../../support/simulatedClock.ts';
import { turns, until } from '../../support/until.ts';
import { call, initializing, open, ping, post, start } from './life.ts';

/** A process whose store can be held, and an initialize that is on its way. */
function opening(options: Parameters<typeof start>[1] = {}) {
  const sessionStore = controlledSessionStore();
  const process = start(sessionStore, { sessionIdGenerator: () => 'one', ...options });
  return { sessionStore, process };
}

describe('an initialize', () => {
  test('is answered when the record is stored, and no sooner', async () => {
    const { sessionStore, process } = opening();
    const door = new Door();
    sessionStore.before.create = door.pass;
    let isAnswered = false;
    const answer = post(process, initializing()).finally(() => {
      isAnswered = true;
    });
    await until(() => sessionStore.calls.create === 1);
    await turns(5);
    expect([isAnswered, process.supervisor.session('one')?.state]).toEqual([false, 'initializing']);
    door.open();
    expect((await answer).headers.get('mcp-session-id')).toBe('one');
  });

  test.each([
    ['fails', () => Promise.reject(new Error('full'))],
    ['is out of space', () => Promise.reject(new SupervisorError('STORE_FAILED', 'no space'))],
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['hangs', never],
  ])('over a store that %s: 503, no id goes out, and nothing is left', async (_, step) => {
    const { sessionStore, process } = opening();
    sessionStore.before.create = step;
    const answer = post(process, initializing(7));
    await until(() => sessionStore.calls.create === 1);
    await advance(process.clock, 5_000);
    const { status, headers, message } = await answer;
    expect([status, headers.get('mcp-session-id'), headers.get('retry-after')]).toEqual([503, null, '5']);
    expect(message).toMatchObject({ id: 7, error: { message: 'Service Unavailable: the store does not answer' } });
    expect(lifeOf(process.events)).toEqual(['terminated: closed']);
    await until(() => process.supervisor.stats().sessions.initializing === 0);
    expect(process.supervisor.session('one')).toBeUndefined();
  });

  test('whose record was stored though the store said that it failed: it is removed', async () => {
    const { sessionStore, process } = opening();
    sessionStore.instead.create = () => Promise.reject(new Error('the connection broke'));
    expect((await post(process, initializing())).status).toBe(503);
    await advance(process.clock, 1_000);
    expect(await sessionStore.load('one')).toEqual({ verdict: 'gone' });
  });

  test('whose client leaves while it is stored: the record does not stay', async () => {
    const { sessionStore, process } = opening();
    const door = new Door();
    sessionStore.before.create = door.pass;
    const left = new AbortController();
    const body = JSON.stringify({ jsonrpc: '2.0', ...initializing() });
    const headers = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
    const request = new Request('http://localhost/mcp', { method: 'POST', headers, body, signal: left.signal });
    void process.supervisor.fetch(request).catch(() => {});
    await until(() => sessionStore.calls.create === 1);
    left.abort();
    await until(() => process.events.length > 0);
    door.open();
    await until(() => sessionStore.calls.remove === 1);
    expect(lifeOf(process.events)).toEqual(['terminated: closed']);
    expect(await sessionStore.count()).toEqual({ sessions: 0, parked: 0 });
  });

  test('that takes too long while it is stored: 504, and the record does not stay', async () => {
    const { sessionStore, process } = opening({ initializeTimeout: 1_000 });
    const door = new Door();
    sessionStore.before.create = door.pass;
    const answer = post(process, initializing());
    await until(() => sessionStore.calls.create === 1);
    await advance(process.clock, 1_000);
    expect((await answer).status).toBe(504);
    door.open();
    await until(() => sessionStore.calls.remove === 1);
    expect(await sessionStore.count()).toEqual({ sessions: 0, parked: 0 });
  });

  test('whose id the store has already: 500, and the session of that id is unharmed', async () => {
    const sessionStore = controlledSessionStore();
    const id = await open(start(sessionStore, { sessionIdGenerator: () => 'one' }));
    const process = start(sessionStore, { sessionIdGenerator: () => 'one' });
    expect((await post(process, initializing())).status).toBe(500);
    expect(process.log.find(({ event }) => event === 'sessionStore.failed')?.error).toMatchObject({
      code: 'INVALID_SESSION_ID',
    });
    await advance(process.clock, 1_000);
    expect(await call(process, id, 'count')).toBe('1');
  });

  test('whose record is refused: 500, and no 503 that asks its client to come again', async () => {
    const { sessionStore, process } = opening();
    sessionStore.before.create = () => Promise.reject(new SupervisorError('INVALID_RECORD', 'too large'));
    expect((await post(process, initializing())).status).toBe(500);
  });

  test('that is answered with an error stores nothing', async () => {
    const { sessionStore, process } = opening();
    const { status } = await post(process, { id: 0, method: 'initialize', params: { protocolVersion: 1 } });
    expect([status, sessionStore.calls.create]).toEqual([400, 0]);
  });

  test('what the factory set into the state is stored with it', async () => {
    const sessionStore = controlledSessionStore();
    const server = ({ state, restored }: { state: unknown; restored: boolean }, build: () => never) => {
      if (!restored) (state as Map<string, number>).set('count', 41);
      return build();
    };
    const id = await open(start(sessionStore, { server } as never));
    expect(await call(start(sessionStore), id, 'count')).toBe('42');
  });
});

describe('maxSessionsPerPrincipal', () => {
  test('counts parked sessions too, over every process', async () => {
    const sessionStore = controlledSessionStore();
    const options = { maxSessionsPerPrincipal: 2 };
    const first = start(sessionStore, options);
    const ada = { 'x-user': 'ada' };
    await open(first, ada);
    const id = await open(first, ada);
    const second = start(sessionStore, options);
    const refused = await post(second, initializing(), undefined, ada);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5']);
    await open(second, { 'x-user': 'bob' });
    await open(second);
    expect((await ping(second, id, ada)).status).toBe(200); // one that is there comes back
    expect(await second.supervisor.terminate(id)).toBe(true);
    await open(second, ada);
  });

  test('asks a store that does not count for nothing', async () => {
    const sessionStore = controlledSessionStore({ counts: false });
    const given: unknown[] = [];
    sessionStore.before.create = (_, limits) => void given.push(limits);
    await open(start(sessionStore, { maxSessionsPerPrincipal: 2 }));
    expect(given).toEqual([{}]);
  });
});
