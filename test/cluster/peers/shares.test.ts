/** How many requests may be with another node, and whose. */
import { expect, test } from 'vitest';
import { MAX_AT_NODE, Shares } from '../../../src/cluster/shares.ts';

/** Takes as many places as are to be had. */
function takeAll(shares: Shares, life: string, whose: string): (() => void)[] {
  const taken: (() => void)[] = [];
  for (let give = shares.take(life, whose); give !== undefined; give = shares.take(life, whose)) taken.push(give);
  return taken;
}

test('nobody takes more of a node than is left for the others', () => {
  const shares = new Shares(100);
  expect(takeAll(shares, 'a#1', 'ada')).toHaveLength(50);
  expect(takeAll(shares, 'a#1', 'bob')).toHaveLength(25);
  expect(takeAll(shares, 'a#1', 'eve')).toHaveLength(13);
  expect(shares.take('a#1', 'somebody new')).toBeDefined();
  expect(takeAll(shares, 'b#1', 'ada')).toHaveLength(50);
});

test('what is given back can be taken again, by others too', () => {
  const shares = new Shares(100);
  for (let n = 0; n < 3; n++) {
    const taken = takeAll(shares, 'a#1', `${n}`);
    expect(taken).toHaveLength(50);
    for (const giveBack of taken) giveBack();
  }
});

test('however many have something there, there are no more than there may be', () => {
  const shares = new Shares(100);
  let open = 0;
  for (let n = 0; n < 1_000; n++) open += takeAll(shares, 'a#1', `${n}`).length;
  expect(open).toBe(100);
  expect(MAX_AT_NODE).toBeGreaterThan(4_096);
});
