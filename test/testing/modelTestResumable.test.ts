/** The model test of a server whose streams can be resumed: what has ended is not taken for what is still open. */
import { expect, test } from 'vitest';
import { createMemoryEventStore } from '../../src/index.ts';
import { modelTest } from '../../src/testing/index.ts';
import { serve } from '../support/serve.ts';

test('a GET stream that DELETE ends has ended, though its client would come back to it', {
  timeout: 60_000,
}, async () => {
  const { url } = await serve({ eventStore: createMemoryEventStore() });
  const { violations, notes, features } = await modelTest({ url, slowCall: 'sleep:{"ms":$MS}' });
  expect(features.streams).toEqual({ driven: true });
  expect([...violations, ...notes].map(({ rule, got }) => [rule, got])).toEqual([]);
});
