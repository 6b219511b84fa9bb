/** What is told when: after the transition, in order, whatever those do who are told. */
import { expect, test, vi } from 'vitest';
import { Outbox } from '../../src/supervisor/outbox.ts';

test('what a transition brings about is told after it, in order', () => {
  const outbox = new Outbox();
  const told: string[] = [];
  const returned = outbox.during(() => {
    outbox.push(() => told.push('first'));
    outbox.during(() => outbox.push(() => told.push('second')));
    outbox.tell(() => told.push('third'));
    expect(told).toEqual([]);
    expect(outbox.inTransition).toBe(true);
    return 7;
  });
  expect(returned).toBe(7);
  expect(told).toEqual(['first', 'second', 'third']);
  expect(outbox.inTransition).toBe(false);
});

test('what comes of the telling is told after all that was to be told before it', () => {
  const outbox = new Outbox();
  const told: string[] = [];
  outbox.during(() => {
    outbox.push(() => {
      told.push('opened');
      outbox.during(() => outbox.push(() => told.push('terminated')));
    });
    outbox.push(() => told.push('active'));
  });
  expect(told).toEqual(['opened', 'active', 'terminated']);
});

test('a transition that throws has told what it brought about, and hides nothing', () => {
  const outbox = new Outbox();
  const told: string[] = [];
  const broken = () =>
    outbox.during(() => {
      outbox.push(() => told.push('before'));
      throw new Error('broken');
    });
  expect(broken).toThrow('broken');
  expect(told).toEqual(['before']);
  outbox.tell(() => told.push('at once'));
  expect(told).toEqual(['before', 'at once']);
});

test('what is to be told within a transition waits for its end, though nothing else does', () => {
  const outbox = new Outbox();
  const told: string[] = [];
  outbox.during(() => {
    outbox.tell(() => told.push('first'));
    expect(told).toEqual([]);
  });
  expect(told).toEqual(['first']);
});

test('a turn of the event loop is waited for only where nothing else would tell, and once', async () => {
  const scheduled = vi.spyOn(globalThis, 'queueMicrotask');
  const outbox = new Outbox();
  const told: string[] = [];
  outbox.during(() => outbox.push(() => outbox.push(() => told.push('meanwhile'))));
  expect([told, scheduled.mock.calls.length]).toEqual([['meanwhile'], 0]);
  for (const name of ['first', 'second']) outbox.push(() => told.push(name));
  expect(scheduled).toHaveBeenCalledTimes(1);
  await null;
  expect(told).toEqual(['meanwhile', 'first', 'second']);
});

test('where somebody makes an actor transition by himself, it is told when his turn is over, each time', async () => {
  const outbox = new Outbox();
  const told: string[] = [];
  for (const turn of ['one', 'two']) {
    outbox.push(() => told.push(`${turn}: first`));
    outbox.tell(() => told.push(`${turn}: second`));
    expect(told).not.toContain(`${turn}: first`);
    await null;
    expect(told.slice(-2)).toEqual([`${turn}: first`, `${turn}: second`]);
  }
});
