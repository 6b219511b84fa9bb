/** Supervisors whose sessions are in Redis: several processes, one after the other and beside each other. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { useCommand } from '../cli/command.ts';
import { call, calling, del, expectGone, listen, open, type Process, post, start } from '../http/durable/life.ts';
import { crossKill } from '../processes/crossKill.ts';
import { serve } from '../support/serve.ts';
import { until, withTimeout } from '../support/until.ts';
import { call as callByHttp, initialize } from '../support/wire.ts';
import { type RedisServer, startRedis } from './redisServer.ts';
import { storesAt, type TestStores } from './stores.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.dispose());

const SLOW = { timeout: 60_000 };

/** A process with stores of its own, which go by the real time. */
function over(prefix?: string): { process: Process; stores: TestStores } {
  const stores = storesAt(redis.url, prefix);
  const { sessionStore, eventStore } = stores;
  return { process: start(sessionStore, { eventStore, at: Date.now() }), stores };
}

test('what a drain parked goes on in another process: its state, its streams, whose it is', SLOW, async () => {
  const first = over();
  const ada = { 'x-user': 'ada' };
  const id = await open(first.process, ada);
  const stream = await listen(first.process, id, { ...ada, 'mcp-protocol-version': '2025-11-25' });
  await call(first.process, id, 'log', { level: 'error' }, ada);
  expect(await stream.next()).toMatchObject({ params: { data: 'error' } });
  const seen = stream.ids.at(-1) as string;
  expect(await call(first.process, id, 'count', {}, ada)).toBe('1');
  await withTimeout(first.process.supervisor.drain());
  await first.stores.close();

  const second = over(first.stores.prefix);
  expect(await second.process.supervisor.record(id)).toMatchObject({ state: 'parked', principal: 'ada', epoch: 1 });
  await expectGone(second.process, id, { 'x-user': 'bob' });
  const resumed = await listen(second.process, id, { ...ada, 'last-event-id': seen });
  await call(second.process, id, 'log', { level: 'debug' }, ada);
  expect(await resumed.next()).toMatchObject({ params: { data: 'debug' } });
  expect(await call(second.process, id, 'count', {}, ada)).toBe('2');
  await resumed.cancel();
  expect((await del(second.process, id, ada)).status).toBe(200);
  await expectGone(second.process, id, ada);
  const third = over(first.stores.prefix);
  await expectGone(third.process, id, ada);
  for (const { process } of [second, third]) await withTimeout(process.supervisor.drain());
});

test(
  'a process that goes on after another one took its session over answers with an error, and writes nothing',
  SLOW,
  async () => {
    const first = over();
    const id = await open(first.process);
    expect(await call(first.process, id, 'count', {})).toBe('1');
    const second = over(first.stores.prefix);
    expect(await call(second.process, id, 'count', {})).toBe('2');
    const late = await post(first.process, calling('count'), id);
    expect(late.message?.error?.code ?? late.status).not.toBe(200);
    expect(await call(second.process, id, 'count', {})).toBe('3');
    for (const { process } of [second, first]) await withTimeout(process.supervisor.drain());
  },
);

describe('while Redis is held', () => {
  test('requests are answered in bounded time, and all is well when it goes on', SLOW, async () => {
    const { sessionStore, eventStore } = storesAt(redis.url);
    const served = await serve({ sessionStore, eventStore });
    const { sessionId } = await initialize(served.url);
    redis.pause();
    try {
      const began = performance.now();
      const unknown = await callByHttp(served.url, '00000000-0000-4000-8000-000000000000', 'echo', { text: 'x' });
      expect(unknown.status).toBe(503);
      expect(unknown.headers['retry-after']).toBeDefined();
      expect(performance.now() - began).toBeLessThan(6_000);
    } finally {
      redis.resume();
    }
    await until(async () => (await callByHttp(served.url, sessionId, 'echo', { text: 'x' })).status === 200, {
      within: 15_000,
    });
  });

  test(
    'a drain waits for it no longer than a second beyond its time, and closing no longer than that',
    SLOW,
    async () => {
      const stores = storesAt(redis.url);
      const { process } = { process: start(stores.sessionStore, { at: Date.now() }) };
      for (let n = 0; n < 5; n++) await open(process);
      redis.pause();
      onTestFinished(() => redis.resume());
      const began = performance.now();
      await stores.close();
      expect(performance.now() - began).toBeLessThan(1_300);
      await withTimeout(process.supervisor.drain({ timeout: 100 }), { within: 2_500 });
      redis.resume();
    },
  );
});

describe('the command', () => {
  const command = useCommand();

  test('the SDKs’ clients live on over a kill -9, with all that they were told', SLOW, async () => {
    const flags = ['--session-store', redis.url, '--resumable'];
    const survived = await crossKill(command, 500, 20_000, flags);
    expect(survived).toEqual(
      ['v1', 'v2'].map((version) => ({
        version,
        refused: true,
        counts: [
          { count: 1, epoch: 1 },
          { count: 2, epoch: expect.any(Number) },
        ],
        heard: ['before', 'after'],
      })),
    );
  });

  test('says where sessions are, and what is wrong, without the password', SLOW, async () => {
    const module = new URL('../cli/fixtures/server.js', import.meta.url).pathname;
    const running = command.run([module, '--port', '0', '--session-store', redis.url]);
    await running.url();
    expect(running.lines(/^ {2}sessions /)).toEqual([`  sessions      kept in Redis at 127.0.0.1:${redis.port}`]);
    running.kill('SIGTERM');
    expect((await running.exited()).code).toBe(0);

    const wrong: readonly (readonly [string, string, number])[] = [
      ['redis://:s3cret@127.0.0.1:1', 'Redis at 127.0.0.1:1 refuses connections', 1],
      ['redis://:s3cret@', 'url must be a URL like redis://host:6379', 2],
    ];
    for (const [url, why, code] of wrong) {
      const failing = command.run([module, '--port', '0', '--session-store', url]);
      expect((await failing.exited()).code).toBe(code);
      expect(failing.stderr).toContain(`cannot keep sessions in Redis: `);
      expect(failing.stderr).toContain(why);
      expect(failing.stdout + failing.stderr).not.toContain('s3cret');
    }
    const uncounted = command.run([module, '--session-store', redis.url, '--max-parked-sessions', '5']);
    expect((await uncounted.exited()).code).toBe(2);
    expect(uncounted.stderr).toContain('--max-parked-sessions has no effect with sessions in Redis');
  });
});
