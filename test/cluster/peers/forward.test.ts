/** A request that another node answers: what its client sees is what the owner would have said to it. */
import { expect, test } from 'vitest';
import { callBody, initialize, post } from '../../support/wire.ts';
import { edge, supervisedOwner } from './nodes.ts';

test('smoke', async () => {
  const owner = await supervisedOwner();
  const { headers } = await initialize(owner.url);
  const { url, results } = await edge(owner);
  const answer = await post(url, callBody('echo', { text: 'hi' }), headers);
  expect(await results[0]).toEqual({ outcome: 'answered' });
  expect(answer.text).toContain('hi');
});
