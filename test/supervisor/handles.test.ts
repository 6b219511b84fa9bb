/** Handles: how they are opened, used and ended, whose they are, and what ends them. */
import { describe, expect, test } from 'vitest';
import { supervise } from '../support/serve.ts';
import { withTimeout } from '../support/until.ts';
import { ANN, BOB, Browser, browsersOf, gate, NOT_FOUND, world } from './handleLife.ts';

const MINUTES = 60_000;

describe('a handle', () => {
  test('is opened for whoever asks, used, and ended', async () => {
    const { create, use, end, info, made, told, clock, supervisor } = world();
    const id = await create(ANN);
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(made).toMatchObject([{ id, principal: 'ann' }]);
    expect(info(id)).toMatchObject({ id, name: 'browser', state: 'idle', inFlight: 0, principal: 'ann' });
    expect(info(id)?.idleDeadline).toBe(clock.now() + 30 * MINUTES);
    const answer = await use(id, ANN, (browser) => {
      expect(info(id)).toMatchObject({ state: 'active', inFlight: 1, idleDeadline: undefined });
      return ++browser.tabs;
    });
    expect(answer).toBe(1);
    expect(info(id)).toMatchObject({ state: 'idle', inFlight: 0 });
    await end(id, ANN);
    expect(made[0]?.closed).toEqual(['deleted']);
    expect(info(id)).toBeUndefined();
    expect(told(id)).toEqual(['opened', 'active', 'idle', 'active', 'idle', 'terminated: deleted']);
    expect(supervisor.stats().handles).toEqual({
      browser: { initializing: 0, active: 0, idle: 0, opened: 1, ended: { deleted: 1 }, closing: 0 },
    });
  });

  test('has ids of 128 bits, no two alike, and no id of a session', async () => {
    const { create, supervisor } = world({ maxPerPrincipal: 100 });
    const ids = await Promise.all(Array.from({ length: 100 }, () => create(ANN)));
    expect(new Set(ids).size).toBe(100);
    for (const id of ids) expect(supervisor.session(id)).toBeUndefined();
    expect([...supervisor.sessions()]).toEqual([]);
  });

  test('hands what create was given to open', async () => {
    const { supervisor } = world();
    const got: unknown[] = [];
    const handles = supervisor.handles<string, { image: string }>('sandbox', {
      open: ({ input: { image }, principal, id, signal }) => {
        got.push({ image, principal, id, aborted: signal.aborted });
        return image;
      },
      close: () => {},
    });
    const id = await handles.create(ANN, { image: 'alpine' });
    expect(got).toEqual([{ image: 'alpine', principal: 'ann', id, aborted: false }]);
    expect(await handles.use(id, ANN, (value) => value)).toBe('alpine');
  });

  test('case 8: two uses overlap, and the idle timer ends it in neither, nor between', async () => {
    const { create, use, info, made, pass } = world({ idleTimeout: 1_000 });
    const id = await create(ANN);
    const [first, second] = [gate(), gate()];
    const uses = [use(id, ANN, () => first.opened), use(id, ANN, () => second.opened)];
    expect(info(id)).toMatchObject({ state: 'active', inFlight: 2 });
    await pass(10_000);
    first.open();
    await uses[0];
    expect(info(id)).toMatchObject({ state: 'active', inFlight: 1 });
    await pass(10_000);
    expect(made[0]?.closed).toEqual([]);
    second.open();
    await uses[1];
    await pass(999);
    expect(info(id)).toMatchObject({ state: 'idle' });
    await pass(1);
    expect(info(id)).toBeUndefined();
    expect(made[0]?.closed).toEqual(['idle']);
  });

  test('every use begins the idle time anew', async () => {
    const { create, use, info, pass } = world({ idleTimeout: 1_000 });
    const id = await create(ANN);
    for (let n = 0; n < 5; n++) {
      await pass(900);
      await use(id, ANN, () => {});
    }
    await pass(999);
    expect(info(id)).toBeDefined();
    await pass(1);
    expect(info(id)).toBeUndefined();
  });

  test('is idle for 30 minutes where nothing is said, and for ever where that is', async () => {
    const { create, info, pass, supervisor, clock } = world();
    const id = await create(ANN);
    const never = { idleTimeout: Number.POSITIVE_INFINITY };
    const handles = supervisor.handles('lasting', { open: () => 1, close: () => {}, ...never });
    const lasting = await handles.create(ANN);
    expect(info(lasting)?.idleDeadline).toBeUndefined();
    await pass(30 * MINUTES - 1);
    expect(info(id)).toBeDefined();
    await pass(1);
    expect(info(id)).toBeUndefined();
    clock.increment(2 ** 40);
    expect(info(lasting)).toMatchObject({ state: 'idle' });
  });

  test('a use passes on what its function resolves to or throws, and holds it no longer', async () => {
    const { create, use, info } = world();
    const id = await create(ANN);
    const thrown = new Error('no such page');
    await expect(use(id, ANN, () => Promise.reject(thrown))).rejects.toBe(thrown);
    const atOnce = use(id, ANN, () => {
      throw thrown;
    });
    await expect(atOnce).rejects.toBe(thrown);
    expect(info(id)).toMatchObject({ state: 'idle', inFlight: 0 });
  });

  test('keeps its last events, as a session does', async () => {
    const { create, use, end, events, info, clock } = world({}, { historySize: 4 });
    const id = await create(ANN);
    const held = gate();
    const uses = [use(id, ANN, () => held.opened), use(id, ANN, () => {})];
    await uses[1];
    const at = clock.now();
    expect(info(id)?.history).toEqual([
      { at, event: 'idle', inFlight: 0 },
      { at, event: 'active', inFlight: 1 },
      { at, event: 'request', inFlight: 2 },
      { at, event: 'response', inFlight: 1 },
    ]);
    held.open();
    await uses[0];
    await end(id, ANN);
    expect(events.at(-1)?.handle.history.at(-1)).toEqual({ at, event: 'terminated', inFlight: 0, reason: 'deleted' });
  });

  test('is logged with its kind', async () => {
    const { create, end, log } = world();
    const id = await create(ANN);
    await end(id, ANN);
    const lines = log.filter(({ event }) => event.startsWith('handle.'));
    expect(lines).toEqual([
      { level: 'info', event: 'handle.opened', message: 'Handle opened: browser', handle: 'browser', handleId: id },
      {
        level: 'info',
        event: 'handle.terminated',
        message: 'Handle ended: browser, deleted',
        handle: 'browser',
        handleId: id,
        reason: 'deleted',
      },
    ]);
  });
});

