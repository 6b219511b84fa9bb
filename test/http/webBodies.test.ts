/** Bodies over `supervisor.fetch` whose exchange ends before they have come. */
import { describe, expect, test } from 'vitest';
import { createSessionSupervisor } from '../../src/index.ts';
import { createGatedServer } from '../../src/testing/index.ts';
import { turns, until } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';

const HEADERS = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' };

/** A supervisor that waits for the rest of a body. */
async function uploading() {
  const clock = new WatchedClock();
  const supervisor = createSessionSupervisor({ server: createGatedServer().factory, clock });
  const abort = new AbortController();
  let cancelled = false;
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode('{"jsonrpc":"2.0"')),
    cancel: () => {
      cancelled = true;
    },
  });
  const init = { method: 'POST', headers: HEADERS, body, duplex: 'half' as const, signal: abort.signal };
  const response = supervisor.fetch(new Request('http://127.0.0.1/', init));
  await until(() => clock.pending.length > 0, { what: 'the body to be read' });
  return { supervisor, clock, abort, response, cancelled: () => cancelled };
}

describe('a body that still comes over fetch is given up, timer and all', () => {
  test('when its client has gone', async () => {
    const { clock, abort, cancelled } = await uploading();
    abort.abort();
    await turns(3);
    expect({ pending: clock.pending, cancelled: cancelled() }).toEqual({ pending: [], cancelled: true });
  });

  test('when a drain ends its exchange', async () => {
    const { supervisor, clock, response, cancelled } = await uploading();
    const drained = supervisor.drain();
    await turns(3);
    clock.increment(2_000);
    await drained;
    await turns(3);
    expect({ pending: clock.pending, cancelled: cancelled() }).toEqual({ pending: [], cancelled: true });
    expect((await response).status).toBe(503);
  });
});
