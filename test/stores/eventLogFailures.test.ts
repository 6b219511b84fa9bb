/** One session's view of an event store that fails, hangs, comes back late, or says what it must not. */
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, test } from 'vitest';
import type { EventLog } from '../../src/stores/eventLog.ts';
import { STORE_TIMEOUT } from '../../src/stores/storeOperations.ts';
import { turns, until } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import { failure, GoodStore, late, marked, NEVER, note, openLog, replay, storeBut } from './stores.ts';

describe('a store that fails', () => {
  const cause = new Error('disk full');
  const throws = () => {
    throw cause;
  };
  const rejects = () => Promise.reject(cause);

  test.each([
    ['throws', throws],
    ['rejects', rejects],
  ])('%s: the cause is told', async (_, fails) => {
    const clock = new WatchedClock();
    const storing = openLog(storeBut({ storeEvent: fails }), 'a', clock);
    const lookingUp = openLog(storeBut({ getStreamIdForEventId: fails }), 'a', clock);
    const replaying = openLog(storeBut({ replayEventsAfter: fails }), 'a', clock);
    for (const operation of [
      storing.append('0', note(1)),
      storing.append('0'),
      lookingUp.replayAfter('0_e0', () => {}),
      replaying.replayAfter('0_e0', () => {}),
    ]) {
      const error = await failure(operation);
      expect(error.message).toBe('The event store failed');
      expect(error.cause).toBe(cause);
    }
    expect(clock.pending).toEqual([]);
  });

  test.each([
    ['a newline', 'e\n0'],
    ['a newline that ends it', 'e0\n'],
    ['a carriage return', 'e\r0'],
    ['a NUL', 'e\0'],
    ['a space', 'e 0'],
    ['what is not ASCII', 'é'],
    ['more than a header takes', 'e'.repeat(1_024)],
    ['a number', 7],
    ['nothing', undefined],
    ['null', null],
    ['an object', { toString: () => 'e0' }],
    ['what is no text at all', Object.create(null)],
  ])('makes an event id with %s', async (_, id) => {
    const log = openLog(storeBut({ storeEvent: async () => id as string }));
    expect((await failure(log.append('0', note(1)))).message).toBe(
      'The event store returned an event id that is not visible ASCII',
    );
  });

  test.each([
    ['a newline', 'e\n0'],
    ['a whole event', 'e0\ndata: {"jsonrpc":"2.0"}\n\nid: e1'],
    ['more than a header takes', 'e'.repeat(1_024)],
    ['a number', 7],
    ['nothing', undefined],
  ])('replays an event id with %s: nobody gets it', async (_, id) => {
    const log = openLog(
      storeBut({
        replayEventsAfter: async (_last, { send }) => {
          const stored = marked(note(1), 'session-1:0');
          await send('e1', stored);
          await send(id as string, stored);
          await send('e3', stored);
          return 'session-1:0';
        },
      }),
    );
    const events: string[] = [];
    const replaying = log.replayAfter('0_e0', (_message, eventId) => void events.push(eventId));
    expect((await failure(replaying)).message).toBe('The event store replayed an event id that is not visible ASCII');
    expect(events).toEqual(['0_e1']);
  });

  test('replays what is no message: nobody gets it', async () => {
    const log = openLog(
      storeBut({
        replayEventsAfter: async (_last, { send }) => {
          for (const [n, stored] of [
            marked({}, 'session-1:0'),
            note(1),
            null as unknown as JSONRPCMessage,
            'text' as unknown as JSONRPCMessage,
            marked(note(2), 'session-1:1'),
            marked(note(3), 'session-1:0'),
          ].entries()) {
            await send(`e${n}`, stored);
          }
          return 'session-1:0';
        },
      }),
    );
    expect(await replay(log, '0_e9')).toEqual({ known: true, events: [['0_e5', note(3)]] });
  });
});

