/** What the embedder's own code does to handles: hooks that throw, hang, come too late, or call back. */
import { describe, expect, test } from 'vitest';
import { turns, until, withTimeout } from '../support/until.ts';
import { actorsOf } from './astray/embedder.ts';
import { ANN, BOB, Browser, gate, NOT_FOUND, world } from './handleLife.ts';

/** xstate refuses `stop()` on a child; this is what its parent would send. */
const STOP = { type: 'xstate.stop' } as never;

describe('open', () => {
  test.each(['throws', 'rejects'])('that %s is told to whoever creates, and leaves nothing', async (how) => {
    const error = new Error('no display');
    const { create, made, log, told, supervisor } = world({
      open: () => {
        if (how === 'throws') throw error;
        return Promise.reject(error);
      },
    });
    await expect(create(ANN)).rejects.toBe(error);
    expect([[...supervisor.openHandles()], made, told()]).toEqual([[], [], ['terminated: crashed']]);
    expect(log.filter(({ event }) => event === 'handle.terminated')).toMatchObject([
      { level: 'error', reason: 'crashed', error },
    ]);
    await turns(2);
    expect(supervisor.stats().handles).toMatchObject({ browser: { initializing: 0, opened: 0, closing: 0 } });
  });

  test('that hangs: create hears of it after openTimeout, and what comes late is closed, once', async () => {
    const opening = gate();
    const signals: AbortSignal[] = [];
    const { create, made, pass, told, supervisor } = world({
      openTimeout: 1_000,
      open: async ({ signal, id }) => {
        signals.push(signal);
        await opening.opened;
        return new Browser(id, 'ann');
      },
    });
    const created = create(ANN).catch((error: unknown) => error);
    await pass(999);
    expect([...supervisor.openHandles()]).toMatchObject([{ state: 'initializing', inFlight: 1 }]);
    await pass(1);
    expect(await created).toMatchObject({
      code: 'HANDLE_NOT_OPENED',
      message: 'The browser took too long to open. Try to create it again later.',
    });
    expect([signals[0]?.aborted, told()]).toEqual([true, ['terminated: initializeTimeout']]);
    await pass(60_000);
    opening.open();
    await until(() => made[0]?.closed.length === 1);
    await turns(3);
    expect(made[0]?.closed).toEqual(['initializeTimeout']);
    expect(supervisor.stats().handles).toMatchObject({ browser: { closing: 0, opened: 0 } });
  });

  test('may take 60 s where nothing is said', async () => {
    const { create, pass, told } = world({ open: () => new Promise(() => {}) });
    void create(ANN).catch(() => {});
    await pass(59_999);
    expect(told()).toEqual([]);
    await pass(1);
    expect(told()).toEqual(['terminated: initializeTimeout']);
  });

  test('that hangs and then throws is logged', async () => {
    const opening = gate();
    const error = new Error('too late as well');
    const { create, pass, log } = world({
      openTimeout: 1_000,
      open: async () => {
        await opening.opened;
        throw error;
      },
    });
    const created = create(ANN).catch(({ code }: { code: string }) => code);
    await pass(1_000);
    expect(await created).toBe('HANDLE_NOT_OPENED');
    opening.open();
    await until(() => log.some(({ event }) => event === 'handle.openFailed'));
    expect(log.find(({ event }) => event === 'handle.openFailed')).toMatchObject({
      level: 'warn',
      handle: 'browser',
      error,
    });
  });

  test('that outlives the lifetime of its handle is ended by that', async () => {
    const { create, pass } = world({ maxLifetime: 500, open: () => new Promise(() => {}) });
    const created = create(ANN).catch((error: unknown) => error);
    await pass(500);
    expect(await created).toMatchObject({
      code: 'HANDLE_NOT_OPENED',
      message: 'The browser was ended before it was open. Create a new one.',
    });
  });

  test('finds no handle under its id yet', async () => {
    const found: unknown[] = [];
    const { create, use, end } = world({
      open: async ({ id }) => {
        for (const ask of [() => use(id, ANN, () => {}), () => end(id, ANN)]) {
          found.push(await ask().catch(({ code }: { code: string }) => code));
        }
        return new Browser(id, 'ann');
      },
    });
    const id = await create(ANN);
    expect(found).toEqual(['HANDLE_NOT_FOUND', 'HANDLE_NOT_FOUND']);
    expect(await use(id, ANN, () => 'in')).toBe('in');
  });

  test('may create another one, and drain', async () => {
    let depth = 0;
    const { create, supervisor, made } = world({
      open: async ({ id }) => {
        if (depth++ === 0) await create(ANN);
        else void supervisor.drain();
        return new Browser(id, 'ann');
      },
    });
    await expect(withTimeout(create(ANN))).rejects.toMatchObject({ code: 'HANDLE_NOT_OPENED' });
    await withTimeout(supervisor.drain());
    await until(() => made.length > 0 && made.every(({ closed }) => closed.length === 1));
  });

  test('whose listener of the signal throws hurts nobody', async () => {
    const { create, pass, log } = world({
      openTimeout: 100,
      open: ({ signal }) => {
        signal.addEventListener('abort', () => {
          throw new Error('in the listener');
        });
        return new Promise(() => {});
      },
    });
    const created = create(ANN).catch(({ code }: { code: string }) => code);
    await pass(100);
    expect(await created).toBe('HANDLE_NOT_OPENED');
    expect(log.filter(({ event }) => event === 'listener.failed')).toHaveLength(1);
  });
});