describe('case 8: unknown, ended and foreign', () => {
  test('are one and the same, for each of the two that take an id', async () => {
    const { create, use, end, made } = world();
    const [ended, foreign] = [await create(ANN), await create(BOB)];
    await end(ended, ANN);
    for (const id of [ended, foreign, 'unknown', '', undefined, 7, null, {}] as string[]) {
      const used = await use(id, ANN, () => 'in').catch((error: unknown) => error);
      expect(used).toBeInstanceOf(Error);
      expect({ ...(used as Error), message: (used as Error).message }).toEqual(NOT_FOUND);
      await expect(end(id, ANN)).rejects.toEqual(used);
    }
    expect(made[1]?.closed).toEqual([]);
    expect(await use(foreign, BOB, () => 'in')).toBe('in');
  });

  test('are so for nobody in particular as well, whose handles are nobody else’s', async () => {
    const { create, use } = world();
    const nobody = { principal: undefined };
    const [anns, nobodys] = [await create(ANN), await create(nobody)];
    await expect(use(anns, nobody, () => {})).rejects.toMatchObject(NOT_FOUND);
    await expect(use(nobodys, ANN, () => {})).rejects.toMatchObject(NOT_FOUND);
    expect(await use(nobodys, nobody, () => 'in')).toBe('in');
  });

  test('are so of another kind', async () => {
    const { create, supervisor } = world();
    const others = supervisor.handles('sandbox', { open: () => 1, close: () => {} });
    const id = await create(ANN);
    await expect(others.use(id, ANN, () => {})).rejects.toMatchObject({
      code: 'HANDLE_NOT_FOUND',
      message: 'There is no sandbox with this id, or there is none any more. Create a new one and use its id.',
    });
  });
});

