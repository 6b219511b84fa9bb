/** The bytes that all bodies share: never more than there are, and never kept from the small by the large. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BodyBudget } from '../../src/http/bodyBudget.ts';
import type { ByteShare } from '../../src/transport/exchange.ts';

/** A budget, and bodies that note what they hold. */
function shared(bytes: number) {
  const budget = new BodyBudget(bytes);
  const bodies = new Map<ByteShare, number>();
  const begin = () => {
    const share = budget.share(() => void bodies.delete(share));
    bodies.set(share, 0);
    return share;
  };
  const take = (share: ByteShare, size: number) => {
    if (!share.take(size)) return false;
    bodies.set(share, (bodies.get(share) ?? Number.NaN) + size);
    return true;
  };
  const release = (share: ByteShare) => {
    share.release();
    bodies.delete(share);
  };
  const held = () => [...bodies.values()].reduce((sum, size) => sum + size, 0);
  return { begin, take, release, bodies, held };
}

const steps = fc.array(
  fc.record({ deed: fc.constantFrom('begin', 'take', 'take', 'take', 'release'), which: fc.nat(), size: fc.nat(400) }),
  { maxLength: 200, size: 'max' }, // without it ten at most, which fill nothing twice
);

test('whatever comes in whichever order, they hold together what there is at most', () => {
  fc.assert(
    fc.property(steps, (deeds) => {
      const { begin, take, release, bodies, held } = shared(1_000);
      for (const { deed, which, size } of deeds) {
        const share = [...bodies.keys()][which % Math.max(1, bodies.size)];
        if (deed === 'begin' || share === undefined) begin();
        else if (deed === 'take') {
          const [before, own] = [held(), bodies.get(share) ?? 0];
          if (!take(share, size)) {
            // It was the largest by then, but for some that are not twice as large.
            expect(before + size).toBeGreaterThan(1_000);
            for (const other of bodies.values()) expect(other).toBeLessThan(2 * Math.max(1, own + size));
          }
        } else release(share);
        expect(held()).toBeLessThanOrEqual(1_000);
      }
      for (const share of [...bodies.keys()]) release(share);
      // Nothing was lost: all of it can be had.
      expect(take(begin(), 1_000)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

describe('where all is taken', () => {
  test('one of the largest makes room, and no more of them than are needed', () => {
    const { begin, take, bodies } = shared(1_000);
    const [large, larger, small] = [begin(), begin(), begin()];
    take(large, 300);
    take(larger, 600);
    take(small, 100);
    const late = begin();
    expect(take(late, 50)).toBe(true);
    expect([large, larger, small, late].map((share) => bodies.get(share))).toEqual([300, undefined, 100, 50]);
  });

  test('one of the largest that there still are makes room, where larger ones have gone', () => {
    const { begin, take, release, bodies } = shared(1_000);
    const gone = begin();
    take(gone, 900);
    release(gone);
    const [medium, late] = [begin(), begin()];
    take(medium, 300);
    for (let n = 0; n < 3; n++) take(begin(), 200);
    expect(take(late, 120)).toBe(true);
    expect([medium, late].map((share) => bodies.get(share))).toEqual([undefined, 120]);
  });

  test('nobody makes room for one as large as he is', () => {
    const { begin, take, bodies } = shared(1_000);
    const [first, second, late] = [begin(), begin(), begin()];
    take(first, 500);
    take(second, 500);
    expect(take(late, 400)).toBe(false);
    expect(take(late, 1_001)).toBe(false);
    expect([first, second].map((share) => bodies.get(share))).toEqual([500, 500]);
    expect(take(late, 100)).toBe(true);
  });

  test('giving back twice gives back once', () => {
    const { begin, take, release } = shared(1_000);
    const first = begin();
    take(first, 600);
    release(first);
    release(first);
    const second = begin();
    expect(take(second, 1_000)).toBe(true);
    expect(take(begin(), 1_000)).toBe(false);
  });
});
