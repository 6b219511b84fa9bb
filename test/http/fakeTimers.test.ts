/** An embedder's own fake timers, while a call is pending: they cost that call nothing, and no later one either. */
import { afterEach, expect, test, vi } from 'vitest';
import { serve } from '../support/serve.ts';
import { callBody, initialize, openStream } from '../support/wire.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('a stream opens while setImmediate is faked, and so do those that come later', async () => {
  const { url, gates } = await serve();
  const { headers } = await initialize(url);
  vi.useFakeTimers({ toFake: ['setImmediate', 'clearImmediate'] });
  const first = await openStream(url, { headers, body: callBody('gate', { key: 'a' }, 1) });
  expect(first.status).toBe(200);
  vi.useRealTimers();
  const second = await openStream(url, { headers, body: callBody('gate', { key: 'b' }, 2) });
  expect(second.status).toBe(200);
  gates.openAll();
  for (const stream of [first, second]) expect(await stream.closed).toBe(true);
});
