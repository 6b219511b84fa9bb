/** What a session's server and client set: it is stored before anybody is told, or nobody is told. */
import { describe, expect, test } from 'vitest';
import { createMemorySessionStore, type SessionContext } from '../../../src/index.ts';
import { controlledSessionStore } from '../../support/controlledSessionStore.ts';
import { ControlledStore, Door, never } from '../../support/controlledStore.ts';
import { lifeOf } from '../../support/sessionLife.ts';
import { advance } from '../../support/simulatedClock.ts';
import { turns, until } from '../../support/until.ts';
import { call, calling, open, park, ping, post, start } from './life.ts';

/** A live session whose store the test can hold. */
async function live(options: Parameters<typeof start>[1] = {}) {
  const sessionStore = controlledSessionStore();
  const process = start(sessionStore, options);
  const id = await open(process);
  return { sessionStore, process, id };
}

const LEVEL = { id: 5, method: 'logging/setLevel', params: { level: 'error' } };
const SUBSCRIBE = { id: 5, method: 'resources/subscribe', params: { uri: 'a:' } };

describe('an answer', () => {
  test.each([
    ['of a call that sets state', calling('count')],
    ['of logging/setLevel', LEVEL],
    ['of resources/subscribe', SUBSCRIBE],
  ])('%s leaves when that is stored, and no sooner', async (_, body) => {
    const { sessionStore, process, id } = await live();
    const door = new Door();
    const { update } = sessionStore.calls;
    sessionStore.before.update = door.pass;
    let isAnswered = false;
    const answer = post(process, body, id).finally(() => {
      isAnswered = true;
    });
    await until(() => sessionStore.calls.update === update + 1);
    await turns(5);
    expect(isAnswered).toBe(false);
    door.open();
    expect((await answer).message).toHaveProperty('result');
  });

  test('enters the event log no sooner, too', async () => {
    const eventStore = new ControlledStore();
    const { sessionStore, process, id } = await live({ eventStore });
    const door = new Door();
    const { update } = sessionStore.calls;
    sessionStore.before.update = door.pass;
    const answer = call(process, id, 'count');
    await until(() => sessionStore.calls.update === update + 1);
    await turns(5);
    const answers = () => eventStore.events.filter(({ json }) => json.includes('"text":"1"')).length;
    expect(answers()).toBe(0);
    door.open();
    expect([await answer, answers()]).toEqual(['1', 1]);
  });

  test('of a call that set nothing waits for what was set before it, and for nothing else', async () => {
    const { sessionStore, process, id } = await live();
    const door = new Door();
    const { update } = sessionStore.calls;
    expect(await call(process, id, 'echo', { text: 'a' })).toBe('a');
    expect(sessionStore.calls.update).toBe(update); // no write for a call
    sessionStore.before.update = door.pass;
    const order: string[] = [];
    const first = call(process, id, 'count').then((text) => order.push(text));
    await until(() => sessionStore.calls.update === update + 1);
    const second = call(process, id, 'echo', { text: 'b' }).then((text) => order.push(text));
    await turns(5);
    expect(order).toEqual([]);
    door.open();
    await Promise.all([first, second]);
    expect(order).toEqual(['1', 'b']);
  });

  test('what many calls of a turn set is one write at a time', async () => {
    const { sessionStore, process, id } = await live();
    const { update } = sessionStore.calls;
    const texts = await Promise.all(Array.from({ length: 20 }, () => call(process, id, 'count')));
    expect(texts.at(-1)).toBe('20');
    expect(sessionStore.calls.update - update).toBeLessThan(20);
    expect(await sessionStore.load(id)).toMatchObject({ record: { state: '{"count":20}' } });
  });
});

