/** Redis that is away, held, restarted with and without its data, or not as it has to be. */
import { readFile } from 'node:fs/promises';
import { createRedisStores } from 'mcp-session-supervisor/redis';
import { createClient, createCluster } from 'redis';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { COMMAND_TIMEOUT } from '../../src/redis/connection.ts';
import { until } from '../support/until.ts';
import { type RedisServer, startRedis } from './redisServer.ts';
import { message, newRecord, storesAt } from './stores.ts';

const open: RedisServer[] = [];
async function server(...settings: string[]): Promise<RedisServer> {
  const redis = await startRedis(...settings);
  open.push(redis);
  return redis;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((redis) => redis.dispose()));
});

const SLOW = { timeout: 40_000 };

async function timed<T>(run: () => Promise<T>): Promise<readonly [ms: number, outcome: PromiseSettledResult<T>]> {
  const begin = performance.now();
  const [outcome] = await Promise.allSettled([run()]);
  return [performance.now() - begin, outcome as PromiseSettledResult<T>];
}

describe('while Redis is held', () => {
  test('what is asked rejects in time, then at once; it works again when it goes on', SLOW, async () => {
    const redis = await server();
    const { sessionStore } = storesAt(redis.url);
    const record = newRecord();
    await sessionStore.create(record);
    redis.pause();
    const first = await Promise.all([1, 2, 3].map(() => timed(() => sessionStore.load(record.id))));
    for (const [ms, { status }] of first) {
      expect(status).toBe('rejected');
      expect(ms).toBeGreaterThan(COMMAND_TIMEOUT - 100);
      expect(ms).toBeLessThan(COMMAND_TIMEOUT + 1_500);
    }
    for (let n = 0; n < 20; n++) expect((await timed(() => sessionStore.load(record.id)))[0]).toBeLessThan(1_000);
    redis.resume();
    await until(() =>
      sessionStore
        .load(record.id)
        .then(({ verdict }) => verdict === 'found')
        .catch(() => false),
    );
    expect(await sessionStore.update(record.id, 1, { logLevel: 'info' })).toBe('updated');
  });

  test('closing takes no second, whatever was asked', SLOW, async () => {
    const redis = await server();
    const { sessionStore, close } = storesAt(redis.url);
    await sessionStore.create(newRecord());
    redis.pause();
    const asked = timed(() => sessionStore.load(newRecord().id));
    const [ms] = await timed(close);
    expect(ms).toBeLessThan(1_000 + 300);
    expect((await asked)[1]).toMatchObject({ status: 'rejected', reason: { code: 'STORE_CLOSED' } });
    // Nor where it was never connected.
    const { sessionStore: other, close: closeOther } = storesAt(redis.url);
    void other.load('x').catch(() => {});
    expect((await timed(closeOther))[0]).toBeLessThan(1_000 + 300);
    redis.resume();
  });

  test('one claim of two that nobody heard of is had, when it goes on', SLOW, async () => {
    const redis = await server();
    const { sessionStore, prefix } = storesAt(redis.url);
    const record = newRecord();
    await sessionStore.create(record);
    redis.pause();
    const claims = [sessionStore.claim(record.id, 1, 'a#1'), sessionStore.claim(record.id, 1, 'b#1')];
    await new Promise((resolve) => setTimeout(resolve, COMMAND_TIMEOUT + 300));
    redis.resume(); // each has been asked twice by then
    const outcomes = await Promise.allSettled(claims);
    const verdicts = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.verdict : 'unknown'));
    expect(verdicts.toSorted()).toEqual(['claimed', 'fenced']);
    const winner = verdicts.indexOf('claimed') === 0 ? 'a#1' : 'b#1';
    expect(await storesAt(redis.url, prefix).sessionStore.load(record.id)).toMatchObject({ record: { owner: winner } });
  });
});