describe('close', () => {
  test.each(['throws', 'rejects'])('that %s is logged, and it ends all the same', async (how) => {
    const error = new Error('it will not close');
    const { supervisor, log } = world();
    const { create, end } = supervisor.handles('sandbox', {
      open: () => 1,
      close: () => {
        if (how === 'throws') throw error;
        return Promise.reject(error);
      },
    });
    const id = await create(ANN);
    await withTimeout(end(id, ANN));
    expect(log.filter(({ event }) => event === 'handle.closeFailed')).toMatchObject([
      { level: 'warn', message: 'A handle failed to close', handle: 'sandbox', handleId: id, error },
    ]);
    expect(supervisor.stats().handles).toMatchObject({ sandbox: { closing: 0, ended: { deleted: 1 } } });
    await withTimeout(supervisor.drain());
  });

  test('that hangs is waited for no longer than shutdownTimeout', async () => {
    const { create, end, pass } = world({ close: () => new Promise(() => {}) }, { shutdownTimeout: 500 });
    const id = await create(ANN);
    let ended = false;
    const end1 = end(id, ANN).then(() => {
      ended = true;
    });
    await pass(499);
    expect(ended).toBe(false);
    await pass(1);
    await withTimeout(end1);
  });

  test('is told whose it was and why, and finds nobody any more', async () => {
    const seen: unknown[] = [];
    const { create, end, use, info } = world({
      close: async (browser, closing) => {
        const { id } = closing;
        seen.push(browser.id === id, closing, info(id), await use(id, ANN, () => {}).catch(({ code }) => code));
        await end(id, ANN).catch(({ code }) => seen.push(code));
      },
    });
    const id = await create(ANN);
    await end(id, ANN);
    const closing = { id, principal: 'ann', reason: 'deleted' };
    expect(seen).toEqual([true, closing, undefined, 'HANDLE_NOT_FOUND', 'HANDLE_NOT_FOUND']);
  });

  test('may create another one, and drain', async () => {
    const { create, end, supervisor, made } = world({
      close: async (_, { reason }) => {
        if (reason !== 'deleted') return;
        await create(ANN);
        void supervisor.drain();
      },
    });
    await withTimeout(end(await create(ANN), ANN));
    await withTimeout(supervisor.drain());
    expect(made.map(({ closed }) => closed)).toEqual([['deleted'], ['drained']]);
  });
});