describe('a store that hangs', () => {
  test('is waited for five seconds', () => {
    expect(STORE_TIMEOUT).toBe(5_000);
  });

  test.each([
    ['storing', (log: EventLog) => log.append('0', note(1)), { storeEvent: NEVER }],
    ['looking up', (log: EventLog) => log.replayAfter('0_e0', () => {}), { getStreamIdForEventId: NEVER }],
    ['replaying', (log: EventLog) => log.replayAfter('0_e0', () => {}), { replayEventsAfter: NEVER }],
  ] as const)('%s: fails when its time is up, and not before', async (_, start, broken) => {
    const clock = new WatchedClock();
    let settled = false;
    const operation = start(openLog(storeBut(broken), 'a', clock));
    void operation.catch(() => {}).finally(() => (settled = true));
    await turns(1);
    clock.increment(STORE_TIMEOUT - 1);
    await turns(1);
    expect(settled).toBe(false);
    clock.increment(1);
    expect((await failure(operation)).message).toBe(late);
    expect(clock.pending).toEqual([]);
  });

  test('between two events gets the time anew with each of them', async () => {
    const clock = new WatchedClock();
    const waiting: (() => void)[] = [];
    const log = openLog(
      storeBut({
        replayEventsAfter: async (_, { send }) => {
          for (let n = 1; ; n++) {
            await new Promise<void>((resolve) => waiting.push(resolve));
            await send(`e${n}`, marked(note(n), 'a:0'));
          }
        },
      }),
      'a',
      clock,
    );
    const events: string[] = [];
    const operation = log.replayAfter('0_e0', (_, id) => void events.push(id));
    operation.catch(() => {});
    for (let n = 1; n <= 5; n++) {
      const next = await until(() => waiting.shift());
      clock.increment(STORE_TIMEOUT - 1);
      next();
      await until(() => events.length === n);
    }
    const next = await until(() => waiting.shift());
    clock.increment(STORE_TIMEOUT);
    expect((await failure(operation)).message).toBe(late);

    next();
    await until(() => waiting.length === 1); // it goes on, and is not listened to
    expect(events).toEqual(['0_e1', '0_e2', '0_e3', '0_e4', '0_e5']);
    expect(clock.pending).toEqual([]);
  });

  test.each([
    ['with an answer', () => Promise.resolve('e0')],
    ['with a failure', () => Promise.reject(new Error('late'))],
  ])('and comes back late, %s: nobody cares', async (_, answer) => {
    const clock = new WatchedClock();
    let comeBack = () => {};
    const log = openLog(
      storeBut({ storeEvent: () => new Promise<void>((resolve) => (comeBack = resolve)).then(answer) }),
      'a',
      clock,
    );
    const operation = log.append('0', note(1));
    operation.catch(() => {});
    await until(() => clock.pending.length === 1);
    clock.increment(STORE_TIMEOUT);
    await failure(operation);
    comeBack();
    await turns(2); // Node would tell of an unhandled rejection by now, which fails the run
    expect(clock.pending).toEqual([]);
  });

  test('does not keep what else is asked of it waiting', async () => {
    let hang = true;
    const good = new GoodStore();
    const log = openLog(
      storeBut({
        storeEvent: (streamId, message) => {
          if (!hang) return good.storeEvent(streamId, message);
          hang = false;
          return NEVER();
        },
      }),
    );
    log.append('0', note(1)).catch(() => {});
    expect(await until(log.append('0', note(2)))).toBe('0_e0');
  });
});

test('a store that is done is not listened to any more', async () => {
  let later: (() => Promise<void>) | undefined;
  const clock = new WatchedClock();
  const log = openLog(
    storeBut({
      replayEventsAfter: async (_, { send }) => {
        later = () => send('e1', marked(note(1), 'a:0'));
        return 'a:0';
      },
    }),
    'a',
    clock,
  );
  const { events } = await replay(log, '0_e0');
  await later?.();
  expect(events).toEqual([]);
  expect(clock.pending).toEqual([]);
});

describe('a session that is to be forgotten', () => {
  test("is named by what all of its streams' ids begin with, and no other session's", async () => {
    const stored: string[] = [];
    const forgotten: string[] = [];
    const store = {
      ...storeBut({
        storeEvent: async (streamId) => {
          stored.push(streamId);
          return 'e0';
        },
      }),
      forget: (prefix: string) => void forgotten.push(prefix),
    };
    const sessions = ['a', 'ab', 'a:0', 'a_', 'a%5F'];
    for (const id of sessions) {
      for (const streamId of ['0', '10', 'get11']) await openLog(store, id).append(streamId, note(1));
      await openLog(store, id).forget();
    }
    for (const [n, prefix] of forgotten.entries()) {
      expect(stored.filter((streamId) => streamId.startsWith(prefix))).toEqual(stored.slice(3 * n, 3 * n + 3));
    }
    expect(forgotten).toHaveLength(sessions.length);
  });

  test('is left alone by a store that can forget none, and nothing is waited for', async () => {
    const clock = new WatchedClock();
    const log = openLog(new GoodStore(), 'a', clock);
    await log.append('0', note(1));
    const { setTimeout } = { ...clock.calls };
    await until(log.forget().then(() => 'done'));
    expect(clock.calls.setTimeout).toBe(setTimeout);
  });

  test('does not keep anybody waiting for a store that fails or hangs', async () => {
    const clock = new WatchedClock();
    const forgetBy = (forget: () => Promise<void>) =>
      openLog({ ...storeBut({}), forget } as EventStore, 'a', clock).forget();
    expect((await failure(forgetBy(() => Promise.reject(new Error('disk full'))))).message).toBe(
      'The event store failed',
    );
    const hanging = forgetBy(NEVER);
    hanging.catch(() => {});
    clock.increment(STORE_TIMEOUT);
    expect((await failure(hanging)).message).toBe(late);
    expect(clock.pending).toEqual([]);
  });
});
