/** The end of sessions that have no incarnation, or are about to have one: what is gone is gone for good. */
import { describe, expect, test } from 'vitest';
import { createMemorySessionStore } from '../../../src/index.ts';
import { controlledSessionStore } from '../../support/controlledSessionStore.ts';
import { ControlledStore, Door } from '../../support/controlledStore.ts';
import { lifeOf } from '../../support/sessionLife.ts';
import { advance } from '../../support/simulatedClock.ts';
import { turns, until, withTimeout } from '../../support/until.ts';
import { del, expectGone, NOT_FOUND, open, type Process, park, ping, post, START, start, startTwo } from './life.ts';

const IDLE = 1_800_000;

/** A parked session in a process whose store, and whose factory, the test can hold. */
async function parked(options: Parameters<typeof start>[1] = {}) {
  const sessionStore = controlledSessionStore();
  const id = await open(start(sessionStore));
  const process = start(sessionStore, options);
  return { sessionStore, id, process };
}

const ended = ({ events }: Process) => lifeOf(events).filter((line) => line.startsWith('terminated'));

describe('DELETE', () => {
  test('of a parked session: 200, told once, no factory runs, and 404 for ever', async () => {
    const { process, id, sessionStore } = await parked();
    expect((await del(process, id)).status).toBe(200);
    await expectGone(process, id);
    expect(ended(process)).toEqual(['terminated: deleted']);
    expect(process.supervisor.stats()).toMatchObject({ ended: { deleted: 1 }, restored: 0 });
    expect(process.built).toEqual([]);
    expect(await sessionStore.load(id)).toEqual({ verdict: 'gone' });
  });

  test.each(['load', 'claim'] as const)('while the restore is at its %s: never alive again', async (operation) => {
    const { process, id, sessionStore } = await parked();
    const door = new Door();
    sessionStore.before[operation] = door.pass;
    const pinged = ping(process, id);
    await until(() => sessionStore.calls[operation] === 1);
    const deleted = del(process, id);
    await turns(5);
    door.open();
    expect([(await pinged).status, (await deleted).status]).toEqual([404, 200]);
    await expectGone(process, id);
    expect(ended(process)).toEqual(['terminated: deleted']);
  });

  test('while its server is built: never alive again, and the server is closed', async () => {
    const door = new Door();
    const cleaned: unknown[] = [];
    const { process, id } = await parked({
      server: async (_, build) => {
        await door.pass();
        return { server: build(), cleanup: (...given: unknown[]) => void cleaned.push(given) };
      },
    });
    const pinged = ping(process, id);
    await until(() => process.built.length === 1);
    const deleted = del(process, id);
    expect([(await pinged).status, (await deleted).status]).toEqual([404, 200]);
    door.open();
    await until(() => cleaned.length === 1);
    expect(cleaned).toEqual([[id, { parked: false }]]);
    await expectGone(process, id);
    expect(ended(process)).toEqual(['terminated: deleted']);
  });

  test('right after the restore', async () => {
    const { process, id } = await parked();
    const [pinged, deleted] = await Promise.all([ping(process, id).then(() => del(process, id)), undefined]);
    expect([pinged.status, deleted]).toEqual([200, undefined]);
    await expectGone(process, id);
  });

  test('while it is being written, a request waits, and is answered 404', async () => {
    const { process, id, sessionStore } = await parked();
    const door = new Door();
    sessionStore.before.remove = door.pass;
    const deleted = del(process, id);
    await until(() => sessionStore.calls.remove === 1);
    const pinged = ping(process, id);
    await turns(5);
    door.open();
    expect([(await deleted).status, (await pinged).status]).toEqual([200, 404]);
    expect(process.built).toEqual([]);
  });

  test('twice at once: one ends it', async () => {
    const { process, id } = await parked();
    const both = await Promise.all([del(process, id), del(process, id)]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 404]);
    expect(ended(process)).toEqual(['terminated: deleted']);
  });

  test('that the store can’t write: 503, and 404 from then on, until it is written', async () => {
    const { process, id, sessionStore } = await parked();
    sessionStore.before.remove = () => Promise.reject(new Error('full'));
    const deleted = del(process, id);
    await until(() => sessionStore.calls.remove > 0);
    await advance(process.clock, 6_000, 500);
    expect((await deleted).status).toBe(503);
    expect((await ping(process, id)).status).toBe(404);
    delete sessionStore.before.remove;
    await advance(process.clock, 1_000);
    expect(await sessionStore.load(id)).toEqual({ verdict: 'gone' });
    expect((await ping(process, id)).status).toBe(404);
  });

  test('of one that is being restored, which the store can’t write: 503', async () => {
    const door = new Door();
    const { process, id, sessionStore } = await parked({ server: (_, build) => door.pass().then(build) });
    sessionStore.before.remove = () => Promise.reject(new Error('full'));
    void ping(process, id);
    await until(() => process.built.length === 1);
    const deleted = del(process, id);
    await turns(5);
    await advance(process.clock, 6_000, 500);
    expect((await deleted).status).toBe(503);
    door.open();
  });

  test('while the restore fails at its claim: it ends all the same', async () => {
    const { process, id, sessionStore } = await parked();
    const door = new Door();
    sessionStore.before.claim = () => door.pass().then(() => Promise.reject(new Error('full')));
    const pinged = ping(process, id);
    await until(() => sessionStore.calls.claim === 1);
    const deleted = del(process, id);
    await turns(5);
    door.open();
    expect([(await pinged).status, (await deleted).status]).toEqual([503, 200]);
    expect(await sessionStore.load(id)).toEqual({ verdict: 'gone' });
  });

  test('between two attempts of a restore: it ends', async () => {
    let deleted: Promise<{ status: number }> | undefined;
    const { process, id } = await parked({
      server: () => {
        deleted ??= turns(1).then(() => del(process, id));
        throw new Error('not now');
      },
    });
    await ping(process, id);
    expect((await deleted)?.status).toBe(200);
    await expectGone(process, id);
    expect(ended(process)).toEqual(['terminated: deleted']);
  });

  test('of a live session is answered when it is stored', async () => {
    const sessionStore = controlledSessionStore();
    const process = start(sessionStore);
    const id = await open(process);
    const door = new Door();
    sessionStore.before.remove = door.pass;
    let isAnswered = false;
    const deleted = del(process, id).finally(() => {
      isAnswered = true;
    });
    await until(() => sessionStore.calls.remove === 1);
    await turns(5);
    expect(isAnswered).toBe(false);
    door.open();
    expect((await deleted).status).toBe(200);
    expect(await sessionStore.load(id)).toEqual({ verdict: 'gone' });
  });
});