describe('a use', () => {
  test('may use, end, create and drain, whatever it is in', async () => {
    const { create, use, end, supervisor, made } = world();
    const id = await create(ANN);
    const said = await withTimeout(
      use(id, ANN, async (browser, { signal }) => {
        const inner = await use(id, ANN, (same) => same === browser);
        const other = await create(ANN);
        await end(id, ANN);
        const drained = supervisor.drain();
        return { inner, other: made[1]?.id === other, aborted: signal.aborted, drained: drained instanceof Promise };
      }),
    );
    expect(said).toEqual({ inner: true, other: true, aborted: true, drained: true });
    await withTimeout(supervisor.drain());
    expect(made.map(({ closed }) => closed)).toEqual([['deleted'], ['drained']]);
  });

  test('whose listener of the signal throws hurts nobody', async () => {
    const { create, use, end, log, made } = world();
    const id = await create(ANN);
    const held = gate();
    const running = use(id, ANN, async (_, { signal }) => {
      signal.addEventListener('abort', () => {
        throw new Error('in the listener');
      });
      await held.opened;
    });
    await end(id, ANN);
    expect(log.filter(({ event }) => event === 'listener.failed')).toMatchObject([{ level: 'error', handleId: id }]);
    held.open();
    await running;
    await until(() => made[0]?.closed.length === 1);
  });
});

describe('a listener', () => {
  test.each(['handle.opened', 'handle.active', 'handle.idle'] as const)(
    'of %s that ends it while it is opened: its create says so, and it is closed once',
    async (type) => {
      const { create, end, supervisor, made, told } = world();
      supervisor.on(type, ({ handle }) => void end(handle.id, ANN).catch(() => {}));
      await expect(create(ANN)).rejects.toMatchObject({
        code: 'HANDLE_NOT_OPENED',
        message: 'The browser was ended before it was open. Create a new one.',
      });
      await until(() => made[0]?.closed.length === 1);
      expect(made[0]?.closed).toEqual(['deleted']);
      expect(told().at(-1)).toBe('terminated: deleted');
    },
  );

  test('of handle.active that ends it keeps the use out', async () => {
    const { create, use, end, supervisor, made } = world();
    const id = await create(ANN);
    supervisor.on('handle.active', () => void end(id, ANN).catch(() => {}));
    let called = false;
    await expect(
      use(id, ANN, () => {
        called = true;
      }),
    ).rejects.toMatchObject(NOT_FOUND);
    await until(() => made[0]?.closed.length === 1);
    expect(called).toBe(false);
  });

  test('of handle.terminated that creates and uses is answered', async () => {
    const { create, use, end, supervisor } = world();
    const created: Promise<unknown>[] = [];
    const off = supervisor.on('handle.terminated', () => {
      off();
      created.push(create(ANN).then((id) => use(id, ANN, () => 'in')));
    });
    await end(await create(ANN), ANN);
    expect(await Promise.all(created)).toEqual(['in']);
  });

  test.each(['throws', 'rejects'])('that %s is logged and hurts nobody', async (how) => {
    const { create, use, supervisor, log } = world();
    supervisor.on('handle.opened', () => {
      if (how === 'throws') throw new Error('listener');
      return Promise.reject(new Error('listener')) as never;
    });
    const id = await create(ANN);
    expect(await use(id, ANN, () => 'in')).toBe('in');
    await turns(2);
    expect(log.filter(({ event }) => event === 'listener.failed')).toMatchObject([
      { message: 'A listener of handle.opened failed' },
    ]);
  });

  test('is told with what is true then', async () => {
    const { create, use, end, supervisor } = world();
    const seen: unknown[] = [];
    for (const type of ['handle.opened', 'handle.active', 'handle.idle', 'handle.terminated'] as const) {
      supervisor.on(type, ({ handle: { state, inFlight }, reason }) => seen.push([type, state, inFlight, reason]));
    }
    const id = await create(ANN);
    await use(id, ANN, () => {});
    await end(id, ANN);
    expect(seen).toEqual([
      ['handle.opened', 'active', 1, undefined],
      ['handle.active', 'active', 1, undefined],
      ['handle.idle', 'idle', 0, undefined],
      ['handle.active', 'active', 1, undefined],
      ['handle.idle', 'idle', 0, undefined],
      ['handle.terminated', 'terminated', 0, 'deleted'],
    ]);
  });

  test('that makes room by hand for itself finds that there is none', async () => {
    const { create, supervisor } = world({ maxHandles: 1 });
    const taken: Promise<unknown>[] = [];
    const off = supervisor.on('handle.terminated', () => {
      off();
      taken.push(create(BOB).catch(({ code }: { code: string }) => code));
    });
    await create(ANN);
    const mine = await create(ANN);
    expect(mine).toMatch(/^[0-9a-f]{32}$/);
    expect(await Promise.all(taken)).toHaveLength(1);
    expect([...supervisor.openHandles()]).toHaveLength(1);
  });
});

