/** What the `principal` option may say, and what is told of one that says something else. */
import { expect, test } from 'vitest';
import { NO_PRINCIPAL, principalOf } from '../../src/http/principal.ts';
import type { LogEntry } from '../../src/options.ts';
import type { Supervisor } from '../../src/supervisor/supervisor.ts';
import { resolve } from '../support/givenOptions.ts';
import { FakeExchange } from '../transport/fakeExchange.ts';

function given(principal: () => unknown) {
  const log: LogEntry[] = [];
  const supervisor = { options: resolve({ principal }), log: (entry: LogEntry) => log.push(entry) };
  return { log, said: principalOf(supervisor as unknown as Supervisor, new FakeExchange()) };
}

test.each(['ann', '', undefined])('one that says %j is believed', (principal) => {
  expect(given(() => principal)).toEqual({ log: [], said: principal });
});

test.each<[string, () => unknown]>([
  ['a promise', async () => 'ann'],
  ['a promise', () => Promise.reject(new Error('not to be heard'))],
  ['object', () => ({ name: 'ann' })],
  ['object', () => null],
  ['number', () => 7],
])('one that says what is no text lets nobody in, and is told of: %s', (what, principal) => {
  const { log, said } = given(principal);
  expect(said).toBe(NO_PRINCIPAL);
  expect(log).toEqual([
    {
      level: 'error',
      event: 'principal.failed',
      count: 1,
      message: 'The option principal did not say who sent a request: it must return a string or undefined; 403',
      error: new TypeError(`It returned ${what}`),
    },
  ]);
});
