/** Writes of one turn: one transaction, and what happens when that fails. */
import { describe, expect, test } from 'vitest';
import { SupervisorError } from '../../src/errors.ts';
import type { Room } from '../../src/lmdb/diskReserve.ts';
import type { Environment } from '../../src/lmdb/environment.ts';
import { type Write, Writes } from '../../src/lmdb/writes.ts';

/** Writes over an environment that only notes what it is asked for, and fails where a write of a name in `poison` is. */
function setUp(poison: readonly string[] = []) {
  const rooms: Room[] = [];
  const log: string[] = [];
  let done: string[] = [];
  const transact = <T>(room: Room, action: () => T): T => {
    rooms.push(room);
    done = [];
    const result = action();
    if (done.some((name) => poison.includes(name))) throw new Error('No space left on device');
    log.push(`commit ${done.join(' ')}`);
    return result;
  };
  const participant = { begin: () => log.push('begin'), end: () => log.push('end'), undo: () => log.push('undo') };
  const writes = new Writes({ transact } as unknown as Environment, [participant]);
  const write = (name: string, more: Partial<Write<string>> = {}) => {
    const apply = () => {
      done.push(name);
      return name;
    };
    return writes.run({ pages: () => 1, apply, ...more });
  };
  return { writes, write, rooms, log };
}

const outcomes = async (running: readonly Promise<string>[]) =>
  (await Promise.allSettled(running)).map((result) =>
    result.status === 'fulfilled' ? result.value : result.reason.code,
  );

test('those of one turn are one transaction, in order; those of the next another', async () => {
  const { write, log } = setUp();
  expect(await outcomes([write('a'), write('b')])).toEqual(['a', 'b']);
  expect(await outcomes([write('c')])).toEqual(['c']);
  expect(log).toEqual(['begin', 'end', 'commit a b', 'begin', 'end', 'commit c']);
});

test('256 are committed in a turn, the others in the next ones', async () => {
  const { writes, write, log } = setUp();
  const running = Array.from({ length: 600 }, (_, n) => write(`${n}`));
  await writes.settled();
  expect(await outcomes(running)).toEqual(running.map((_, n) => `${n}`));
  const sizes = log.flatMap((line) => (line.startsWith('commit') ? [line.split(' ').length - 1] : []));
  expect(sizes).toEqual([256, 256, 88]);
});

describe('a transaction that fails', () => {
  test('is undone, and each write gets one of its own', async () => {
    const { write, log } = setUp(['bad']);
    expect(await outcomes([write('a'), write('bad'), write('b')])).toEqual(['a', 'STORE_FAILED', 'b']);
    const failed = ['begin', 'end', 'undo'];
    expect(log).toEqual([...failed, 'begin', 'end', 'commit a', ...failed, 'begin', 'end', 'commit b']);
  });

  test('of one write alone is not tried again', async () => {
    const { write, rooms } = setUp(['bad']);
    expect(await outcomes([write('bad')])).toEqual(['STORE_FAILED']);
    expect(rooms).toHaveLength(1);
  });

  test('costs no more than three tries in a row, when the disk is full for all of them', async () => {
    const all = Array.from({ length: 100 }, (_, n) => `${n}`);
    const { write, rooms } = setUp(all);
    expect(new Set(await outcomes(all.map((name) => write(name))))).toEqual(new Set(['STORE_FAILED']));
    expect(rooms).toHaveLength(4);
  });

  test('tells the cause', async () => {
    const { write } = setUp(['bad']);
    const error = await write('bad').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'STORE_FAILED', cause: { message: 'No space left on device' } });
  });
});

test('a write that refuses itself takes no other along', async () => {
  const { write, log } = setUp();
  const refuse = () => {
    throw new SupervisorError('INVALID_RECORD', 'no');
  };
  expect(await outcomes([write('a'), write('x', { apply: refuse }), write('b')])).toEqual(['a', 'INVALID_RECORD', 'b']);
  expect(log).toEqual(['begin', 'end', 'commit a b']);
});

test('room is asked for pages, for long texts in one piece, and for removals of their own', async () => {
  const { write, rooms } = setUp();
  await Promise.all([
    write('a', { pages: () => 3 }),
    write('b', { text: () => 10_000 }),
    write('c', { text: () => 100 }),
  ]);
  await write('d', { onlyRemoves: true });
  await Promise.all([write('e', { onlyRemoves: true }), write('f')]);
  expect(rooms).toEqual([
    { bytes: 5 * 4_096 + 14_096, inOnePiece: 14_096, onlyRemoves: false },
    { bytes: 4_096, inOnePiece: 0, onlyRemoves: true },
    { bytes: 2 * 4_096, inOnePiece: 0, onlyRemoves: false },
  ]);
});
