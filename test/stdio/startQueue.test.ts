/** Starts take turns: a few at a time, one in each turn of the event loop, so many in line. */
import { describe, expect, test } from 'vitest';
import { MOST_WAITING, STARTS_AT_ONCE, StartQueue } from '../../src/stdio/startQueue.ts';
import { turns } from '../support/until.ts';

/** Takes a place in line; `begun` says whose turn came, `over` ends their starts. */
function line() {
  const queue = new StartQueue();
  const begun: string[] = [];
  const over = new Map<string, () => void>();
  const enter = async (name: string, signal: AbortSignal = new AbortController().signal) => {
    over.set(name, await queue.turn(signal));
    begun.push(name);
  };
  return { queue, begun, over, enter };
}

describe('starts', () => {
  test('begin one in each turn of the event loop, four at a time, in order', async () => {
    const { begun, over, enter } = line();
    for (const name of 'abcdef') void enter(name);
    await Promise.resolve();
    await Promise.resolve();
    expect(begun.join('')).toBe('a');
    await turns(10);
    expect(begun.join('')).toBe('abcd');
    over.get('c')?.();
    over.get('c')?.();
    await turns(10);
    expect(begun.join('')).toBe('abcde');
    for (const end of over.values()) end();
    await turns(10);
    expect(begun.join('')).toBe('abcdef');
  });

  test('that are abandoned leave the line', async () => {
    const { begun, over, enter } = line();
    const controller = new AbortController();
    for (const name of 'abcd') void enter(name);
    const abandoned = enter('x', controller.signal);
    void enter('e');
    await turns(10);
    controller.abort(new Error('gone'));
    await expect(abandoned).rejects.toThrow('gone');
    over.get('a')?.();
    await turns(10);
    expect(begun.join('')).toBe('abcde');
    await expect(enter('y', controller.signal)).rejects.toThrow('gone');
  });

  test('are refused when too many wait, and again accepted when there is room', async () => {
    const { begun, over, enter } = line();
    for (let n = 0; n < STARTS_AT_ONCE; n++) void enter(`${n}`);
    await turns(10);
    for (let n = 0; n < MOST_WAITING; n++) void enter(`waiting ${n}`);
    await expect(enter('more')).rejects.toMatchObject({ code: 'SPAWN_UNAVAILABLE' });
    over.get('0')?.();
    await turns(2);
    void enter('more');
    await turns(2);
    expect(begun).toHaveLength(STARTS_AT_ONCE + 1);
  });

  test('are all refused when it is closed', async () => {
    const { queue, enter } = line();
    const all = [...'abcdef'].map((name) => enter(name));
    await turns(10);
    queue.close();
    const settled = await Promise.allSettled(all);
    expect(settled.map(({ status }) => status[0]).join('')).toBe('ffffrr');
    await expect(enter('g')).rejects.toMatchObject({ code: 'SPAWN_UNAVAILABLE' });
  });
});
