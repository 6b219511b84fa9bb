/** An actor that was stopped by hand is given up, as one that failed is: nobody stays listed, and new ones go elsewhere. */
import { expect, test } from 'vitest';
import { until, withTimeout } from '../../support/until.ts';
import { actorsOf, embed, open, ping } from './embedder.ts';

/** xstate refuses `stop()` on a child; this is what its parent would send. */
const STOP = { type: 'xstate.stop' } as never;

test('a partition that is stopped ends its sessions as crashed, and new ones go elsewhere', async () => {
  const supervisor = embed();
  const { id } = await open(supervisor);
  for (const partition of actorsOf(supervisor).partitions) partition.send(STOP);
  await until(() => supervisor.session(id) === undefined, { within: 1_000, what: 'its session to end' });
  expect(supervisor.stats().ended).toEqual({ crashed: 1 });
  const next = await open(supervisor);
  expect(next.status).toBe(200);
  expect(await ping(supervisor, next.id)).toBe(200);
  await supervisor.drain();
});

test('a session whose actor is stopped is not listed any more once somebody has asked for it', async () => {
  const supervisor = embed();
  const { id } = await open(supervisor);
  for (const session of actorsOf(supervisor).sessions) session.send(STOP);
  expect(await ping(supervisor, id)).toBe(404);
  expect(supervisor.session(id)).toBeUndefined();
  await supervisor.drain();
});

test('a session whose actor is stopped in the midst of a transition is terminated all the same', async () => {
  const supervisor = embed();
  const { id } = await open(supervisor);
  const [actor] = actorsOf(supervisor).sessions;
  const terminated: Promise<boolean>[] = [];
  actor?.subscribe(() => {
    if (terminated.length > 0) return;
    actor.send(STOP);
    terminated.push(supervisor.terminate(id));
  });
  expect([200, 404]).toContain(await ping(supervisor, id));
  expect(await withTimeout(Promise.all(terminated), { within: 1_000, what: 'terminate' })).toEqual([true]);
  expect(supervisor.session(id)).toBeUndefined();
  await supervisor.drain();
});
