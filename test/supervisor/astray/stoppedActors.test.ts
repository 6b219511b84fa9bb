/** An actor that was stopped by hand is given up, as one that failed is: nobody stays listed, and new ones go elsewhere. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { SessionSupervisor, SessionSupervisorOptions } from '../../../src/index.ts';
import { createGatedServer } from '../../../src/testing/index.ts';
import { TinyServer } from '../../support/tinyServer.ts';
import { until, withTimeout } from '../../support/until.ts';
import { actorsOf, embed, open, ping, postOf } from './embedder.ts';

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

describe('somebody who watches the actors', () => {
  function given(type: 'GROW' | 'SPAWN', deed: (supervisor: SessionSupervisor) => unknown) {
    const built: string[] = [];
    let armed = true;
    const supervisor = embed({
      server: () => {
        built.push('a server');
        return new TinyServer();
      },
      inspect: (inspected) => {
        if (!armed || inspected.type !== '@xstate.event' || inspected.event.type !== type) return;
        armed = false;
        deed(supervisor);
      },
    });
    return { supervisor, built };
  }

  test('and stops the partition that is to spawn a session has that one fail, and no other', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => {}); // xstate tells of events to stopped actors
    const { supervisor, built } = given('SPAWN', (watched) => {
      for (const partition of actorsOf(watched).partitions) partition.send(STOP);
    });
    expect((await open(supervisor)).status).toBe(500);
    expect(built).toEqual([]);
    expect(supervisor.stats()).toMatchObject({ sessions: { initializing: 0 }, ended: { crashed: 1 } });
    expect((await open(supervisor)).status).toBe(200);
    await supervisor.drain();
  });

  test('and drains before there is a partition has the session end as drained', async () => {
    const { supervisor, built } = given('GROW', (watched) => watched.drain());
    expect((await open(supervisor)).status).toBe(503);
    expect(built).toEqual([]);
    expect(supervisor.stats().ended).toEqual({ drained: 1 });
    await supervisor.drain();
  });
});

describe('a root that somebody stops by hand', () => {
  const hold = (id?: string) =>
    postOf({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'hold', arguments: { key: 'k' } } }, id);

  beforeEach(() => {
    vi.spyOn(console, 'warn').mockImplementation(() => {}); // xstate tells of events to stopped actors
  });

  describe.each<[string, (supervisor: SessionSupervisor) => void]>([
    ['as its parent would', ({ actor }) => actor.send(STOP)],
    [
      'by telling it that nothing is left',
      ({ actor }) => {
        actor.send({ type: 'DRAIN' });
        actor.send({ type: 'DRAINED' });
      },
    ],
  ])('%s', (_, stop) => {
    function given(options: Partial<SessionSupervisorOptions> = {}) {
      const events: string[] = [];
      const supervisor = embed({
        server: createGatedServer().factory,
        shutdownTimeout: 60_000,
        logger: ({ event }) => events.push(event),
        ...options,
      });
      const stopped = () => until(() => events.includes('supervisor.stopped'), { within: 1_000, what: 'the end' });
      return { supervisor, events, stopped };
    }

    test('is drained, calls in flight or not', async () => {
      const { supervisor, events, stopped } = given();
      await open(supervisor);
      const { id } = await open(supervisor);
      const call = supervisor.fetch(hold(id)).then((response) => response.text());
      await until(() => supervisor.session(id)?.inFlight === 1);
      stop(supervisor);
      await stopped();
      expect(await call).toContain('"error"');
      expect(supervisor.stats().ended).toEqual({ drained: 2 });
      expect((await open(supervisor)).status).toBe(503);
      expect(events.filter((event) => event === 'supervisor.draining')).toHaveLength(1);
    });

    test('ends what a drain was waiting for', async () => {
      const { supervisor } = given();
      const { id } = await open(supervisor);
      const call = supervisor.fetch(hold(id)).then((response) => response.text());
      await until(() => supervisor.session(id)?.inFlight === 1);
      const drained = supervisor.drain({ timeout: Number.POSITIVE_INFINITY });
      stop(supervisor);
      await withTimeout(drained, { within: 1_000, what: 'the drain' });
      expect(await call).toContain('"error"');
      expect(supervisor.stats().ended).toEqual({ drained: 1 });
    });

    test('ends stateless calls', async () => {
      const { supervisor, stopped } = given({ stateless: true });
      const call = supervisor.fetch(hold()).then((response) => response.text());
      await until(() => supervisor.stats().calls === 1);
      stop(supervisor);
      await stopped();
      expect(await call).toContain('"error"');
    });
  });
});
