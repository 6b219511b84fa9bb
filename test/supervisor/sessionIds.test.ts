/** Session ids of the embedder's generator: which can be used, and what is logged of those that can't. */
import { expect, test } from 'vitest';
import type { LogEntry } from '../../src/options.ts';
import { SessionIds } from '../../src/supervisor/sessionIds.ts';
import { turns } from '../support/until.ts';

function given(generate: () => unknown) {
  const log: LogEntry[] = [];
  const ids = new SessionIds(
    generate,
    (id) => id === 'in-use',
    (entry) => log.push(entry),
  );
  return { ids, log };
}

const entryOf = (error: unknown) => ({
  level: 'error',
  event: 'session.idFailed',
  message: 'No session id could be made',
  error,
});

test.each(['a', '!~', 'x'.repeat(256)])('an id that can be used: %s', (id) => {
  const { ids, log } = given(() => id);
  expect([ids.next(), log]).toEqual([id, []]);
});

const UNUSABLE = 'sessionIdGenerator must return 1 to 256 visible ASCII characters';

test.each([
  ['', UNUSABLE],
  ['x'.repeat(257), UNUSABLE],
  ['a b', UNUSABLE],
  ['a\n', UNUSABLE],
  ['é', UNUSABLE],
  [7, UNUSABLE],
  [['a'], UNUSABLE],
  [undefined, UNUSABLE],
  ['in-use', 'sessionIdGenerator returned an id that is in use'],
])('one that can’t is logged, and nobody gets it: %j', (id, message) => {
  const { ids, log } = given(() => id);
  expect(ids.next()).toBeUndefined();
  expect(log).toEqual([entryOf(expect.objectContaining({ code: 'INVALID_SESSION_ID', message }))]);
});

test('a generator that throws, or promises an id and does not keep that, is logged', async () => {
  const error = new Error('no id');
  const throwing = given(() => {
    throw error;
  });
  expect([throwing.ids.next(), throwing.log]).toEqual([undefined, [entryOf(error)]]);
  const rejecting = given(() => Promise.reject(error));
  expect(rejecting.ids.next()).toBeUndefined();
  await turns(1);
  expect(rejecting.log.map((entry) => entry.error)).toEqual([expect.objectContaining({ message: UNUSABLE }), error]);
});