describe('a write that', () => {
  test('fails for 5 s: the call gets an error, the incarnation is dropped, and the record is the truth', async () => {
    const { sessionStore, process, id } = await live();
    expect(await call(process, id, 'count')).toBe('1');
    sessionStore.before.update = () => Promise.reject(new Error('full'));
    const answer = post(process, calling('count', {}, 9), id);
    await until(() => sessionStore.calls.update > 0);
    await advance(process.clock, 4_900, 100);
    expect(process.supervisor.session(id)?.state).toBe('active');
    await advance(process.clock, 200, 100);
    expect((await answer).message).toMatchObject({ id: 9, error: { code: -32000 } });
    expect(lifeOf(process.events).at(-1)).toBe('parked');
    expect(process.log.filter(({ event }) => event === 'session.dropped')).toHaveLength(1);
    delete sessionStore.before.update;
    expect(await call(process, id, 'count')).toBe('2');
    expect(process.supervisor.session(id)?.epoch).toBe(2);
  });

  test('fails once: it is tried again, and the answer leaves', async () => {
    const { sessionStore, process, id } = await live();
    let failures = 0;
    sessionStore.before.update = () => {
      if (failures++ === 0) throw new Error('busy');
    };
    const answer = call(process, id, 'count');
    await until(() => failures === 1);
    await advance(process.clock, 50);
    expect(await answer).toBe('1');
    expect(lifeOf(process.events)).not.toContain('parked');
  });

  test('hangs: given up after 5 s; the next call wakes the session', async () => {
    const { sessionStore, process, id } = await live();
    sessionStore.before.update = never;
    const answer = post(process, calling('count'), id);
    await until(() => sessionStore.calls.update > 0);
    await turns(3);
    await advance(process.clock, 5_000);
    expect((await answer).message?.error?.code).toBe(-32000);
    delete sessionStore.before.update;
    expect(await call(process, id, 'count')).toBe('1');
  });

  test('is fenced: the call gets an error, the incarnation is dropped', async () => {
    const { sessionStore, process, id } = await live();
    await sessionStore.claim(id, 1);
    expect((await post(process, calling('count'), id)).message?.error?.code).toBe(-32000);
    expect(lifeOf(process.events).at(-1)).toBe('parked');
    expect(await sessionStore.load(id)).toMatchObject({ record: { epoch: 2, state: '{}' } });
  });

  test('finds the record gone: the session has ended', async () => {
    const { sessionStore, process, id } = await live();
    await sessionStore.remove(id, 1);
    expect((await post(process, calling('count'), id)).message?.error?.code).toBe(-32000);
    await until(() => process.supervisor.session(id) === undefined);
    expect(lifeOf(process.events).at(-1)).toBe('terminated: terminated');
    expect((await ping(process, id)).status).toBe(404);
  });

  test('is answered with nonsense: as one that fails', async () => {
    const { sessionStore, process, id } = await live();
    sessionStore.instead.update = () => 'fine';
    const answer = post(process, calling('count'), id);
    await until(() => sessionStore.calls.update > 0);
    await advance(process.clock, 5_100, 100);
    expect((await answer).message?.error?.code).toBe(-32000);
    expect(lifeOf(process.events).at(-1)).toBe('parked');
  });

  test('is of activity alone, and fails: nobody notices', async () => {
    const { sessionStore, process, id } = await live();
    await advance(process.clock, 30_000);
    sessionStore.before.update = () => Promise.reject(new Error('full'));
    await advance(process.clock, 31_000, 1_000);
    expect(await call(process, id, 'echo', { text: 'a' })).toBe('a');
    expect(process.supervisor.session(id)?.epoch).toBe(1);
    expect(process.log.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('is of activity: once in 30 s at most, however many calls there are', async () => {
    const { sessionStore, process, id } = await live();
    const { update } = sessionStore.calls;
    for (let n = 0; n < 60; n++) {
      await ping(process, id);
      await advance(process.clock, 1_000);
    }
    expect(sessionStore.calls.update - update).toBeLessThanOrEqual(3);
    expect(sessionStore.calls.update - update).toBeGreaterThanOrEqual(1);
  });

  test('is that of notifications/initialized: 503 where it fails', async () => {
    const sessionStore = controlledSessionStore();
    const process = start(sessionStore);
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'a', version: '1' } };
    const opened = await post(process, { id: 1, method: 'initialize', params });
    const id = opened.headers.get('mcp-session-id') as string;
    await sessionStore.claim(id, 1);
    expect((await post(process, { method: 'notifications/initialized' }, id)).status).toBe(503);
  });
});

describe('session.state', () => {
  /** The state of a new session, and its supervisor. */
  async function given(options: Parameters<typeof start>[1] = {}) {
    const contexts: SessionContext[] = [];
    const process = start(createMemorySessionStore(), {
      ...options,
      server: (session, build) => {
        contexts.push(session);
        return build();
      },
    });
    const id = await open(process);
    return { process, id, contexts, state: contexts[0]?.state as NonNullable<SessionContext['state']> };
  }

  test('holds JSON by name, copied on its way in and out', async () => {
    const { state } = await given();
    const value = { list: [1, 'a', null, true], 'ünï\u2028': { '': '' } };
    state.set('a', value);
    value.list.push('later');
    expect(state.get('a')).toEqual({ list: [1, 'a', null, true], 'ünï\u2028': { '': '' } });
    (state.get('a') as { list: unknown[] }).list.push('out');
    expect(state.get('a')).toEqual({ list: [1, 'a', null, true], 'ünï\u2028': { '': '' } });
    state.set('__proto__', 1);
    expect([...state.entries()].map(([key]) => key)).toEqual(['a', '__proto__']);
    expect([state.delete('a'), state.delete('a'), state.get('a'), state.get('toString')]).toEqual([
      ...[true, false, undefined, undefined],
    ]);
  });

  const circle: unknown[] = [];
  circle.push(circle);
  test.each([
    ['undefined', undefined],
    ['a function', () => {}],
    ['a symbol', Symbol('a')],
    ['a bigint', 1n],
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['an error', new Error('a')],
    ['a hole', new Array(1)],
    ['undefined within', { a: [undefined] }],
    ['toJSON', { toJSON: () => 1 }],
    ['a circle', circle],
  ])('refuses %s, and is as before', async (_, value) => {
    const { state } = await given();
    state.set('a', 1);
    expect(() => state.set('a', value)).toThrow(expect.objectContaining({ code: 'INVALID_STATE' }));
    expect([...state.entries()]).toEqual([['a', 1]]);
  });

  test('is bounded by maxStateSize, in bytes of its JSON, to the byte', async () => {
    const { state } = await given({ maxStateSize: 20 });
    state.set('a', 'x'.repeat(12)); // {"a":"xxxxxxxxxxxx"} has 20
    expect(() => state.set('a', 'x'.repeat(13))).toThrow(/21 bytes as JSON, and may have 20/);
    expect(() => state.set('b', 1)).toThrow(expect.objectContaining({ code: 'INVALID_STATE' }));
    state.delete('a');
    expect(() => state.set('a', 'ü'.repeat(7))).toThrow(expect.objectContaining({ code: 'INVALID_STATE' }));
    state.set('a', 'ü'.repeat(6));
  });

  test('is closed when its server’s part is over: what is set then would be lost', async () => {
    const { process, id, contexts, state } = await given({ parkAfter: 1_000 });
    state.set('a', 1);
    await park(process, id, 1_000);
    for (const late of [() => state.set('a', 2), () => state.delete('a')]) {
      expect(late).toThrow(expect.objectContaining({ code: 'SESSION_CLOSED' }));
    }
    expect(state.get('a')).toBe(1);
    await ping(process, id);
    expect(contexts[1]?.state?.get('a')).toBe(1);
    await process.supervisor.terminate(id);
    expect(() => contexts[1]?.state?.set('a', 2)).toThrow(expect.objectContaining({ code: 'SESSION_CLOSED' }));
  });

  test('that is set by nobody’s call is stored by itself', async () => {
    const { process, id, state, contexts } = await given({ parkAfter: 1_000 });
    state.set('a', 1);
    await turns(3);
    await park(process, id, 1_000);
    await ping(process, id);
    expect(contexts[1]?.state?.get('a')).toBe(1);
  });

  test('lives with the session where there is no session store', async () => {
    const process = start(undefined);
    const id = await open(process);
    expect([await call(process, id, 'count'), await call(process, id, 'count')]).toEqual(['1', '2']);
    expect(process.built[0]).toMatchObject({ epoch: 1, restored: false });
  });
});

test('what is assigned to it, and would be lost in silence, throws', async () => {
  const process = start(createMemorySessionStore());
  await open(process);
  const state = process.built[0]?.state as unknown as Record<string, unknown>;
  expect(() => {
    state['count'] = 1;
  }).toThrow(TypeError);
  expect([...(process.built[0]?.state?.entries() ?? [])]).toEqual([]);
});
