/** The line that every request walks, where something in it fails that never should, or a transition goes on. */
import { expect, test } from 'vitest';
import { REFUSALS } from '../../src/errors.ts';
import { handle } from '../../src/http/handle.ts';
import type { LogEntry } from '../../src/options.ts';
import type { Supervisor } from '../../src/supervisor/supervisor.ts';
import { FakeExchange } from '../transport/fakeExchange.ts';
import { answered } from '../transport/transportKit.ts';

function given(inTransition = false) {
  const log: LogEntry[] = [];
  const error = new Error('broken');
  let tracked = 0;
  const supervisor = {
    outbox: { inTransition },
    track: () => {
      tracked++;
      throw error;
    },
    log: (entry: LogEntry) => void log.push(entry),
  };
  const exchange = new FakeExchange();
  const handled = handle(supervisor as unknown as Supervisor, exchange);
  return { exchange, handled, log, error, tracked: () => tracked };
}

test('what fails unexpectedly is logged, and the client answered', async () => {
  const { exchange, handled, log, error } = given();
  await handled;
  const { code, message } = REFUSALS.serverFailed;
  expect(answered(exchange)).toEqual([{ jsonrpc: '2.0', id: null, error: { code, message } }]);
  expect(log).toEqual([{ level: 'error', event: 'request.failed', message: 'A request failed unexpectedly', error }]);
});

test('a request is handled at once; one from within a transition when that is over', async () => {
  expect(given().tracked()).toBe(1);
  const within = given(true);
  expect(within.tracked()).toBe(0);
  await within.handled;
  expect(within.tracked()).toBe(1);
});
