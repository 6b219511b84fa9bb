/** What goes wrong again and again for one reason. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Repeated } from '../../src/cli/repeated.ts';
import type { LogEntry } from '../../src/options.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('is told at once, and then every 10 s with how often it was, kind by kind', () => {
  const log: LogEntry[] = [];
  const repeated = new Repeated((entry) => log.push(entry));
  const failed = (n: number): LogEntry => ({ level: 'error', event: 'http.failed', message: `failed, ${n}` });
  const told = () => log.splice(0).map(({ message, count }) => [message, count]);
  for (let n = 0; n < 1_000; n++) repeated.tell('EMFILE', failed(n));
  repeated.tell('ENFILE', failed(7));
  expect(told()).toEqual([
    ['failed, 0', undefined],
    ['failed, 7', undefined],
  ]);
  vi.advanceTimersByTime(9_999);
  expect(told()).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(told()).toEqual([['failed, 999 (999 times within 10s)', 999]]);
  repeated.tell('EMFILE', failed(1));
  vi.advanceTimersByTime(10_000);
  expect(told()).toEqual([['failed, 1 (1 times within 10s)', 1]]);
  vi.advanceTimersByTime(10_000);
  repeated.tell('EMFILE', failed(2));
  expect(told()).toEqual([['failed, 2', undefined]]);
});
