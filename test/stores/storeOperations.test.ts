/** Operations on an event store: each settles once and in time, and the end of a session sets them all a deadline. */
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { describe, expect, test } from 'vitest';
import { STORE_TIMEOUT, StoreOperations } from '../../src/stores/storeOperations.ts';
import { turns, until, withTimeout } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import { failure, GoodStore, late, marked, NEVER, note, openLog, storeBut } from './stores.ts';

describe('an operation', () => {
  test('settles once: what comes after counts for nothing, and starts no timer', async () => {
    const clock = new WatchedClock();
    const operations = new StoreOperations(clock);
    let told: Parameters<Parameters<StoreOperations['run']>[0]>[0] | undefined;
    const running = operations.run((operation) => {
      told = operation;
      return NEVER();
    });
    told?.fail('first');
    told?.heard();
    told?.fail('second');
    expect((await failure(running)).message).toBe('first');
    expect([told?.over, clock.pending]).toEqual([true, []]);
  });

  test('is not kept alive by what the store sends in the moment after its time is up', async () => {
    const clock = new WatchedClock();
    let send = () => {};
    const events: string[] = [];
    const store = storeBut({
      replayEventsAfter: (_, replay) => {
        send = () => void replay.send('e1', marked(note(1), 'a:0'));
        return NEVER();
      },
    });
    const replaying = openLog(store, 'a', clock).replayAfter('0_e0', (__, id) => void events.push(id));
    replaying.catch(() => {});
    await turns(1);
    clock.setTimeout(() => send(), STORE_TIMEOUT); // fires after the one that ends the operation
    clock.increment(STORE_TIMEOUT);
    expect(clock.pending).toEqual([]);
    expect((await failure(replaying)).message).toBe(late);
    expect(events).toEqual([]);
  });

  test.each([
    ['throws instead of returning a promise', () => raise()],
    ['returns no promise, and nothing', () => undefined],
    ['returns a promise of nothing', async () => undefined],
    // biome-ignore lint/suspicious/noThenProperty: what a store may return
    ['returns what only looks like a promise', () => ({ then: () => raise() })],
  ])('of a store that %s: it fails', async (_, storeEvent) => {
    const clock = new WatchedClock();
    const log = openLog({ ...new GoodStore(), storeEvent } as unknown as EventStore, 'a', clock);
    await failure(log.append('0', note(1)));
    expect(clock.pending).toEqual([]);
  });

  test('fails when what is replayed can’t be sent, though the store swallows that', async () => {
    const sent: string[] = [];
    const store = storeBut({
      replayEventsAfter: async (_, { send }) => {
        for (const id of ['e1', 'e2', 'e3']) await send(id, marked(note(1), 'a:0')).catch(() => {});
        return 'a:0';
      },
    });
    const replaying = openLog(store, 'a').replayAfter('0_e0', (_, id) => {
      if (id === '0_e2') raise();
      sent.push(id);
    });
    expect((await failure(replaying)).message).toBe('The event store replayed what can not be sent');
    expect(sent).toEqual(['0_e1']); // and no third one after a gap
  });

  test('may have a store that sends while it sends', async () => {
    const sent: string[] = [];
    const store = storeBut({
      replayEventsAfter: async (_, { send }) => {
        await Promise.all([send('e1', marked(note(1), 'a:0')), send('e2', marked(note(2), 'a:0'))]);
        return 'a:0';
      },
    });
    expect(await openLog(store, 'a').replayAfter('0_e0', (_, id) => void sent.push(id))).toBe(true);
    expect(sent).toEqual(['0_e1', '0_e2']);
  });
});

describe('at the end of a session', () => {
  /** A log whose store hangs in the operations that are named, and what it was asked to forget. */
  function hanging(...operations: ('storeEvent' | 'replayEventsAfter' | 'forget')[]) {
    const clock = new WatchedClock();
    const forgotten: string[] = [];
    const forget = async (prefix: string) => void forgotten.push(prefix);
    const broken = Object.fromEntries(operations.filter((name) => name !== 'forget').map((name) => [name, NEVER]));
    const store = {
      ...storeBut(broken),
      forget: operations.includes('forget') ? (prefix: string) => forget(prefix).then(NEVER) : forget,
    };
    return { clock, forgotten, log: openLog(store, 'a', clock) };
  }

  test.each([1_000, STORE_TIMEOUT, 10_000])(
    'what hangs has the time that is said (%s ms), five seconds at most',
    async (limit) => {
      const { clock, log } = hanging('storeEvent', 'forget');
      const storing = log.append('0', note(1));
      storing.catch(() => {});
      const forgetting = log.forget(limit);
      expect(clock.pending).toHaveLength(1); // for all together
      let settled = false;
      void forgetting.catch(() => {}).finally(() => (settled = true));
      const bound = Math.min(limit, STORE_TIMEOUT);
      clock.increment(bound - 1);
      await turns(1);
      expect(settled).toBe(false);
      clock.increment(1);
      const message = `The event store did not answer within ${bound} ms`;
      expect((await failure(storing)).message).toBe(message);
      expect((await failure(forgetting)).message).toBe(message);
      expect(clock.pending).toEqual([]);
    },
  );

  test('a replay that is heard of again and again has no more time than that', async () => {
    const clock = new WatchedClock();
    const sends: (() => void)[] = [];
    const store = storeBut({
      replayEventsAfter: async (_, { send }) => {
        for (;;) {
          await new Promise<void>((resolve) => sends.push(resolve));
          await send('e1', marked(note(1), 'a:0'));
        }
      },
    });
    const log = openLog(store, 'a', clock);
    const replaying = log.replayAfter('0_e0', () => {});
    replaying.catch(() => {});
    const forgetting = log.forget(STORE_TIMEOUT);
    for (let n = 0; n < 5; n++) {
      (await until(() => sends.shift()))();
      clock.increment(1_000);
    }
    await failure(replaying);
    await withTimeout(forgetting);
    expect(clock.pending).toEqual([]);
  });

  test('the store is told to forget after what it has begun, or when that is given up', async () => {
    const { clock, log, forgotten } = hanging('storeEvent');
    log.append('0', note(1)).catch(() => {});
    const forgetting = log.forget(1_000);
    await turns(1);
    expect(forgotten).toEqual([]);
    clock.increment(1_000);
    expect((await failure(forgetting)).message).toBe('The event store did not answer within 1000 ms');
    expect(forgotten).toEqual(['a:']);
  });

  test('all that the store has begun is waited for, not only the first of it', async () => {
    const answers: ((id: string) => void)[] = [];
    const forgotten: string[] = [];
    const log = openLog(
      {
        ...storeBut({ storeEvent: () => new Promise((resolve) => answers.push(resolve)) }),
        forget: (prefix: string) => void forgotten.push(prefix),
      } as EventStore,
      'a',
    );
    const storing = [log.append('0', note(1)), log.append('1', note(2))];
    const forgetting = log.forget(1_000);
    answers[0]?.('e0');
    await storing[0];
    await turns(1);
    expect(forgotten).toEqual([]);
    answers[1]?.('e1');
    await withTimeout(forgetting);
    expect(forgotten).toEqual(['a:']);
  });

  test('a store that is in time keeps nobody waiting, and leaves no timer', async () => {
    const { clock, log, forgotten } = hanging();
    await log.append('0', note(1));
    await withTimeout(log.forget(1_000));
    expect([forgotten, clock.pending]).toEqual([['a:'], []]);
  });
});

function raise(): never {
  throw new Error('as asked');
}
