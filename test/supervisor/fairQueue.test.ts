/** The queue in which each principal has its turn. */
import { expect, test } from 'vitest';
import { FairQueue } from '../../src/supervisor/fairQueue.ts';

function drained(queue: FairQueue<string>): string[] {
  const items: string[] = [];
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) items.push(item);
  return items;
}

test('each principal has its turn, in the order in which they came; nobody is one too', () => {
  const queue = new FairQueue<string>();
  for (const item of ['a1', 'a2', 'a3']) queue.push('a', item);
  queue.push(null, 'n1');
  for (const item of ['b1', 'b2']) queue.push('b', item);
  expect(drained(queue)).toEqual(['a1', 'n1', 'b1', 'a2', 'b2', 'a3']);
  expect(queue.shift()).toBeUndefined();
});

test('who comes later waits for one of each before it, not for all', () => {
  const queue = new FairQueue<string>();
  for (let n = 0; n < 1_000; n++) queue.push('many', `m${n}`);
  expect(queue.shift()).toBe('m0');
  queue.push('few', 'f0');
  expect([queue.shift(), queue.shift(), queue.shift()]).toEqual(['m1', 'f0', 'm2']);
});