describe('an actor of a handle', () => {
  test('is in the tree, with what it knows as JSON', async () => {
    const { create, supervisor } = world({ idleTimeout: 5_000 });
    const id = await create(ANN);
    const contexts = actorsOf(supervisor).sessions.map((actor) => actor.getSnapshot().context);
    const timeouts = { initializeTimeout: 60_000, sessionIdleTimeout: 5_000, maxSessionLifetime: null };
    expect(contexts).toEqual([{ sessionId: id, handle: 'browser', timeouts, inFlight: 0, reason: null }]);
    expect(JSON.parse(JSON.stringify(contexts))).toEqual(contexts);
  });

  test('that is ended by hand ends its handle', async () => {
    const { create, use, supervisor, made, told } = world();
    const id = await create(ANN);
    const [actor] = actorsOf(supervisor).sessions;
    actor?.send({ type: 'TERMINATE', reason: 'terminated' });
    await expect(use(id, ANN, () => {})).rejects.toMatchObject(NOT_FOUND);
    await until(() => made[0]?.closed.length === 1);
    expect([made[0]?.closed, told(id).at(-1)]).toEqual([['deleted'], 'terminated: deleted']);
  });

  test.each(['PARK', 'DROP'] as const)('that is told to %s by hand does not leave its value behind', async (type) => {
    const { create, use, supervisor, made } = world();
    const id = await create(ANN);
    const held = gate();
    const running = type === 'DROP' ? use(id, ANN, () => held.opened) : undefined;
    actorsOf(supervisor).sessions[0]?.send({ type });
    held.open();
    await running;
    await until(() => made[0]?.closed.length === 1);
    expect(made[0]?.closed).toEqual(['crashed']);
  });

  test('that is stopped by hand is noticed by the next use', async () => {
    const { create, use, supervisor, made } = world();
    const id = await create(ANN);
    actorsOf(supervisor).sessions[0]?.send(STOP);
    await expect(use(id, ANN, () => {})).rejects.toMatchObject(NOT_FOUND);
    await until(() => made[0]?.closed.length === 1);
    expect(made[0]?.closed).toEqual(['crashed']);
    await withTimeout(supervisor.drain());
  });

  test('that is stopped by hand while it is opened is noticed by its create', async () => {
    const opening = gate();
    const { create, supervisor, made } = world({ open: async () => void (await opening.opened) as never });
    const created = create(ANN).catch(({ code }: { code: string }) => code);
    actorsOf(supervisor).sessions[0]?.send(STOP);
    opening.open();
    expect(await created).toBe('HANDLE_NOT_OPENED');
    await until(() => made[0]?.closed.length === 1);
    expect([[...supervisor.openHandles()], made[0]?.closed]).toEqual([[], ['crashed']]);
  });

  test('whose partition is stopped ends its handle, and the next one is elsewhere', async () => {
    const { create, use, supervisor, made, told } = world();
    const id = await create(ANN);
    actorsOf(supervisor).partitions[0]?.send(STOP);
    await until(() => made[0]?.closed.length === 1);
    expect([made[0]?.closed, told(id).at(-1)]).toEqual([['crashed'], 'terminated: crashed']);
    expect(await use(await create(ANN), ANN, () => 'in')).toBe('in');
  });

  test('can be watched by who throws', async () => {
    const { create, use, supervisor } = world(
      {},
      {
        inspect: () => {
          throw new Error('an observer');
        },
      },
    );
    const id = await create(ANN);
    expect(await use(id, ANN, () => 'in')).toBe('in');
    expect([...supervisor.openHandles()]).toMatchObject([{ id, state: 'idle' }]);
  });
});
