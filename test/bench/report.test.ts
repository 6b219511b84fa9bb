/** The bench's verdicts: a bench that passes what it should not is worse than none. */
import { describe, expect, it } from 'vitest';
import type { Series } from '../../bench/measures/rounds.ts';
import { interleave, quantile } from '../../bench/measures/rounds.ts';
import type { Comparison } from '../../bench/plan.ts';
import { evaluate } from '../../bench/report.ts';

const promised: Comparison = {
  title: 'echo call, CPU',
  metric: 'echo.cpu',
  subject: 'ours',
  baseline: 'theirs',
  target: 0.4,
};

function verdictOf(ours: readonly number[], theirs: readonly number[], comparison = promised) {
  const series: Series = new Map([
    ['ours', ours],
    ['theirs', theirs],
  ]);
  return evaluate([comparison], { 'echo.cpu': series })[0];
}

describe('evaluate', () => {
  it('takes ratios within rounds, and their median', () => {
    // Given a machine that was three times slower in the second round, for both.
    const result = verdictOf([30, 90, 50], [100, 300, 100]);
    expect(result).toMatchObject({ ratio: 0.3, lower: 0.3, upper: 0.4, subjectMedian: 50, baselineMedian: 100 });
  });

  it.each([
    ['below the target', 39, 'pass'],
    ['at the target', 40, 'pass'],
    ['above the target', 41, 'MISSED'],
    ['no number', Number.NaN, 'MISSED'],
  ])('a ratio that is %s', (_, ours, verdict) => {
    expect(verdictOf([ours], [100])?.verdict).toBe(verdict);
  });

  it('has no verdict on what was not promised', () => {
    const { target: _, ...forInformation } = promised;
    expect(verdictOf([500], [100], forInformation)?.verdict).toBe('');
  });

  it('leaves out what was not measured', () => {
    expect(evaluate([promised], {})).toEqual([]);
  });
});

describe('quantile', () => {
  it.each([
    [[3, 1, 2], 0.5, 2],
    [[4, 1, 3, 2], 0.5, 2.5],
    [[1, 2, 3, 4, 5], 0.25, 2],
    [[7], 0.75, 7],
    [[], 0.5, Number.NaN],
  ])('of %j at %d', (values, share, expected) => {
    expect(quantile(values, share)).toBe(expected);
  });
});

describe('interleave', () => {
  it('takes one sample of each in a round, and turns the order around', async () => {
    const order: string[] = [];
    const { turn } = await interleave(['a', 'b'], 3, async (name) => ({ turn: order.push(name) }));
    expect(order).toEqual(['a', 'b', 'b', 'a', 'a', 'b']);
    expect(turn.get('a')).toEqual([1, 4, 5]);
  });
});
