/** A supervisor is ready while its Redis answers within 1 s, and again when it does. */
import { expect, onTestFinished, test } from 'vitest';
import { supervise } from '../support/serve.ts';
import { until } from '../support/until.ts';
import { startRedis } from './redisServer.ts';
import { storesAt } from './stores.ts';

test('ready goes off while Redis is held, and comes back by itself', { timeout: 40_000 }, async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.dispose());
  const { sessionStore } = storesAt(redis.url);
  const { supervisor, stop } = supervise({ sessionStore });
  onTestFinished(stop);
  expect(await supervisor.readiness()).toEqual({ ready: true, reasons: [] });
  redis.pause();
  const begun = performance.now();
  await until(async () => !(await supervisor.readiness()).ready, { what: 'ready to go off' });
  // One answer counts for a second, and the next one is waited for as long.
  expect(performance.now() - begun).toBeLessThan(3_500);
  expect((await supervisor.readiness()).reasons).toEqual(['storeUnavailable']);
  redis.resume();
  await until(async () => (await supervisor.readiness()).ready, { within: 15_000, what: 'ready to come back' });
});
