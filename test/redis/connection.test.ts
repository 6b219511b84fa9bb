/** The connection of the stores in Redis, in simulated time: what waits, what fails at once, and what is bounded. */
import { describe, expect, test } from 'vitest';
import { CLOSE_TIMEOUT, COMMAND_TIMEOUT, Connection, MAX_PENDING, Unanswered } from '../../src/redis/connection.ts';
import type { Link } from '../../src/redis/link.ts';
import { STORE_TIMEOUT } from '../../src/supervisor/persistence.ts';
import { advance, SimulatedClock } from '../support/simulatedClock.ts';
import { turns } from '../support/until.ts';

/** A Redis that does as it is told: each attempt to connect, and each command, is answered by the test. */
function simulated() {
  const clock = new SimulatedClock();
  const attempts: {
    at: number;
    accept(): void;
    refuse(error?: Error): void;
    lose(tells?: boolean): void;
    stop: AbortSignal;
  }[] = [];
  const commands: { readonly name: string; answer(value: unknown): void; fail(error: Error): void }[] = [];
  let destroyed = 0;
  const connection = new Connection({
    where: 'redis.test:6379',
    open: (lost, stop) =>
      new Promise<Link>((resolve, reject) => {
        const waiting = new Set<(error: Error) => void>();
        const failAll = (error: Error) => {
          for (const fail of waiting) fail(error);
          waiting.clear();
        };
        let alive = true;
        const link: Link = {
          isAlive: () => alive,
          send: (_, [name = '']) =>
            new Promise((answer, fail) => {
              waiting.add(fail);
              commands.push({ name, answer, fail });
            }),
          servers: async () => [],
          destroy: () => {
            alive = false;
            destroyed++;
            failAll(new Error('Disconnects client'));
          },
        };
        attempts.push({
          at: clock.now(),
          accept: () => resolve(link),
          refuse: (error = Object.assign(new Error('no'), { code: 'ECONNREFUSED' })) => reject(error),
          lose: (tells = true) => {
            alive = false;
            failAll(new Error('Socket closed unexpectedly'));
            if (tells) lost(new Error('Socket closed unexpectedly'));
          },
          stop,
        });
      }),
    opened: async () => {},
    timers: clock,
    random: () => 0.5,
  });
  return {
    clock,
    connection,
    attempts,
    commands,
    destroyed: () => destroyed,
    send: (name = 'PING') => settled(connection.send('key', [name])),
    last: () => attempts.at(-1) ?? expect.fail('There was no attempt to connect'),
    connected: async () => {
      const first = settled(connection.send('key', ['FIRST']));
      attempts.at(-1)?.accept();
      await turns(3);
      commands.at(-1)?.answer('OK');
      expect((await first.result).value).toBe('OK');
    },
  };
}

/** A promise, and what became of it so far. */
function settled(promise: Promise<unknown>) {
  const outcome: { value?: unknown; error?: Error & { code?: string } } = {};
  const result = promise.then(
    (value) => Object.assign(outcome, { value }),
    (error) => Object.assign(outcome, { error }),
  );
  return { outcome, result };
}

test('connects on first use, once for all who ask meanwhile', async () => {
  const redis = simulated();
  expect(redis.attempts).toHaveLength(0);
  const all = [redis.send('A'), redis.send('B'), redis.send('C')];
  await turns(3);
  expect(redis.attempts).toHaveLength(1);
  redis.last().accept();
  await turns(3);
  expect(redis.commands.map(({ name }) => name)).toEqual(['A', 'B', 'C']);
  for (const command of redis.commands) command.answer(command.name);
  expect(await Promise.all(all.map(({ result }) => result))).toEqual([{ value: 'A' }, { value: 'B' }, { value: 'C' }]);
});

describe('a command that is not answered', () => {
  test('rejects in time, tried twice before the supervisor gives up; an answer after that does nothing', async () => {
    expect(2 * COMMAND_TIMEOUT).toBeLessThan(STORE_TIMEOUT);
    const redis = simulated();
    await redis.connected();
    const { outcome } = redis.send();
    await turns(1);
    await advance(redis.clock, COMMAND_TIMEOUT - 1);
    expect(outcome).toEqual({});
    await advance(redis.clock, 1);
    expect(outcome.error).toBeInstanceOf(Unanswered);
    expect(outcome.error).toMatchObject({
      code: 'STORE_FAILED',
      message: 'Redis at redis.test:6379 did not answer within 2000 ms',
    });
    redis.commands.at(-1)?.answer('late');
    await turns(3);
    expect(outcome.error).toBeInstanceOf(Unanswered);
  });

  test('one or two do not end the connection, and an answer in between begins anew', async () => {
    const redis = simulated();
    await redis.connected();
    for (let n = 0; n < 5; n++) {
      redis.send();
      redis.send();
      await turns(1);
      await advance(redis.clock, COMMAND_TIMEOUT);
      const { result } = redis.send();
      await turns(1);
      redis.commands.at(-1)?.answer('OK');
      expect(await result).toEqual({ value: 'OK' });
    }
    expect(redis.attempts).toHaveLength(1);
  });

  test('three in a row end it: then everything fails at once, until another connection is there', async () => {
    const redis = simulated();
    await redis.connected();
    const waiting = [redis.send(), redis.send(), redis.send(), redis.send()];
    await turns(1);
    await advance(redis.clock, COMMAND_TIMEOUT);
    for (const { outcome } of waiting) expect(outcome.error?.code).toBe('STORE_FAILED');
    expect(redis.destroyed()).toBe(1);
    expect((await redis.send().result).error?.message).toContain('did not answer within 2000 ms');
    await advance(redis.clock, 100);
    expect(redis.attempts).toHaveLength(2);
    expect((await redis.send().result).error?.code).toBe('STORE_FAILED');
    redis.last().accept();
    await turns(3);
    const { result } = redis.send();
    await turns(1);
    redis.commands.at(-1)?.answer('back');
    expect(await result).toEqual({ value: 'back' });
  });
});

