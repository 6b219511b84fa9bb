/** A drain over HTTP: who is let in, who may finish, what is closed, and what is left afterwards. */
import { describe, expect, test } from 'vitest';
import { SupervisorError } from '../../src/errors.ts';
import { toNodeHandler } from '../../src/node.ts';
import type { ServerFactory } from '../../src/options.ts';
import { Gates } from '../support/gates.ts';
import { serve, supervise } from '../support/serve.ts';
import { expectGone, expectNotFound } from '../support/sessionLife.ts';
import { advance, SimulatedClock } from '../support/simulatedClock.ts';
import { buildTestServer } from '../support/testServer.ts';
import { turns, until, withTimeout } from '../support/until.ts';
import { call, callBody, del, get, initialize, initializeBody, openStream, post } from '../support/wire.ts';

type Served = Awaited<ReturnType<typeof serve>>;

/** A session with a call in flight, held at gate `a`, and a drain that waits for it. */
async function drainingWithCall(served: Served, options?: { timeout: number }, body = callBody('gate', { key: 'a' })) {
  const { url, gates, supervisor } = served;
  const session = await initialize(url, { capabilities: { sampling: {} } });
  const calling = await openStream(url, { headers: session.headers, body });
  if (body.params.name === 'gate') await gates.entered('a');
  let drained = false;
  const drain = supervisor.drain(options).then(() => {
    drained = true;
  });
  await until(() => supervisor.actor.getSnapshot().value === 'draining', { what: 'the drain to begin' });
  return { ...session, calling, drain, isDrained: () => drained };
}

test('while it drains, nobody new is let in: 503 with Retry-After, and the connection is closed', async () => {
  const served = await serve();
  const { url, gates } = served;
  const { sessionId, headers, calling, drain } = await drainingWithCall(served);
  const kept = { ...headers, connection: 'keep-alive' };
  const refused = [
    await post(url, initializeBody(), { connection: 'keep-alive' }),
    await post(url, callBody('echo', { text: 'new' }, 2), kept),
    await post(url, { jsonrpc: '2.0', method: 'notifications/roots/list_changed' }, kept),
    await get(url, kept),
  ];
  for (const response of refused) {
    expect(response.status).toBe(503);
    expect(response.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    expect(response.headers.connection).toBe('close');
    expect(response.json()).toMatchObject({
      error: { code: -32000, message: expect.stringContaining('shutting down') },
    });
  }
  expectNotFound(await call(url, 'unknown', 'echo'));
  expect(served.supervisor.session(sessionId)).toMatchObject({ state: 'active' });
  gates.open('a');
  expect(await calling.message()).toMatchObject({ result: { content: [{ text: 'passed a' }] } });
  await withTimeout(drain, { what: 'the drain' });
});

test('while it drains, a session may still be deleted', async () => {
  const served = await serve();
  const { headers, calling, drain } = await drainingWithCall(served);
  expect((await del(served.url, headers)).status).toBe(200);
  expect(await calling.message()).toMatchObject({ error: { message: 'Session ended: deleted' } });
  await withTimeout(drain, { what: 'the drain' });
});

describe('how long it waits for calls', () => {
  test.each([
    { limit: 'shutdownTimeout', options: undefined, ms: 8_000 },
    { limit: 'the timeout given', options: { timeout: 3_000 }, ms: 3_000 },
  ])('$limit: a call beyond it is answered with an error', async ({ options, ms }) => {
    const clock = new SimulatedClock();
    const served = await serve({ clock, shutdownTimeout: 8_000 });
    const { calling, drain, isDrained } = await drainingWithCall(served, options);
    await advance(clock, ms - 1);
    expect(calling.ended).toBe(false);
    expect(isDrained()).toBe(false);
    await advance(clock, 1);
    expect(await calling.message()).toMatchObject({
      id: 1,
      error: { code: -32000, message: 'Session ended: drained' },
    });
    expect(await withTimeout(calling.closed)).toBe(true);
    await served.gates.aborted('a');
    await withTimeout(drain, { what: 'the drain' });
  });

  test('not at all, with a timeout of 0', async () => {
    const served = await serve();
    const { calling, drain } = await drainingWithCall(served, { timeout: 0 });
    expect(await calling.message()).toMatchObject({ error: { message: 'Session ended: drained' } });
    await withTimeout(drain, { what: 'the drain' });
  });

  test('for ever, with a timeout of Infinity', async () => {
    const clock = new SimulatedClock();
    const served = await serve({ clock });
    const { calling, drain, isDrained } = await drainingWithCall(served, { timeout: Number.POSITIVE_INFINITY });
    await advance(clock, 24 * 3_600_000, 3_600_000);
    expect(isDrained()).toBe(false);
    served.gates.open('a');
    expect(await calling.message()).toMatchObject({ result: {} });
    await withTimeout(drain, { what: 'the drain' });
  });

  test.each([-1, Number.NaN, 2 ** 31, '10s'])('a timeout of %s is refused, and nothing drains', async (timeout) => {
    const { url, supervisor } = await serve();
    await expect(supervisor.drain({ timeout: timeout as number })).rejects.toMatchObject({
      name: 'SupervisorError',
      code: 'INVALID_OPTION',
      message: expect.stringContaining(String(timeout)),
    });
    await initialize(url);
  });
});

describe('what a call in flight waits for is let through', () => {
  test.each([true, false])('a response to sampling: the call finishes (with a GET stream: %s)', async (withStream) => {
    const served = await serve();
    const { url } = served;
    const body = callBody('sample', { prompt: 'Well?', via: withStream ? 'standalone' : 'call' });
    const session = await initialize(url, { capabilities: { sampling: {} } });
    const stream = withStream ? await openStream(url, { headers: session.headers }) : undefined;
    const calling = await openStream(url, { headers: session.headers, body });
    const question = await (stream ?? calling).message();
    const drain = served.supervisor.drain();
    await until(() => served.supervisor.actor.getSnapshot().value === 'draining');
    const content = { type: 'text', text: 'Very well.' };
    const result = { model: 'a model', role: 'assistant', content };
    const answered = await post(url, { jsonrpc: '2.0', id: question.id, result }, session.headers);
    expect(answered.status).toBe(202);
    expect(await calling.message()).toMatchObject({ id: 1, result: { content: [{ text: 'Very well.' }] } });
    await withTimeout(drain, { what: 'the drain' });
    if (stream !== undefined) expect(await withTimeout(stream.closed)).toBe(true);
  });

  test('a cancellation: the call ends, and the drain with it', async () => {
    const served = await serve();
    const { headers, calling, drain } = await drainingWithCall(served);
    const body = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } };
    expect((await post(served.url, body, headers)).status).toBe(202);
    await served.gates.aborted('a');
    expect(await withTimeout(calling.closed)).toBe(true);
    await withTimeout(drain, { what: 'the drain' });
  });
});

