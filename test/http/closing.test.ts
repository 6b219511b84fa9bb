/** The end of an exchange by itself: who is told, in which order, and how often. */
import { expect, test } from 'vitest';
import { Closing } from '../../src/http/closing.ts';
import type { LogEntry } from '../../src/options.ts';

function given(over = false) {
  const log: LogEntry[] = [];
  const told: string[] = [];
  const closing = new Closing(over, { log: (entry) => void log.push(entry) });
  const add = (name: string) => closing.add(() => told.push(name));
  return { closing, log, told, add };
}

test('each is told once, the last first', () => {
  const { closing, log, told, add } = given();
  add('first');
  add('last');
  expect([closing.over, told]).toEqual([false, []]);
  closing.end();
  closing.end();
  expect([closing.over, told, log]).toEqual([true, ['last', 'first'], []]);
});

test('who comes after the end is told at once', () => {
  const [ended, never] = [given(), given(true)];
  ended.closing.end();
  for (const { closing, told, add } of [ended, never]) {
    add('late');
    expect([closing.over, told]).toEqual([true, ['late']]);
  }
});

test('it is over when the first is told, and nobody is told twice by one who ends it again', () => {
  const { closing, told, add } = given();
  add('first');
  closing.add(() => {
    told.push(`over: ${closing.over}`);
    closing.end();
  });
  closing.end();
  expect(told).toEqual(['over: true', 'first']);
});

test('one that throws is logged, and the others are told', () => {
  const { closing, log, told, add } = given();
  const error = new Error('broken');
  add('first');
  closing.add(() => {
    throw error;
  });
  closing.end();
  expect(told).toEqual(['first']);
  const message = 'What was to be done at the end of a response failed';
  expect(log).toEqual([{ level: 'error', event: 'response.failed', message, error }]);
});