describe('the end', () => {
  test('case 8: while it is used: nobody gets in, the use hears of it, and close waits for it', async () => {
    const { create, use, end, made, info, supervisor } = world();
    const id = await create(ANN);
    const held = gate();
    let signal: AbortSignal | undefined;
    const running = use(id, ANN, async (browser, use) => {
      signal = use.signal;
      await held.opened;
      return browser.closed.length;
    });
    await withTimeout(end(id, ANN), { what: 'the end, which waits for no use' });
    expect([signal?.aborted, made[0]?.closed, info(id)]).toEqual([true, [], undefined]);
    await expect(use(id, ANN, () => {})).rejects.toMatchObject(NOT_FOUND);
    await expect(end(id, ANN)).rejects.toMatchObject(NOT_FOUND);
    expect(supervisor.stats().handles).toMatchObject({ browser: { closing: 1 } });
    held.open();
    expect(await running).toBe(0);
    await supervisor.drain();
    expect(made[0]?.closed).toEqual(['deleted']);
  });

  test('while it is used by what does not stop: close comes after shutdownTimeout', async () => {
    const { create, use, end, made, pass } = world({}, { shutdownTimeout: 500 });
    const id = await create(ANN);
    const held = gate();
    const running = use(id, ANN, () => held.opened);
    await end(id, ANN);
    await pass(499);
    expect(made[0]?.closed).toEqual([]);
    await pass(1);
    expect(made[0]?.closed).toEqual(['deleted']);
    held.open();
    await running;
    expect(made[0]?.closed).toEqual(['deleted']);
  });

  test('by the use itself waits for nothing', async () => {
    const { create, use, end, made } = world();
    const id = await create(ANN);
    const said = use(id, ANN, async () => {
      await end(id, ANN);
      return 'ended';
    });
    expect(await withTimeout(said)).toBe('ended');
    await withTimeout(use(id, ANN, () => {}).catch(() => {}));
    expect(made[0]?.closed).toEqual(['deleted']);
  });

  test('resolves when it is closed', async () => {
    const closing = gate();
    const { create, end } = world({ close: () => closing.opened });
    const id = await create(ANN);
    let done = false;
    const ended = end(id, ANN).then(() => {
      done = true;
    });
    await Promise.resolve();
    expect(done).toBe(false);
    closing.open();
    await withTimeout(ended);
  });

  test('of a lifetime comes however busy it is; uses get shutdownTimeout before they hear of it', async () => {
    const { create, use, made, pass, told } = world({ maxLifetime: 5_000 }, { shutdownTimeout: 500 });
    const [idle, busy] = [await create(ANN), await create(ANN)];
    const held = gate();
    let signal: AbortSignal | undefined;
    const running = use(busy, ANN, (_, use) => {
      signal = use.signal;
      return held.opened;
    });
    await pass(5_000);
    expect([made[0]?.closed, made[1]?.closed, signal?.aborted]).toEqual([['lifetime'], [], false]);
    await expect(use(busy, ANN, () => {})).rejects.toMatchObject(NOT_FOUND);
    await pass(500);
    expect([made[1]?.closed, signal?.aborted]).toEqual([['lifetime'], true]);
    expect([told(idle).at(-1), told(busy).at(-1)]).toEqual(['terminated: lifetime', 'terminated: lifetime']);
    held.open();
    await running;
  });

  test('of a session is none of a handle', async () => {
    const { create, use } = world();
    const id = await create(ANN);
    expect(await use(id, { ...ANN, sessionId: 'ended long ago' }, () => 'in')).toBe('in');
  });
});