test('every server is closed and cleaned up, once, and every signal aborted', async () => {
  const gates = new Gates();
  const ended: string[] = [];
  const server: ServerFactory = (session) => {
    const inner = buildTestServer(session, gates);
    session.signal.addEventListener('abort', () => ended.push(`${session.id} aborted`));
    const close = async () => {
      ended.push(`${session.id} closed`);
      await inner.close();
    };
    const cleanup = (id: string | undefined) => void ended.push(`${id} cleaned`);
    return { server: { connect: (transport) => inner.connect(transport), close }, cleanup };
  };
  const { url, supervisor } = await serve({ server });
  const ids = await Promise.all(Array.from({ length: 5 }, async () => (await initialize(url)).sessionId));
  const calling = call(url, ids[0] ?? '', 'gate', { key: 'a' });
  await gates.entered('a');
  const drain = supervisor.drain();
  gates.open('a');
  await withTimeout(drain, { what: 'the drain' });
  expect((await calling).messages()).toMatchObject([{ result: {} }]);
  for (const id of ids) {
    expect(ended.filter((entry) => entry.startsWith(id))).toEqual([`${id} aborted`, `${id} closed`, `${id} cleaned`]);
  }
  expect(ended).toHaveLength(15);
});

test('it is over when the last server is closed and cleaned up, and not before', async () => {
  const gates = new Gates();
  const steps: string[] = [];
  const waiting = (key: string) => gates.pass(key, new AbortController().signal);
  let built = 0;
  const { url, supervisor } = await serve({
    server: (session) => {
      const inner = buildTestServer(session);
      if (built++ > 0) return inner; // closed long before the first one
      const close = async () => {
        await waiting('closing');
        await inner.close();
        steps.push('closed');
      };
      const cleanup = async () => {
        await waiting('cleaning');
        steps.push('cleaned');
      };
      return { server: { connect: (transport) => inner.connect(transport), close }, cleanup };
    },
  });
  await initialize(url);
  await initialize(url);
  const drain = supervisor.drain().then(() => steps.push('drained'));
  for (const key of ['closing', 'cleaning']) {
    await gates.entered(key);
    await turns(5);
    expect(steps).not.toContain('drained');
    gates.open(key);
  }
  await withTimeout(drain, { what: 'the drain' });
  expect(steps).toEqual(['closed', 'cleaned', 'drained']);
});

test('a drained supervisor refuses everything, and says so', async () => {
  const { url, supervisor, log } = await serve();
  const { sessionId } = await initialize(url);
  await withTimeout(supervisor.drain(), { what: 'the drain' });
  await withTimeout(supervisor.drain(), { what: 'a drain of what is drained' });
  expect(supervisor.actor.getSnapshot()).toMatchObject({ status: 'done', value: 'stopped' });
  expect(log.map(({ event }) => event).filter((event) => event.startsWith('supervisor'))).toEqual([
    'supervisor.draining',
    'supervisor.stopped',
  ]);
  expect([...supervisor.sessions()]).toEqual([]);
  expect(await supervisor.terminate(sessionId)).toBe(false);
  expect((await post(url, initializeBody())).status).toBe(503);
  await expectGone(url, sessionId);
  const headers = { 'content-type': 'application/json', accept: '*/*' };
  const body = JSON.stringify(initializeBody());
  expect((await supervisor.fetch(new Request(url, { method: 'POST', headers, body }))).status).toBe(503);
  const message = 'The supervisor has been drained; create a new one';
  const stopped = expect.objectContaining({ code: 'SUPERVISOR_STOPPED', message });
  expect(() => toNodeHandler(supervisor)).toThrow(SupervisorError);
  expect(() => toNodeHandler(supervisor)).toThrow(stopped);
});

test('a supervisor that was never used drains at once', async () => {
  const { supervisor } = supervise();
  await withTimeout(supervisor.drain(), { what: 'the drain' });
  expect(supervisor.actor.getSnapshot().value).toBe('stopped');
});
