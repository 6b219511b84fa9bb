/** How far something is: a bar on a terminal, lines elsewhere. */
import { expect, test } from 'vitest';
import { createProgress } from '../../src/cli/progress.ts';

function sink(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, written, write: (text: string) => written.push(text) };
}

test('on a terminal: a bar that is drawn over, and is gone at the end', () => {
  const out = sink(true);
  const progress = createProgress(out, () => 0);
  progress.update(6, 12, 0);
  progress.update(12, 12, 1);
  progress.end();
  expect(out.written).toEqual([
    `\r\x1b[K${'█'.repeat(12)}${'░'.repeat(12)} 6 of 12 walks, 0 violations`,
    `\r\x1b[K${'█'.repeat(24)} 12 of 12 walks, 1 violation`,
    '\r\x1b[K',
  ]);
});

test('elsewhere: a line each ten seconds', () => {
  const out = sink(false);
  let now = 0;
  const progress = createProgress(out, () => now);
  for (let done = 1; done <= 24; done++) {
    now += 1_000;
    progress.update(done, 24, 0);
  }
  progress.end();
  expect(out.written).toEqual(['10 of 24 walks, 0 violations\n', '20 of 24 walks, 0 violations\n']);
});