describe('definitions', () => {
  test('a name is taken once', () => {
    const { supervisor } = world();
    expect(() => browsersOf(supervisor)).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        message: 'The name of handles must be one that no other kind of them has; got "browser"',
      }),
    );
  });

  test.each(['', ' browser', '7', 'a\nb', 'x'.repeat(65), undefined, 7])('%j is no name', (name) => {
    const { supervisor } = world();
    const define = () => supervisor.handles(name as string, { open: () => 1, close: () => {} });
    expect(define).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  test.each([
    [undefined, 'INVALID_OPTION', 'The options of handles must be an object; got undefined'],
    [{ close: () => {} }, 'INVALID_OPTION', 'open must be a function; got undefined'],
    [{ open: () => 1 }, 'INVALID_OPTION', 'close must be a function; got undefined'],
    [
      { idleTimeout: 0 },
      'INVALID_OPTION',
      'idleTimeout must be a positive number of milliseconds up to 2147483647, or Infinity; got 0',
    ],
    [
      { maxLifetime: -1 },
      'INVALID_OPTION',
      'maxLifetime must be a positive number of milliseconds up to 2147483647, or Infinity; got -1',
    ],
    [
      { openTimeout: Number.POSITIVE_INFINITY },
      'INVALID_OPTION',
      'openTimeout must be a positive number of milliseconds up to 2147483647; got Infinity',
    ],
    [{ maxPerPrincipal: 0 }, 'INVALID_OPTION', 'maxPerPrincipal must be a positive whole number, or Infinity; got 0'],
    [{ maxHandles: 1.5 }, 'INVALID_OPTION', 'maxHandles must be a positive whole number; got 1.5'],
    [{ whenFull: 'evict' }, 'INVALID_OPTION', "whenFull must be 'evict-idle' or 'reject'; got \"evict\""],
    [{ sessionIdleTimeout: 1 }, 'UNKNOWN_OPTION', 'There is no option sessionIdleTimeout; did you mean idleTimeout?'],
  ])('%o is refused', (options, code, message) => {
    const { supervisor } = world();
    const base =
      options !== undefined && ('open' in options || 'close' in options) ? {} : { open: () => 1, close: () => {} };
    const given = options && { ...base, ...options };
    expect(() => supervisor.handles('other', given as never)).toThrow(expect.objectContaining({ code, message }));
    // Nothing of it is left.
    supervisor.handles('other', { open: () => 1, close: () => {} });
  });

  test('there are 64 kinds at most', () => {
    const { supervisor } = world();
    for (let n = 1; n < 64; n++) supervisor.handles(`kind ${n}`, { open: () => 1, close: () => {} });
    expect(() => supervisor.handles('one more', { open: () => 1, close: () => {} })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining('64 at most') }),
    );
  });

  test('a use needs a function', async () => {
    const { create, use } = world();
    const id = await create(ANN);
    await expect(use(id, ANN, 'fn' as never)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  test('options may be an instance of a class', async () => {
    class Sandboxes {
      readonly closed: Browser[] = [];
      open() {
        return new Browser('a', undefined);
      }
      close(browser: Browser) {
        this.closed.push(browser);
      }
    }
    const sandboxes = new Sandboxes();
    const { supervisor } = world();
    const { create, end } = supervisor.handles('sandbox', {
      open: () => sandboxes.open(),
      close: (box) => sandboxes.close(box),
    });
    await end(await create(ANN), ANN);
    expect(sandboxes.closed).toHaveLength(1);
  });

  test('without any, a supervisor says nothing of handles', () => {
    const { supervisor } = supervise();
    expect(Object.keys(supervisor.stats())).not.toContain('handles');
    expect([...supervisor.openHandles()]).toEqual([]);
  });
});
