/** How far a drain has come, as `stats()` tells: from when somebody wants it until nothing is left. */
import { expect, test } from 'vitest';
import { serve } from '../support/serve.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { until } from '../support/until.ts';
import { call, initialize } from '../support/wire.ts';

test('nothing is told of a drain that nobody wants', async () => {
  const { supervisor } = await serve();
  expect(supervisor.stats()).not.toHaveProperty('drain');
});

test('its delay, its time, and its end', async () => {
  const clock = new SimulatedClock();
  const { supervisor, url, gates } = await serve({ clock });
  const { sessionId } = await initialize(url);
  const calling = call(url, sessionId, 'gate', { key: 'a' }, 1);
  await gates.entered('a');
  const asked = clock.now();
  const drained = supervisor.drain({ delay: 5_000, timeout: 3_000 });
  expect(supervisor.stats().drain).toEqual({ phase: 'leaving', since: asked, until: asked + 5_000 });

  clock.increment(1_000);
  void supervisor.drain({ delay: 2_000 });
  expect(supervisor.stats().drain).toEqual({ phase: 'leaving', since: asked, until: asked + 3_000 });

  clock.increment(2_000);
  await until(() => supervisor.stats().drain?.phase === 'draining');
  const [since, end] = [clock.now(), clock.now() + 3_000];
  expect(supervisor.stats().drain).toEqual({ phase: 'draining', since, until: end });
  gates.openAll();
  await calling;
  await drained;
  expect(supervisor.stats().drain).toEqual({ phase: 'stopped', since, until: end });
});

test.each([
  [undefined, 4_000],
  [Number.POSITIVE_INFINITY, null],
])('with a timeout of %s its time is up after %s', async (timeout, after) => {
  const clock = new SimulatedClock();
  const { supervisor } = await serve({ clock, shutdownTimeout: 4_000 });
  const since = clock.now();
  const drained = supervisor.drain(timeout === undefined ? {} : { timeout });
  expect(supervisor.stats().drain?.until).toBe(after && since + after);
  await drained;
});

test('a supervisor whose root was stopped has stopped as well', async () => {
  const { supervisor } = await serve();
  supervisor.actor.stop();
  await until(() => supervisor.stats().drain?.phase !== 'draining');
  expect(supervisor.stats().drain).toMatchObject({ phase: 'stopped' });
});
