/** The command at its start, before a Redis that says nothing for longer than a command may take. */
import { setTimeout as passing } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { Flags } from '../../src/cli/flags.ts';
import type { Journal } from '../../src/cli/journal.ts';
import { openStores } from '../../src/cli/sessionStores.ts';
import { withTimeout } from '../support/until.ts';
import { redisProxy } from './redisProxy.ts';
import { startRedis } from './redisServer.ts';

test('it waits for it; where connections are refused it does not', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.dispose());
  const proxy = await redisProxy(redis.port);
  proxy.hold(true);
  const open = (url: string) => openStores({ sessionStore: { kind: 'redis', url } } as Flags, {} as Journal);
  const opening = open(proxy.url);
  await passing(3_000); // this time is what is tried: a command has 2 s
  proxy.hold(false);
  const stores = await withTimeout(opening, { within: 12_000, what: 'the stores to be open' });
  expect(stores.kept).toHaveProperty('redis');
  await stores.close();

  const begun = performance.now();
  await expect(open('redis://127.0.0.1:9')).rejects.toThrow('refuses connections');
  expect(performance.now() - begun).toBeLessThan(3_000);
});
