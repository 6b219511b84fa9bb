/** Listeners of sessions that are parked and brought back, and what they do: the supervisor can answer them. */
import { describe, expect, test } from 'vitest';
import { createMemorySessionStore } from '../../../src/index.ts';
import { lifeOf } from '../../support/sessionLife.ts';
import { advance } from '../../support/simulatedClock.ts';
import { until, withTimeout } from '../../support/until.ts';
import { call, expectGone, open, type Process, park, ping, rests, start } from './life.ts';

const PARK = 1_000;

/** What a listener does with the session that it is told of. */
const DEEDS: Readonly<Record<string, (process: Process, id: string) => unknown>> = {
  throws: () => {
    throw new Error('astray');
  },
  rejects: () => Promise.reject(new Error('astray')),
  terminates: ({ supervisor }, id) => supervisor.terminate(id),
  calls: (process, id) => call(process, id, 'echo', { text: 'a' }),
  'looks at all': async ({ supervisor }, id) => [
    ...supervisor.sessions(),
    supervisor.session(id),
    supervisor.server(id),
    supervisor.stats(),
    await supervisor.record(id),
  ],
  drains: ({ supervisor }) => supervisor.drain({ timeout: 0 }),
};

describe.each(['session.parked', 'session.restored'] as const)('a listener of %s that', (type) => {
  test.each(Object.entries(DEEDS))('%s', async (name, deed) => {
    const process = start(createMemorySessionStore(), { parkAfter: PARK });
    const [id, other] = [await open(process), await open(process)];
    await park(process, other, PARK);
    const outcomes: Promise<unknown>[] = [];
    let isFirst = true;
    process.supervisor.on(type, ({ session }) => {
      if (session.id !== id || !isFirst) return undefined as never;
      isFirst = false;
      let done = () => {};
      outcomes.push(
        new Promise<void>((resolve) => {
          done = resolve;
        }),
      );
      try {
        const outcome = deed(process, id) as Promise<unknown>;
        void Promise.resolve(outcome).then(done, done);
        return outcome as never;
      } catch (error) {
        done();
        throw error;
      }
    });
    const pinged = await ping(process, id);
    if (type === 'session.parked') await rests(process, id);
    await advance(process.clock, PARK);
    if (type === 'session.parked') await until(() => outcomes.length === 1);
    await withTimeout(Promise.all(outcomes));
    const restoredWell = type === 'session.parked' || !['terminates', 'drains'].includes(name);
    expect([200, ...(restoredWell ? [] : [404, 503])]).toContain(pinged.status);
    if (name === 'drains') {
      expect([...process.supervisor.sessions()]).toEqual([]);
      return;
    }
    const life = lifeOf(process.events, id);
    if (name === 'terminates') {
      expect(life.filter((line) => line.startsWith('terminated'))).toEqual(['terminated: terminated']);
      await expectGone(process, id);
    } else {
      expect((await ping(process, id)).status).toBe(200);
    }
    if (name === 'throws' || name === 'rejects') {
      expect(process.log.filter(({ event }) => event === 'listener.failed')).toHaveLength(1);
    }
    expect(await call(process, other, 'count')).toBe('1');
  });
});

test('a cleanup that asks for its session waits for the next incarnation, and does not stop this one', async () => {
  const asked: Promise<{ status: number }>[] = [];
  const process: Process = start(createMemorySessionStore(), {
    parkAfter: PARK,
    server: ({ epoch }, build) => ({
      server: build(),
      cleanup: (id) => void (epoch === 1 && asked.push(ping(process, id as string))),
    }),
  });
  const id = await open(process);
  await advance(process.clock, PARK);
  await until(() => asked.length === 1);
  expect((await asked[0])?.status).toBe(200);
  expect(process.supervisor.session(id)?.epoch).toBe(2);
});
