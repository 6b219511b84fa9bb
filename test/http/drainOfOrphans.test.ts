/** A call whose client is gone runs on, but holds nothing: not its session, and not a drain either. */
import { expect, test } from 'vitest';
import { serve } from '../support/serve.ts';
import { becomesIdle } from '../support/sessionLife.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { until, withTimeout } from '../support/until.ts';
import { callBody, initialize, openStream } from '../support/wire.ts';

// On a clock that stands still a drain that waited for the call would never be over.
async function calling() {
  const served = await serve({ clock: new SimulatedClock() });
  const { sessionId, headers } = await initialize(served.url);
  const call = await openStream(served.url, { headers, body: callBody('gate', { key: 'a' }) });
  await served.gates.entered('a');
  return { ...served, sessionId, call };
}

test('a client that left before the drain', async () => {
  const { supervisor, sessionId, call, gates, events } = await calling();
  call.destroy();
  await becomesIdle({ supervisor }, sessionId);
  await withTimeout(supervisor.drain());
  await gates.aborted('a');
  expect(events.at(-1)).toMatchObject({ type: 'session.terminated', reason: 'drained' });
});

test('a client that leaves during the drain', async () => {
  const { supervisor, call, gates, events } = await calling();
  const drain = supervisor.drain();
  await until(() => supervisor.actor.getSnapshot().value === 'draining', { what: 'the drain to begin' });
  call.destroy();
  await withTimeout(drain);
  await gates.aborted('a');
  expect(events.at(-1)).toMatchObject({ type: 'session.terminated', reason: 'drained' });
});