describe('a connection', () => {
  test('that is lost fails what was sent, and who comes then waits for the next one', async () => {
    const redis = simulated();
    await redis.connected();
    const sent = redis.send();
    await turns(1);
    redis.last().lose();
    expect((await sent.result).error).toBeInstanceOf(Unanswered);
    const next = redis.send('NEXT');
    await turns(3);
    expect(redis.attempts).toHaveLength(2);
    redis.last().accept();
    await turns(3);
    redis.commands.at(-1)?.answer('OK');
    expect(await next.result).toEqual({ value: 'OK' });
  });

  test('that is refused is tried for ever, after pauses that are bounded; what is asked meanwhile fails at once', async () => {
    const redis = simulated();
    const first = redis.send();
    await turns(1);
    for (let n = 0; n < 200; n++) {
      redis.last().refuse();
      await turns(3);
      const { error } = await redis.send().result;
      expect(error).toMatchObject({
        code: 'STORE_FAILED',
        message: 'Redis at redis.test:6379 refuses connections: is it running, and is this its port?',
      });
      await advance(redis.clock, 1_500, 10);
    }
    expect((await first.result).error?.code).toBe('STORE_FAILED');
    const pauses = redis.attempts.slice(1).map(({ at }, n) => at - (redis.attempts[n]?.at ?? 0));
    expect(pauses.length).toBeGreaterThanOrEqual(200);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(2 * 1_500);
    expect(redis.commands).toEqual([]);
    redis.last().accept();
    await turns(3);
    redis.send();
    await turns(1);
    expect(redis.commands).toHaveLength(1);
  });

  test('that does not come to be is given up in time', async () => {
    const redis = simulated();
    const first = redis.send();
    await advance(redis.clock, COMMAND_TIMEOUT);
    expect(first.outcome.error?.message).toContain('did not answer within 2000 ms');
    expect(redis.last().stop.aborted).toBe(true);
    redis.last().accept(); // too late: it is let go of
    await turns(3);
    expect(redis.destroyed()).toBe(1);
  });

  test('that was lost before anybody was told of that is noticed by who uses it', async () => {
    const redis = simulated();
    await redis.connected();
    const sent = redis.send();
    await turns(1);
    redis.last().lose(false);
    expect((await sent.result).error?.code).toBe('STORE_FAILED');
    expect(redis.attempts).toHaveLength(2);
  });

  test('to a replica is given up, since another may lead to the master', async () => {
    const redis = simulated();
    await redis.connected();
    const { result } = redis.send();
    await turns(1);
    redis.commands.at(-1)?.fail(new Error("READONLY You can't write against a read only replica."));
    expect((await result).error?.message).toMatch(/^READONLY/);
    expect(redis.attempts).toHaveLength(2);
  });
});

test('no more than so many commands wait for an answer', async () => {
  const redis = simulated();
  await redis.connected();
  const all = Array.from({ length: MAX_PENDING }, () => redis.send());
  await turns(1);
  expect((await redis.send().result).error?.message).toContain(`has ${MAX_PENDING} commands to answer`);
  redis.commands.at(-1)?.answer('OK');
  expect(await all.at(-1)?.result).toEqual({ value: 'OK' });
  redis.send();
  await turns(1);
  expect(redis.commands).toHaveLength(1 + MAX_PENDING + 1);
});

describe('closing', () => {
  test('waits for what was sent, and takes nothing more', async () => {
    const redis = simulated();
    await redis.connected();
    const sent = redis.send();
    await turns(1);
    const closing = settled(redis.connection.close());
    expect((await redis.send().result).error?.code).toBe('STORE_CLOSED');
    expect(closing.outcome).toEqual({});
    redis.commands.at(-1)?.answer('OK');
    expect(await sent.result).toEqual({ value: 'OK' });
    await closing.result;
    expect(redis.destroyed()).toBe(1);
  });

  test('not for long, whether Redis answers or is still being connected to', async () => {
    expect(CLOSE_TIMEOUT).toBeLessThan(1_000);
    for (const isConnected of [true, false]) {
      const redis = simulated();
      if (isConnected) await redis.connected();
      const sent = redis.send();
      await turns(3);
      const closing = settled(redis.connection.close());
      await advance(redis.clock, CLOSE_TIMEOUT - 1);
      expect(closing.outcome).toEqual({});
      await advance(redis.clock, 1);
      expect('value' in closing.outcome).toBe(true);
      await sent.result;
      expect(sent.outcome.error?.code).toBe('STORE_CLOSED');
      await advance(redis.clock, 60_000);
      expect(redis.attempts).toHaveLength(1);
    }
  });

  test('ends the attempts to connect', async () => {
    const redis = simulated();
    redis.send();
    await turns(1);
    redis.last().refuse();
    await turns(3);
    await redis.connection.close();
    await advance(redis.clock, 60_000);
    expect(redis.attempts).toHaveLength(1);
  });
});