describe('of a session that has gone on in another process', () => {
  test('DELETE at the first one ends it everywhere', async () => {
    const { first, next, sessionStore } = startTwo();
    const id = await open(first);
    const second = next();
    await ping(second, id);
    expect((await del(first, id)).status).toBe(200);
    expect(await sessionStore.load(id)).toEqual({ verdict: 'gone' });
    await expectGone(first, id);
  });

  test('terminate(id) at the first one, too', async () => {
    const { first, next, sessionStore } = startTwo();
    const id = await open(first);
    await ping(next(), id);
    expect(await first.supervisor.terminate(id)).toBe(true);
    expect(await sessionStore.load(id)).toEqual({ verdict: 'gone' });
  });
});

describe('terminate(id)', () => {
  test('ends a parked session, once', async () => {
    const { process, id } = await parked();
    expect(await process.supervisor.terminate(id, 'evicted')).toBe(true);
    expect(await process.supervisor.terminate(id)).toBe(false);
    expect(ended(process)).toEqual(['terminated: evicted']);
    await expectGone(process, id);
  });

  test('of one that is being restored', async () => {
    const door = new Door();
    const { process, id } = await parked({ server: (_, build) => door.pass().then(build) });
    const pinged = ping(process, id);
    await until(() => process.built.length === 1);
    expect(await process.supervisor.terminate(id)).toBe(true);
    door.open();
    expect((await pinged).status).toBe(404);
    await expectGone(process, id);
  });
});

