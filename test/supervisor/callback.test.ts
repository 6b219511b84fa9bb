/** What the embedder wrote is called, and whatever goes wrong in it is told and goes no further. */
import { expect, test } from 'vitest';
import { callBack } from '../../src/supervisor/callback.ts';
import { turns } from '../support/until.ts';

/** What is told when a callback returns or throws this. */
async function toldOf(callback: () => unknown): Promise<unknown[]> {
  const told: unknown[] = [];
  callBack(callback, (error) => told.push(error));
  await turns(1); // Node would tell of an unhandled rejection by now, which fails the run
  return told;
}

const error = new Error('broken');

/** What may be awaited, and is no Promise. */
const thenable = (then: unknown) => Object.fromEntries([['then', then]]);

test.each([
  ['throws', () => raise()],
  ['rejects', () => Promise.reject(error)],
  [
    'returns what rejects and is no Promise',
    () => thenable((_: unknown, reject: (why: Error) => void) => reject(error)),
  ],
])('a callback that %s is told of', async (_, callback) => {
  expect(await toldOf(callback)).toEqual([error]);
});

test.each([
  ['nothing', undefined],
  ['null', null],
  ['a text', 'then'],
  ['an object', {}],
  ['an object whose then is no function', thenable('later')],
  ['a promise that resolves', Promise.resolve()],
])('a callback that returns %s is not told of', async (_, returned) => {
  expect(await toldOf(() => returned)).toEqual([]);
});

function raise(): never {
  throw error;
}
