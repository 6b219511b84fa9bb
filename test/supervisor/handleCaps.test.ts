/** How many handles there may be: of one principal, of one kind, and of those that are being opened or closed. */
import { describe, expect, test } from 'vitest';
import { turns } from '../support/until.ts';
import { ANN, BOB, gate, NOT_FOUND, world } from './handleLife.ts';

const MINE = {
  code: 'HANDLES_FULL',
  message: 'You have as many of browser as you may have. End one that you do not need any more, or try again later.',
};
const ALL = {
  code: 'HANDLES_FULL',
  message: 'There are as many of browser as there may be, and all are in use. Try again later.',
};

describe('case 8: at the cap', () => {
  test('of a principal another one is refused, and nobody else is', async () => {
    const { create, end, info } = world({ maxPerPrincipal: 2 });
    const [first, second] = [await create(ANN), await create(ANN)];
    await expect(create(ANN)).rejects.toMatchObject(MINE);
    expect([info(first), info(second)]).toMatchObject([{ state: 'idle' }, { state: 'idle' }]);
    await create(BOB);
    await end(first, ANN);
    await create(ANN);
  });

  test('32 are one principal’s where nothing is said', async () => {
    const { create } = world();
    for (let n = 0; n < 32; n++) await create(ANN);
    await expect(create(ANN)).rejects.toMatchObject(MINE);
  });

  test('1 000 are there at most where nothing is said', async () => {
    const { create, supervisor } = world({ maxPerPrincipal: Number.POSITIVE_INFINITY, whenFull: 'reject' });
    for (let n = 0; n < 1_000; n++) await create(ANN);
    await expect(create(ANN)).rejects.toMatchObject(ALL);
    expect(supervisor.stats().handles).toMatchObject({ browser: { idle: 1_000, initializing: 0 } });
  });

  test('the longest idle makes room, of the principal that has the most', async () => {
    const { create, use, info, made, told } = world({ maxHandles: 3 });
    const [first, second, bobs] = [await create(ANN), await create(ANN), await create(BOB)];
    for (const id of [first, second]) await use(id, ANN, () => {});
    await use(first, ANN, () => {});
    const late = await create(BOB);
    expect([info(first), info(second), info(bobs), info(late)]).toMatchObject([{}, undefined as never, {}, {}]);
    expect(made[1]?.closed).toEqual(['evicted']);
    expect(told(second).at(-1)).toBe('terminated: evicted');
    await expect(use(second, ANN, () => {})).rejects.toMatchObject(NOT_FOUND);
  });

  test('whoever is used makes no room: another one is refused', async () => {
    const { create, use } = world({ maxHandles: 2 });
    const ids = [await create(ANN), await create(ANN)];
    const held = gate();
    const uses = ids.map((id) => use(id, ANN, () => held.opened));
    await expect(create(BOB)).rejects.toMatchObject(ALL);
    held.open();
    await Promise.all(uses);
    await create(BOB);
  });

  test('where idle ones are not to make room, another one is refused', async () => {
    const { create, info } = world({ maxHandles: 1, whenFull: 'reject' });
    const id = await create(ANN);
    await expect(create(BOB)).rejects.toMatchObject(ALL);
    expect(info(id)).toBeDefined();
  });

  test('one that is being opened counts, and makes no room', async () => {
    const opening = gate();
    const { create } = world({ maxHandles: 1, open: async () => void (await opening.opened) as never });
    const first = create(ANN);
    await expect(create(BOB)).rejects.toMatchObject(ALL);
    opening.open();
    await first;
  });
});

describe('what is still being closed', () => {
  test('counts for its principal', async () => {
    const closing = gate();
    const { create, end, pass, supervisor } = world({
      maxPerPrincipal: 1,
      idleTimeout: 100,
      close: () => closing.opened,
    });
    await create(ANN);
    await pass(100);
    expect(supervisor.stats().handles).toMatchObject({ browser: { idle: 0, closing: 1 } });
    await expect(create(ANN)).rejects.toMatchObject(MINE);
    const bobs = await create(BOB);
    closing.open();
    await turns(3);
    expect(supervisor.stats().handles).toMatchObject({ browser: { closing: 0 } });
    await create(ANN);
    await end(bobs, BOB);
  });

  test('is as many again at most as may be open', async () => {
    const closing = gate();
    const { create, made } = world({ maxHandles: 2, close: () => closing.opened });
    for (let n = 0; n < 4; n++) await create({ principal: `user ${n}` });
    await expect(create(ANN)).rejects.toMatchObject(ALL);
    expect(made.map(({ closed }) => closed.length)).toEqual([1, 1, 0, 0]);
    closing.open();
    await turns(3);
    await create(ANN);
  });

  test('counts no longer than shutdownTimeout', async () => {
    const closing = gate();
    const options = { maxPerPrincipal: 1, idleTimeout: 100, close: () => closing.opened };
    const { create, log, pass } = world(options, { shutdownTimeout: 500 });
    const id = await create(ANN);
    await pass(100);
    await pass(499);
    await expect(create(ANN)).rejects.toMatchObject(MINE);
    await pass(1);
    await create(ANN);
    expect(log.filter(({ event }) => event === 'handle.closeFailed')).toEqual([
      {
        level: 'warn',
        event: 'handle.closeFailed',
        message: 'A handle did not close within 500 ms; it is not waited for',
        handle: 'browser',
        handleId: id,
      },
    ]);
    closing.open();
  });

  test('counts where it was never opened in time', async () => {
    const opening = gate();
    const { create, pass, made } = world(
      { maxPerPrincipal: 1, openTimeout: 100, open: async () => void (await opening.opened) as never },
      { shutdownTimeout: 500 },
    );
    const first = create(ANN).catch((error: unknown) => error);
    await pass(100);
    expect(await first).toMatchObject({ code: 'HANDLE_NOT_OPENED' });
    await expect(create(ANN)).rejects.toMatchObject(MINE);
    opening.open();
    await turns(3);
    expect(made[0]?.closed).toEqual(['initializeTimeout']);
    await create(ANN);
  });
});

test('one handle has 4 096 uses at a time at most', async () => {
  const { create, use, info } = world();
  const id = await create(ANN);
  const held = gate();
  const uses = Array.from({ length: 4_096 }, () => use(id, ANN, () => held.opened));
  await expect(use(id, ANN, () => {})).rejects.toMatchObject({ code: 'HANDLES_FULL' });
  expect(info(id)).toMatchObject({ inFlight: 4_096 });
  held.open();
  await Promise.all(uses);
  expect(info(id)).toMatchObject({ state: 'idle', inFlight: 0 });
  expect(await use(id, ANN, () => 'in')).toBe('in');
});