describe('a restart', () => {
  test('with its data: what was acknowledged is there, scripts are given anew', SLOW, async () => {
    const redis = await server('--appendfsync', 'always');
    const { sessionStore, eventStore } = storesAt(redis.url);
    const [kept, removed] = [newRecord(), newRecord()];
    for (const record of [kept, removed]) await sessionStore.create(record);
    await sessionStore.update(kept.id, 1, { state: '{"n":1}' });
    await sessionStore.remove(removed.id, 1);
    const event = await eventStore.storeEvent(`${kept.id}:1.0`, message('x'));
    await redis.kill();
    const refused = `Redis at 127.0.0.1:${redis.port} refuses connections`;
    await until(() => sessionStore.load(kept.id).catch((error: Error) => error.message.startsWith(refused)));
    for (let n = 0; n < 10; n++) {
      const [ms, away] = await timed(() => sessionStore.load(kept.id));
      expect(away).toMatchObject({ status: 'rejected', reason: { code: 'STORE_FAILED' } });
      expect(ms).toBeLessThan(500);
    }
    await redis.start('kept');
    const load = () => sessionStore.load(kept.id).catch(() => undefined);
    const loaded = await until(load);
    expect(loaded).toEqual({ verdict: 'found', record: { ...kept, state: '{"n":1}' } });
    expect(await sessionStore.load(removed.id)).toEqual({ verdict: 'gone' });
    expect(await eventStore.getStreamIdForEventId(event)).toBe(`${kept.id}:1.0`);
  });

  test('without its data, by one node: what is not there is gone at once', SLOW, async () => {
    const redis = await server();
    const { sessionStore } = storesAt(redis.url);
    const record = newRecord();
    await sessionStore.create(record);
    await redis.kill();
    await redis.start('lost');
    expect(await until(() => sessionStore.load(record.id).catch(() => undefined))).toEqual({ verdict: 'gone' });
    expect(await sessionStore.update(record.id, 1, { initialized: true })).toBe('gone');
  });

  test('without its data, with a directory in use: for one lease time nothing is gone, then it is', SLOW, async () => {
    const LEASE = 3_000;
    const redis = await server();
    const { sessionStore, directory } = storesAt(redis.url);
    const record = newRecord();
    const life = { id: 'a#1', node: 'a', url: 'http://localhost:1' };
    await sessionStore.create(record);
    expect(await directory.join(life, LEASE)).toBe('joined');
    await redis.kill();
    await redis.start('lost');
    const began = performance.now();
    await until(() =>
      directory
        .lives()
        .then(() => true)
        .catch(() => false),
    );
    const asked: Record<string, () => Promise<unknown>> = {
      load: () => sessionStore.load(record.id),
      claim: () => sessionStore.claim(record.id, 1),
      update: () => sessionStore.update(record.id, 1, { initialized: true }),
      park: () => sessionStore.park(record.id, 1, { at: 1 }),
      remove: () => sessionStore.remove(record.id, 1),
      find: () => directory.find(life.id),
      named: () => directory.named(life.node),
    };
    const unknown = { code: 'STORE_FAILED', message: expect.stringContaining('may have been lost') };
    for (const run of Object.values(asked)) await expect(run()).rejects.toMatchObject(unknown);
    // Its own life is over: it fences itself, and joins anew.
    expect(await directory.renew(life.id, LEASE)).toBe('gone');
    expect(await directory.join({ ...life, id: 'a#2' }, LEASE)).toBe('joined');
    expect(await directory.named('a')).toMatchObject({ id: 'a#2' });
    await expect(directory.find('b#1')).rejects.toMatchObject(unknown);
    expect(await until(() => sessionStore.load(record.id).catch(() => undefined), { within: 10_000 })).toEqual({
      verdict: 'gone',
    });
    expect(performance.now() - began).toBeGreaterThan(LEASE - 1_100); // its uptime is in whole seconds
    for (const name of ['claim', 'update', 'park', 'remove']) {
      const outcome = await asked[name]?.();
      expect((outcome as { verdict?: string }).verdict ?? outcome).toBe('gone');
    }
    expect(await directory.find('b#1')).toBeUndefined();
  });
});

