/** JSON response mode: one JSON body for each POST, always settled, however its call or its session ends. */
import { describe, expect, test } from 'vitest';
import { connectClient } from '../../support/client.ts';
import { type ServeOptions, serve } from '../../support/serve.ts';
import { becomesIdle } from '../../support/sessionLife.ts';
import { advance, SimulatedClock } from '../../support/simulatedClock.ts';
import { buildTestServer } from '../../support/testServer.ts';
import { turns, until, withTimeout } from '../../support/until.ts';
import { call, callBody, initialize, initializeBody, openStream, post } from '../../support/wire.ts';

const serveJson = (options: ServeOptions = {}) => serve({ enableJsonResponse: true, ...options });

const cancellation = (requestId: string | number) => ({
  jsonrpc: '2.0',
  method: 'notifications/cancelled',
  params: { requestId },
});

test('every answer to a POST is one JSON body, the initialize included', async () => {
  const { url } = await serveJson();
  const opened = await post(url, initializeBody({}, 'first'));
  expect(opened.headers['content-type']).toBe('application/json');
  expect(opened.json()).toMatchObject({ id: 'first', result: { protocolVersion: '2025-11-25' } });
  const sessionId = String(opened.headers['mcp-session-id']);
  const answer = await call(url, sessionId, 'echo', { text: 'hi' }, 'x');
  expect(answer.status).toBe(200);
  expect(answer.headers).toMatchObject({ 'content-type': 'application/json', 'mcp-session-id': sessionId });
  expect(answer.json()).toEqual({ jsonrpc: '2.0', id: 'x', result: { content: [{ type: 'text', text: 'hi' }] } });
  const unknown = await post(url, { jsonrpc: '2.0', id: 2, method: 'no/such' }, { 'mcp-session-id': sessionId });
  expect(unknown.json()).toMatchObject({ id: 2, error: { code: -32601 } });
});

test('an SDK client works', async () => {
  const { url } = await serveJson();
  const { client, call: callTool } = await connectClient(url);
  expect((await client.listTools()).tools.length).toBeGreaterThan(5);
  expect(await callTool('echo', { text: 'hello' })).toBe('hello');
});

test('notifications and requests of a call have no way to the client; the GET stream has', async () => {
  const { url } = await serveJson();
  const { sessionId, headers } = await initialize(url, { capabilities: { sampling: {} } });
  const progress = await post(url, callBody('progress', { steps: 3 }, 1, 'token'), headers);
  expect(progress.messages()).toMatchObject([{ id: 1, result: { content: [{ text: '3 steps' }] } }]);
  const asked = await call(url, sessionId, 'sample', { prompt: 'Well?' });
  expect(asked.json().result).toMatchObject({
    isError: true,
    content: [{ text: expect.stringContaining('No stream') }],
  });

  const stream = await openStream(url, { headers });
  const asking = call(url, sessionId, 'sample', { prompt: 'Well?', via: 'standalone' });
  const question = await stream.message();
  const result = { model: 'm', role: 'assistant', content: { type: 'text', text: 'Very well.' } };
  await post(url, { jsonrpc: '2.0', id: question.id, result }, headers);
  expect((await asking).json().result.content[0].text).toBe('Very well.');
});

describe('a call in flight is settled', () => {
  test('when its client cancels it', async () => {
    const served = await serveJson();
    const { url, gates } = served;
    const { sessionId, headers } = await initialize(url);
    const calling = post(url, callBody('gate', { key: 'a' }, 'mine'), headers);
    await gates.entered('a');
    expect((await post(url, cancellation('mine'), headers)).status).toBe(202);
    expect((await calling).json()).toEqual({
      jsonrpc: '2.0',
      id: 'mine',
      error: { code: -32000, message: 'Request cancelled' },
    });
    await gates.aborted('a');
    await becomesIdle(served, sessionId);
  });

  test('when its session is terminated, drained, or closed by its server', async () => {
    const closers: (() => Promise<void>)[] = [];
    const served = await serveJson({
      server: (session) => {
        const server = buildTestServer(session, gates);
        closers.push(() => server.close());
        return server;
      },
    });
    const { url, gates, supervisor } = served;
    const sessions = [await initialize(url), await initialize(url), await initialize(url)];
    const calls = sessions.map(({ headers }) => post(url, callBody('gate', { key: 'a' }), headers));
    await gates.entered('a', 3);
    await closers[0]?.();
    await supervisor.terminate(sessions[1]?.sessionId ?? '');
    await withTimeout(supervisor.drain({ timeout: 0 }), { what: 'the drain' });
    const answers = await Promise.all(calls);
    expect(answers.map((answer) => answer.json().error?.message)).toEqual([
      'Session ended: closed',
      'Session ended: terminated',
      'Session ended: drained',
    ]);
  });

  test('at the end of its session, after the time it is given', async () => {
    const clock = new SimulatedClock();
    const { url, gates } = await serveJson({ clock, maxSessionLifetime: 10_000, shutdownTimeout: 2_000 });
    const { headers } = await initialize(url);
    const calling = post(url, callBody('gate', { key: 'a' }), headers);
    await gates.entered('a');
    await advance(clock, 10_000);
    await advance(clock, 2_000);
    expect((await calling).json()).toMatchObject({ id: 1, error: { message: 'Session ended: lifetime' } });
  });
});

