/** Lines of stderr: readable, bounded in length and rate, the last ones kept. */
import { describe, expect, test } from 'vitest';
import { LAST_WORDS, MAX_STDERR_LINE, STDERR_RATE, StderrLines } from '../../src/stdio/stderrLines.ts';

function listening() {
  const told: [string, number][] = [];
  let now = 1_000_000;
  const clock = { now: () => now, setTimeout: () => undefined, clearTimeout: () => {} };
  const lines = new StderrLines(clock, (line, dropped) => told.push([line, dropped]));
  return {
    told,
    lines,
    push: (text: string) => lines.push(Buffer.from(text)),
    pass: (ms: number) => {
      now += ms;
    },
  };
}

describe('lines of stderr', () => {
  test('are told without colours, control characters made visible, blank ones left out', () => {
    const { told, push } = listening();
    push('one\r\n\n\u001b[31mred\u001b[0m\nbell\u0007 and \u202eback\n');
    expect(told).toEqual([
      ['one', 0],
      ['red', 0],
      ['bell\\u{7} and \\u{202e}back', 0],
    ]);
  });

  test('are cut at 16 kB, however they come', () => {
    const { told, push } = listening();
    push(`${'x'.repeat(MAX_STDERR_LINE)}\n`);
    for (let n = 0; n < 10_000; n++) push('yy');
    push('\nnext\n');
    expect(told.map(([line]) => line)).toEqual(['x'.repeat(MAX_STDERR_LINE), 'y'.repeat(MAX_STDERR_LINE), 'next']);
  });

  test('are told 100 times a second; the others are counted with the next one', () => {
    const { told, push, pass } = listening();
    push('flood\n'.repeat(STDERR_RATE + 50));
    expect(told).toHaveLength(STDERR_RATE);
    pass(999);
    push('too soon\n');
    expect(told).toHaveLength(STDERR_RATE);
    pass(1);
    push('again\n');
    expect(told.at(-1)).toEqual(['again', 51]);
    push('and again\n');
    expect(told.at(-1)).toEqual(['and again', 0]);
  });

  test('that were dropped are told of at the end, with the last one', () => {
    const { told, lines, push } = listening();
    push('flood\n'.repeat(STDERR_RATE));
    push('one\ntwo\nlast');
    lines.end();
    expect(told.at(-1)).toEqual(['last', 2]);
  });

  test('go on when the clock is set back', () => {
    const { told, push, pass } = listening();
    push('flood\n'.repeat(STDERR_RATE));
    pass(-3_600_000);
    push('again\n');
    expect(told.at(-1)).toEqual(['again', 0]);
  });

  test('an unfinished one is told at the end', () => {
    const { told, lines, push } = listening();
    push('fatal: ');
    push('no memory');
    lines.end();
    expect(told).toEqual([['fatal: no memory', 0]]);
  });

  test('the last 4 kB are kept, readable, from a whole character on', () => {
    const { lines, push } = listening();
    push('old\n');
    push('é'.repeat(LAST_WORDS));
    expect(lines.lastWords).toBe('é'.repeat(LAST_WORDS / 2));
    push('x');
    expect(lines.lastWords).toBe(`${'é'.repeat(LAST_WORDS / 2 - 1)}x`);
    push('\n\n\u001b[1mError\u001b[0m: it\n  at once\u0007\n');
    expect(lines.lastWords.split('\n').slice(1)).toEqual(['Error: it', '  at once\\u{7}']);
  });
});
