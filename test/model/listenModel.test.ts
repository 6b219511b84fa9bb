/** Listen streams along every path of their own statechart, while a session is in use. */
import { expect, test } from 'vitest';
import { createSessionSupervisor } from '../../src/index.ts';
import { listenMachine } from '../../src/machines/listen.ts';
import { createGatedServer } from '../../src/testing/index.ts';
import { buildModernServer } from '../modern/modernServer.ts';
import { describeListenPath, listenPaths, walkListenPath } from './listenPaths.ts';

const PATHS = listenPaths(listenMachine);

test.each(PATHS.map((path) => [describeListenPath(path), path] as const))('%s', async (_, path) => {
  const wrong = await walkListenPath(path, createSessionSupervisor, { createGatedServer }, (context) =>
    buildModernServer(context),
  );
  expect(wrong).toBeUndefined();
});

test('the paths take every transition that can be made happen from outside', () => {
  const taken = new Set(PATHS.flat().map(({ deed, state, reason }) => `${deed}: ${state}, ${reason}`));
  expect([...taken].sort()).toEqual([
    'a drain begins: closing, drained',
    'a drain begins: opening, drained',
    'its client leaves: ended, drained',
    'its client leaves: ended, left',
    'its client leaves: ended, slow',
    'its client reads all: ended, drained',
    'its client reads all: ended, slow',
    'its server fails: ended, refused',
    'its server is built: closing, drained',
    'its server is built: open, null',
    'its time to be read is up: ended, drained',
    'its time to be read is up: ended, slow',
    'too much is published: closing, slow',
  ]);
});