test('a call whose client is gone runs on, holds nothing, and hurts nobody', async () => {
  const served = await serveJson();
  const { url, gates } = served;
  const { sessionId, headers } = await initialize(url);
  const leaving = new AbortController();
  const request = { method: 'POST', signal: leaving.signal, body: JSON.stringify(callBody('gate', { key: 'a' })) };
  const left = fetch(url, {
    ...request,
    headers: { ...headers, 'content-type': 'application/json', accept: '*/*' },
  }).catch((error: Error) => error.name);
  await gates.entered('a');
  leaving.abort();
  expect(await left).toBe('AbortError');
  await becomesIdle(served, sessionId);
  expect(gates.counts('a')).toEqual({ entered: 1, aborted: 0 });
  gates.open('a');
  expect((await call(url, sessionId, 'echo', { text: 'x' }, 2)).status).toBe(200);
});

describe('batches of 2025-03-26', () => {
  const open = async (options: ServeOptions = {}) => {
    const served = await serveJson(options);
    const { headers, sessionId } = await initialize(served.url, { protocolVersion: '2025-03-26' });
    return { ...served, headers, sessionId };
  };

  test('get a list of all answers, of one request too', async () => {
    const { url, headers, gates } = await open();
    const answering = post(url, [callBody('gate', { key: 'a' }, 1), callBody('echo', { text: 'b' }, 2)], headers);
    await gates.entered('a');
    gates.open('a');
    const answers = (await answering).messages();
    expect(answers.sort((a, b) => Number(a.id) - Number(b.id))).toMatchObject([
      { id: 1, result: { content: [{ text: 'passed a' }] } },
      { id: 2, result: { content: [{ text: 'b' }] } },
    ]);
    const one = await post(url, [callBody('echo', { text: 'x' }, 3)], headers);
    expect(JSON.parse(one.text)).toMatchObject([{ id: 3, result: {} }]);
    expect(await post(url, [cancellation(77)], headers)).toMatchObject({ status: 202, text: '' });
  });

  test('with a call that is cancelled are settled with what is there', async () => {
    const { url, headers, gates } = await open();
    const answering = post(url, [callBody('gate', { key: 'a' }, 1), callBody('echo', { text: 'b' }, 2)], headers);
    await gates.entered('a');
    await post(url, cancellation(1), headers);
    const answers = (await answering).messages().sort((a, b) => Number(a.id) - Number(b.id));
    expect(answers).toMatchObject([
      { id: 1, error: { message: 'Request cancelled' } },
      { id: 2, result: {} },
    ]);
  });

  test('are settled when their session ends', async () => {
    const { url, headers, gates, supervisor, sessionId } = await open();
    const bodies = [
      callBody('gate', { key: 'a' }, 1),
      callBody('gate', { key: 'b' }, 2),
      callBody('gate', { key: 'a' }, 3),
    ];
    const answering = post(url, bodies, headers);
    await Promise.all([gates.entered('a', 2), gates.entered('b')]);
    gates.open('b');
    await turns(2); // all that follows from it is microtasks
    await until(supervisor.terminate(sessionId));
    const answers = (await answering).messages().sort((a, b) => Number(a.id) - Number(b.id));
    expect(answers).toMatchObject([
      { id: 1, error: { message: 'Session ended: terminated' } },
      { id: 2, result: {} },
      { id: 3, error: { message: 'Session ended: terminated' } },
    ]);
  });
});
