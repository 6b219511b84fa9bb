/** `supervisor.park(id)`: a session of which nothing is needed now gives up its server, and any other is left alone. */
import { expect, test } from 'vitest';
import { controlledSessionStore } from '../support/controlledSessionStore.ts';
import { type ServeOptions, serve } from '../support/serve.ts';
import { becomesIdle, lifeOf } from '../support/sessionLife.ts';
import { call, callBody, initialize, openStream, sessionHeaders } from '../support/wire.ts';

async function given(options: ServeOptions = {}) {
  const sessionStore = controlledSessionStore();
  const served = await serve({ sessionStore, ...options });
  const { sessionId } = await initialize(served.url);
  await becomesIdle(served, sessionId);
  return { ...served, sessionStore, sessionId };
}

test('an idle session is parked, twice is harmless, and the next call brings it back', async () => {
  const { supervisor, events, gates, url, sessionId } = await given();
  expect(await supervisor.park(sessionId)).toBe('parked');
  expect(supervisor.session(sessionId)).toBe(undefined);
  expect(await supervisor.park(sessionId)).toBe('parked');
  const calling = call(url, sessionId, 'gate', { key: 'c' });
  await gates.entered('c');
  expect(lifeOf(events, sessionId).slice(-3)).toEqual(['parked', 'restored', 'active']);
  gates.open('c');
  expect((await calling).status).toBe(200);
});

test('one with a call is busy, and keeps it', async () => {
  const { supervisor, gates, url, sessionId } = await given();
  const calling = call(url, sessionId, 'gate', { key: 'a' });
  await gates.entered('a');
  expect(await supervisor.park(sessionId)).toBe('busy');
  gates.open('a');
  expect((await calling).status).toBe(200);
  await becomesIdle({ supervisor }, sessionId);
  expect(await supervisor.park(sessionId)).toBe('parked');
});

test('one with an open GET stream is busy', async () => {
  const { supervisor, url, sessionId } = await given();
  const stream = await openStream(url, { headers: sessionHeaders(sessionId) });
  expect(await supervisor.park(sessionId)).toBe('busy');
  stream.destroy();
});

test('one whose abandoned handler runs is idle, and busy', async () => {
  const { supervisor, gates, url, sessionId } = await given();
  const body = callBody('gate', { key: 'b' });
  const stream = await openStream(url, { headers: sessionHeaders(sessionId), body });
  await gates.entered('b');
  stream.destroy();
  await becomesIdle({ supervisor }, sessionId);
  expect(await supervisor.park(sessionId)).toBe('busy');
  gates.open('b');
});

test('without a store there is nothing that it could live on as', async () => {
  const { supervisor, sessionId } = await given({ sessionStore: undefined });
  expect([await supervisor.park(sessionId), await supervisor.park('nobody')]).toEqual(['noStore', 'notFound']);
  expect(supervisor.session(sessionId)?.state).toBe('idle');
});

test('one that is not there is not found', async () => {
  const { supervisor, sessionId } = await given();
  await supervisor.terminate(sessionId);
  expect([await supervisor.park(sessionId), await supervisor.park('nobody')]).toEqual(['notFound', 'notFound']);
});

test('a store that does not write it is told, and the session is brought back all the same', async () => {
  const { supervisor, sessionStore, url, sessionId } = await given();
  sessionStore.before.park = () => Promise.reject(new Error('full'));
  await expect(supervisor.park(sessionId)).rejects.toMatchObject({ code: 'STORE_FAILED' });
  delete sessionStore.before.park;
  expect((await call(url, sessionId, 'echo', { text: 'x' })).status).toBe(200);
});

test('a store that does not say whether there is one is told', async () => {
  const { supervisor, sessionStore } = await given();
  sessionStore.before.load = () => Promise.reject(new Error('down'));
  await expect(supervisor.park('somebody')).rejects.toMatchObject({ code: 'STORE_FAILED' });
});

test('one that a listener ends while it is parked is gone', async () => {
  const { supervisor, sessionId } = await given();
  let ended: Promise<boolean> | undefined;
  supervisor.on('session.parked', ({ session }) => {
    ended = supervisor.terminate(session.id);
  });
  await supervisor.park(sessionId);
  expect(await ended).toBe(true);
  expect(await supervisor.record(sessionId)).toBe(undefined);
});
