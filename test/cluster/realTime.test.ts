/** The same on the clock of the system: leases by its monotonic time, timers by Node's. */
import { expect, test } from 'vitest';
import { createMemoryDirectory } from '../../src/index.ts';
import { until } from '../support/until.ts';
import { call, Nodes, open, outcomeOf } from './nodes.ts';

/** In ms. */
const LEASE = 1_000;

test('a node goes on for many leases; when it dies its sessions are answered soon after its last one has run out', async () => {
  const nodes = new Nodes();
  const given = { directory: createMemoryDirectory(), leaseTime: LEASE };
  const a = await nodes.start({ name: 'a', clock: undefined, given });
  const b = await nodes.start({ name: 'b', clock: undefined, given });
  const id = await open(a);
  const life = (await given.directory.named('a'))?.id;
  const joined = performance.now();
  await until(() => performance.now() - joined > 3 * LEASE);
  expect(await given.directory.named('a')).toMatchObject({ id: life });
  expect(outcomeOf(await call(b, id))).toBe('hello');
  await until(() => a.supervisor.session(id)?.state === 'idle');
  const killed = performance.now();
  await nodes.kill(a);
  expect(outcomeOf(await call(b, id))).toBe('hello');
  expect(performance.now() - killed).toBeLessThan(LEASE + 2_000);
  expect(b.supervisor.session(id)?.epoch).toBe(2);
});

test('time that passes while nothing runs fences a node before it answers', async () => {
  const nodes = new Nodes();
  const given = { directory: createMemoryDirectory(), leaseTime: LEASE };
  const a = await nodes.start({ name: 'a', clock: undefined, given });
  const id = await open(a);
  const calling = call(a, id, 'gate', { key: 'k' });
  await until(() => a.supervisor.stats().calls === 1);
  const woken = performance.now() + LEASE;
  while (performance.now() < woken); // as a process that was stopped
  a.gates.open('k');
  expect(outcomeOf(await calling)).toMatch(/^error: /);
  expect(a.supervisor.stats().cluster).toMatchObject({ fenced: 1 });
  await until(() => a.supervisor.stats().cluster?.state === 'member');
  expect(outcomeOf(await call(a, id))).toBe('hello');
});
