/** The SDKs' clients over a kill -9 and a gap of 20 s, which takes its time. */
import { expect, test } from 'vitest';
import { useCommand } from '../cli/command.ts';
import { crossKill } from '../processes/crossKill.ts';

const command = useCommand();

test.each([
  ['its GET stream comes back where --retry-interval is 15 s', ['--retry-interval', '15s'], ['before', 'after']],
  ['its GET stream does not come back by default, while calls do', [], ['before']],
])('%s', { timeout: 90_000 }, async (_, flags, heard) => {
  const counts = [
    { count: 1, epoch: 1 },
    { count: 2, epoch: 2 },
  ];
  expect(await crossKill(command, 20_000, 20_000, flags)).toEqual([
    { version: 'v1', refused: true, counts, heard },
    { version: 'v2', refused: true, counts, heard },
  ]);
});
