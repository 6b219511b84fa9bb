/** The SDKs' clients over a kill -9: calls work again, in the same session, and so do notifications. */
import { expect, test } from 'vitest';
import { useCommand } from '../cli/command.ts';
import { crossKill } from './crossKill.ts';

const command = useCommand();

const SURVIVED = {
  refused: true,
  counts: [
    { count: 1, epoch: 1 },
    { count: 2, epoch: 2 },
  ],
  heard: ['before', 'after'],
};

/** The SDKs' clients try twice to open their GET streams again. A start takes its time where others are busy. */
const GAPS: readonly (readonly [gap: number, ...flags: string[]])[] = [
  [500],
  [500, '--resumable'],
  [6_000, '--retry-interval', '8s'],
  [6_000, '--retry-interval', '8s', '--resumable'],
];

test('gaps of 0.5 s and 6 s, with and without an event store', { timeout: 90_000 }, async () => {
  // Side by side: nearly all of it is waiting.
  const crossed = await Promise.all(GAPS.map(([gap, ...flags]) => crossKill(command, gap, 20_000, flags)));
  const survived = ['v1', 'v2'].map((version) => ({ version, ...SURVIVED }));
  expect(crossed).toEqual(GAPS.map(() => survived));
});
