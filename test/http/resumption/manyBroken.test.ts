/** More broken streams in one session than are remembered: none of their clients is told that it has all. */
import { expect, test } from 'vitest';
import { ControlledStore } from '../../support/controlledStore.ts';
import { serve } from '../../support/serve.ts';
import { call, get, initialize } from '../../support/wire.ts';

test('the first of 1 001 broken streams gets 400, as each other does; one that is whole and later 204', async () => {
  const eventStore = new ControlledStore();
  const { url } = await serve({ eventStore });
  const { headers, sessionId } = await initialize(url);
  /** Makes a call whose stream the store fails after its priming event, or doesn't. Returns the last id that was sent. */
  const lastId = async (n: number, breaks: boolean) => {
    let events = 0;
    eventStore.beforeStore = () => (breaks && ++events === 2 ? Promise.reject(new Error('disk full')) : undefined);
    const answer = await call(url, sessionId, 'echo', { text: 'x' }, n);
    return answer.events().findLast(({ id }) => id !== undefined)?.id ?? 'no id';
  };
  const status = async (id: string) => (await get(url, { ...headers, 'last-event-id': id })).status;

  const wholeBefore = await lastId(0, false);
  const broken: string[] = [];
  while (broken.length < 1_000) broken.push(await lastId(1 + broken.length, true));
  expect(await status(wholeBefore)).toBe(204);
  expect(await status(broken[0] ?? '')).toBe(400);

  broken.push(await lastId(1_001, true));
  const wholeAfter = await lastId(1_002, false);
  for (const id of [broken[0], broken[1], broken[1_000]]) expect(await status(id ?? '')).toBe(400);
  expect(await status(wholeBefore)).toBe(400); // it can't be told any more from one that broke
  expect(await status(wholeAfter)).toBe(204);
}, 30_000);