describe('time', () => {
  test('a parked session ends in time, without being restored, with its history', async () => {
    const eventStore = Object.assign(new ControlledStore(), {
      forgotten: [] as string[],
      forget(prefix: string) {
        this.forgotten.push(prefix);
      },
    });
    const process = start(createMemorySessionStore(), { parkAfter: 1_000, sessionIdleTimeout: 10_000, eventStore });
    const id = await open(process);
    await park(process, id, 1_000);
    expect(eventStore.forgotten).toEqual([]);
    await advance(process.clock, 8_999);
    expect(await process.supervisor.record(id)).toMatchObject({ state: 'parked' });
    await advance(process.clock, 1_001);
    await until(() => ended(process).length > 0);
    const end = process.events.at(-1);
    expect(end).toMatchObject({ type: 'session.terminated', reason: 'idle', session: { id, state: 'terminated' } });
    expect(end?.session.history.slice(-2).map(({ event }) => event)).toEqual(['parked', 'terminated']);
    expect(process.built).toHaveLength(1);
    expect(process.supervisor.stats()).toMatchObject({ ended: { idle: 1 }, sessions: { parked: 0 } });
    expect(eventStore.forgotten).toHaveLength(1);
    await expectGone(process, id);
  });

  test.each([
    ['just before', -1, 200],
    ['at', 0, 404],
    ['just past', 1, 404],
  ])('%s its deadline, which came while no process ran', async (_, offset, status) => {
    const sessionStore = createMemorySessionStore();
    const first = start(sessionStore, { parkAfter: 1_000 });
    const id = await open(first);
    await park(first, id, 1_000);
    const second = start(sessionStore, { at: START + IDLE + offset });
    expect((await ping(second, id)).status).toBe(status);
    expect(ended(second)).toEqual(status === 404 ? ['terminated: idle'] : []);
    if (status === 200) await advance(second.clock, IDLE - 1);
    if (status === 200) expect(second.supervisor.session(id)?.state).toBe('idle'); // its idle time began anew
  });

  test('of its lifetime, what is left is left after a restore', async () => {
    const sessionStore = createMemorySessionStore();
    const options = { maxSessionLifetime: 10_000, parkAfter: 1_000 };
    const first = start(sessionStore, options);
    const id = await open(first);
    await park(first, id, 1_000);
    const second = start(sessionStore, { ...options, at: START + 9_500 });
    expect((await ping(second, id)).status).toBe(200);
    await advance(second.clock, 499);
    expect(second.supervisor.session(id)).toBeDefined();
    await advance(second.clock, 1);
    expect(ended(second)).toEqual(['terminated: lifetime']);
    expect((await sessionStore.load(id)).verdict).toBe('gone');
    const third = start(sessionStore, { ...options, at: START + 9_999 });
    const other = await open(third);
    expect((await ping(start(sessionStore, { ...options, at: START + 30_000 }), other)).status).toBe(404);
  });

  test('the sweep and a request at the same moment: one wins, and no session ends in its first call', async () => {
    const { process, id, sessionStore } = await parked({ at: START + IDLE + 29_500 });
    const door = new Door();
    sessionStore.before.claim = door.pass;
    const pinged = ping(process, id);
    await until(() => sessionStore.calls.claim === 1);
    await advance(process.clock, 1_000); // past its deadline, and the sweep finds it
    door.open();
    expect((await pinged).status).toBe(200);
    expect(ended(process)).toEqual([]);
    await advance(process.clock, 2_000);
    expect(process.supervisor.session(id)?.state).toBe('idle');
  });

  test('a request within 30 s of the last write counts, even where the process dies right after', async () => {
    const sessionStore = createMemorySessionStore();
    const first = start(sessionStore);
    const id = await open(first);
    await advance(first.clock, 5_000);
    await ping(first, id);
    await advance(first.clock, 54_000, 1_000);
    await ping(first, id); // at 59 s
    const second = start(sessionStore, { at: START + 59_000 + IDLE - 1 });
    expect((await ping(second, id)).status).toBe(200);
  });

  test('a clock that was set back a day, or ahead by one', async () => {
    const { first, sessionStore } = startTwo();
    const id = await open(first);
    const day = 24 * 3_600_000;
    expect((await ping(start(sessionStore, { at: START - day }), id)).status).toBe(200);
    expect((await ping(start(sessionStore, { at: START + day }), id)).status).toBe(404);
  });
});

test('an update of a session that has ended writes nothing, and ends what is left of it', async () => {
  const { first, next } = startTwo();
  const id = await open(first);
  const second = next();
  expect((await del(second, id)).status).toBe(200);
  const late = await post(first, { id: 5, method: 'tools/call', params: { name: 'count', arguments: {} } }, id);
  expect(late.message?.error?.code).toBe(-32000);
  await withTimeout(until(() => ended(first).length === 1));
  expect(ended(first)).toEqual(['terminated: terminated']);
  expect((await ping(first, id)).text).toBe(NOT_FOUND);
});

test.each(['DELETE', 'terminate'] as const)(
  '%s of a session that has gone on in another process ends it there, and is told once',
  async (how) => {
    const sessionStore = createMemorySessionStore();
    const first = start(sessionStore);
    const id = await open(first);
    const second = start(sessionStore);
    expect((await ping(second, id)).status).toBe(200);
    if (how === 'DELETE') expect((await del(first, id)).status).toBe(200);
    else expect(await first.supervisor.terminate(id)).toBe(true);
    const ends = first.events.filter(({ type }) => type === 'session.terminated');
    expect(ends).toHaveLength(1);
    expect((await sessionStore.load(id)).verdict).toBe('gone');
  },
);