describe('what is wrong is said, with what to do about it, and no secret', () => {
  const failing = async (url: string) => {
    const { sessionStore } = storesAt(url);
    const [, outcome] = await timed(() => sessionStore.create(newRecord()));
    if (outcome.status === 'fulfilled') return expect.fail('It worked');
    const error = outcome.reason as Error & { code: string };
    const told = `${error.message} ${error.stack} ${JSON.stringify(error)} ${(error.cause as Error | undefined)?.message}`;
    expect(told).not.toContain('s3cret');
    expect(error.code).toBe('STORE_FAILED');
    return error.message;
  };

  test('nobody listens', async () => {
    const redis = await server();
    await redis.kill();
    expect(await failing(redis.url)).toBe(
      `Redis at 127.0.0.1:${redis.port} refuses connections: is it running, and is this its port?`,
    );
  });

  test('a name that leads nowhere', SLOW, async () => {
    expect(await failing('redis://user:s3cret@redis.invalid')).toMatch(
      /^Redis at redis\.invalid:6379 (has a name that|did not answer)/,
    );
  });

  test('the wrong password, and none', async () => {
    const redis = await server('--requirepass', 's3cret-right');
    const at = `127.0.0.1:${redis.port}`;
    for (const url of [`redis://:s3cret@${at}`, `redis://user:s3cret@${at}`, `redis://${at}`]) {
      expect(await failing(url)).toBe(`Redis at ${at} refuses the user or the password`);
    }
    const { sessionStore } = storesAt(`redis://:s3cret-right@${at}`);
    expect(await sessionStore.create(newRecord())).toBe('created');
  });

  test('a user who may not do what the stores need', async () => {
    const redis = await server();
    await redis.ask('ACL', 'SETUSER', 'weak', 'on', '>s3cret', '~*', '+@connection', '+get');
    expect(await failing(`redis://weak:s3cret@127.0.0.1:${redis.port}`)).toContain('does not permit its user');
  });

  test('the user that the docs give is permitted all that the stores do, and no other key', async () => {
    const redis = await server();
    const docs = await readFile(new URL('../../docs/redis.md', import.meta.url), 'utf8');
    const line = /ACL SETUSER mcp on >(\S+) (.+)/.exec(docs) ?? expect.fail('docs/redis.md shows no ACL SETUSER');
    await redis.ask('ACL', 'SETUSER', 'mcp', 'on', '>s3cret', ...(line[2] ?? '').trim().split(' '));
    const url = `redis://mcp:s3cret@127.0.0.1:${redis.port}`;
    const { sessionStore, eventStore, directory } = storesAt(url, 'mcp:');
    const record = newRecord();
    await sessionStore.create(record);
    const event = await eventStore.storeEvent(`${record.id}:1.0`, message('x'.repeat(5_000)));
    expect(await eventStore.getStreamIdForEventId(event)).toBe(`${record.id}:1.0`);
    expect((await sessionStore.claim(record.id, 1)).verdict).toBe('claimed');
    await directory.join({ id: 'a#1', node: 'a', url: 'http://localhost:1' }, 60_000);
    expect(await directory.lives()).toHaveLength(1);
    await sessionStore.remove(record.id, 1);
    await eventStore.forget(`${record.id}:`);
    await expect(storesAt(url, 'other:').sessionStore.create(newRecord())).rejects.toThrow('does not permit');
  });

  test('a replica, and no memory', SLOW, async () => {
    const [master, replica] = [await server(), await server()];
    await replica.ask('REPLICAOF', '127.0.0.1', String(master.port));
    expect(await failing(replica.url)).toContain('is a replica, which nobody can write to: the stores need its master');
    await master.ask('CONFIG', 'SET', 'maxmemory', '1');
    expect(await failing(master.url)).toContain('has no memory left for this write (maxmemory)');
  });

  test('a Redis that lacks a command, whose refusal repeats what it was sent', async () => {
    const redis = await server('--rename-command', 'HELLO', '', '--requirepass', 's3cret');
    const message = await failing(`redis://:s3cret@127.0.0.1:${redis.port}`);
    expect(message).toContain('lacks a command that the stores need: they need Redis 6.2 or later');
  });

  test('an URL that is none is not repeated', () => {
    for (const url of [
      'http://user:s3cret@host',
      'redis://user:s3cret@',
      'redis://h/s3cret',
      'redis://:%zz-s3cret@h',
      's3cret',
      7,
    ]) {
      expect(() => createRedisStores({ url: url as string })).toThrowError(
        expect.objectContaining({ code: 'INVALID_OPTION', message: expect.not.stringContaining('s3cret') }),
      );
    }
    expect(() => createRedisStores({ url: 'redis://a', client: createClient() })).toThrowError(
      expect.objectContaining({ code: 'CONFLICTING_OPTIONS' }),
    );
    expect(() => createRedisStores({ url: 'redis://a', prefix: '{a}' })).toThrow('prefix must be 1 to 64');
    expect(() => createRedisStores({ url: 'redis://a', host: 'b' } as never)).toThrow('There is no option host');
  });
});

describe('a client of one’s own', () => {
  test('is neither used nor closed, connected or not; its address and password are used', async () => {
    const redis = await server('--requirepass', 's3cret');
    const client = createClient({ url: `redis://:s3cret@127.0.0.1:${redis.port}`, RESP: 2 });
    const unconnected = createClient({ socket: { host: '127.0.0.1', port: redis.port }, password: 's3cret' });
    client.on('error', () => {});
    await client.connect();
    onTestFinished(() => client.destroy());
    for (const each of [client, unconnected]) {
      const stores = createRedisStores({ client: each });
      const record = newRecord();
      expect(await stores.sessionStore.create(record)).toBe('created');
      expect(await stores.sessionStore.load(record.id)).toEqual({ verdict: 'found', record });
      await stores.close();
    }
    expect(await client.ping()).toBe('PONG');
    expect(unconnected.isOpen).toBe(false);
  });

  test('messages name its address', async () => {
    const redis = await server();
    await redis.kill();
    const at = `127.0.0.1:${redis.port}`;
    const socket = { host: '127.0.0.1', port: redis.port };
    const clients = [
      createClient({ url: redis.url }),
      createClient({ socket }),
      createCluster({ rootNodes: [{ socket }] }),
    ];
    for (const client of clients) {
      const { sessionStore, close } = createRedisStores({ client });
      onTestFinished(close);
      await expect(sessionStore.load('x')).rejects.toMatchObject({
        message: expect.stringContaining(`Redis at ${at}`),
      });
    }
  });
});
