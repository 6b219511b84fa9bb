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

// The SDKs' clients try twice to open their GET streams again. A start takes its time where others are busy.
test.each([
  ['0.5 s', 500, []],
  ['0.5 s, with an event store', 500, ['--resumable']],
  ['6 s', 6_000, ['--retry-interval', '8s']],
  ['6 s, with an event store', 6_000, ['--retry-interval', '8s', '--resumable']],
])('a gap of %s', { timeout: 60_000 }, async (_, gap, flags) => {
  expect(await crossKill(command, gap, 20_000, flags)).toEqual([
    { version: 'v1', ...SURVIVED },
    { version: 'v2', ...SURVIVED },
  ]);
});
