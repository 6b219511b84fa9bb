/** The command with --resumable: a call outlives the line that it was made on. */
import { expect, test } from 'vitest';
import { SERVER_MODULE, useCommand } from '../cli/command.ts';
import { until, withTimeout } from '../support/until.ts';
import { call, callBody, initialize, openStream } from '../support/wire.ts';

const command = useCommand();

test('--resumable: a client whose line broke gets its answer', async () => {
  const running = command.run([SERVER_MODULE, '--port', '0', '--resumable', '--retry-interval', '700ms']);
  const url = await running.url();
  const { headers } = await initialize(url);
  const stream = await openStream(url, { headers, body: callBody('hold') });
  const primed = await stream.next();
  expect(primed).toEqual({ id: expect.any(String), data: '' });
  expect(stream.retries).toEqual([700]);
  await running.line(/holding/);
  stream.destroy();
  const resumed = await openStream(url, { headers: { ...headers, 'last-event-id': primed.id } });
  running.child.kill('SIGUSR2');
  expect(await resumed.message()).toMatchObject({ id: 1, result: { content: [{ text: 'released' }] } });
  expect(await withTimeout(resumed.closed)).toBe(true);
});

test('--resume-timeout: how long a call without a client holds its session', async () => {
  const flags = ['--resumable', '--resume-timeout', '300ms', '--session-idle-timeout', '200ms'];
  const running = command.run([SERVER_MODULE, '--port', '0', ...flags]);
  const url = await running.url();
  const { headers } = await initialize(url);
  const stream = await openStream(url, { headers, body: callBody('hold') });
  await stream.next();
  stream.destroy();
  // The call goes on; after both times nothing holds its session any more.
  await running.line(/ terminated .* idle, after (?:[5-9]\d\dms|\d+(?:\.\d+)?s);/);
  expect(running.lines(/ terminated /)).toHaveLength(1);
});

test('without it there is nothing to resume: events have no ids, but clients are told when to come back', async () => {
  const running = command.run([SERVER_MODULE, '--port', '0', '--retry-interval', '700ms']);
  const url = await running.url();
  const { sessionId, headers } = await initialize(url);
  const answer = await call(url, sessionId, 'echo', { text: 'hi' });
  expect(answer.events()).toEqual([{ event: 'message', data: expect.any(String) }]);
  const stream = await openStream(url, { headers });
  await until(() => stream.retries.length > 0, { what: 'retry' });
  expect([stream.retries, stream.waiting]).toEqual([[700], []]);
  stream.destroy();
});
