/** Which stream a message travels on: exactly one, the stream of its call or the session's GET stream. */
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  type Progress,
} from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, test } from 'vitest';
import { connectClient } from '../../support/client.ts';
import { serve } from '../../support/serve.ts';
import { becomesIdle } from '../../support/sessionLife.ts';
import { advance, SimulatedClock } from '../../support/simulatedClock.ts';
import { until } from '../../support/until.ts';
import {
  call,
  callBody,
  type EventStream,
  initialize,
  openStream,
  post,
  type WireMessage,
} from '../../support/wire.ts';

const CAPABILITIES = { sampling: {}, elicitation: {}, roots: {} };

/** What each tool asks the client, and an answer to it. */
const QUESTIONS = [
  {
    tool: 'sample',
    args: { prompt: 'Well?' },
    method: 'sampling/createMessage',
    result: { model: 'm', role: 'assistant', content: { type: 'text', text: 'Very well.' } },
    said: 'Very well.',
  },
  {
    tool: 'elicit',
    args: { message: 'Your name?' },
    method: 'elicitation/create',
    result: { action: 'accept', content: { name: 'Ada' } },
    said: '{"action":"accept","content":{"name":"Ada"}}',
  },
  {
    tool: 'roots',
    args: {},
    method: 'roots/list',
    result: { roots: [{ uri: 'file:///home', name: 'home' }] },
    said: '[{"uri":"file:///home","name":"home"}]',
  },
] as const;

const textOf = (message: WireMessage | undefined): string => message?.result.content[0].text;

describe('a request of the server', () => {
  test.each(QUESTIONS)(
    '$method of a call travels on its stream, and the answer finds the way back',
    async (question) => {
      const { url } = await serve();
      const { headers } = await initialize(url, { capabilities: CAPABILITIES });
      const get = await openStream(url, { headers });
      const calling = await openStream(url, { headers, body: callBody(question.tool, question.args, 1) });
      const asked = await calling.message();
      expect(asked).toMatchObject({ method: question.method });
      const answered = await post(url, { jsonrpc: '2.0', id: asked.id, result: question.result }, headers);
      expect(answered).toMatchObject({ status: 202, text: '' });
      expect(textOf(await calling.message())).toBe(question.said);
      expect(get.waiting).toEqual([]);
      get.destroy();
    },
  );

  test.each(QUESTIONS)('$method by itself travels on the GET stream', async ({ tool, args, method, result, said }) => {
    const { url } = await serve();
    const { headers } = await initialize(url, { capabilities: CAPABILITIES });
    const get = await openStream(url, { headers });
    const calling = await openStream(url, { headers, body: callBody(tool, { ...args, via: 'standalone' }, 1) });
    const asked = await get.message();
    expect(asked).toMatchObject({ method });
    expect(calling.waiting).toEqual([]);
    await post(url, { jsonrpc: '2.0', id: asked.id, result }, headers);
    expect(textOf(await calling.message())).toBe(said);
    get.destroy();
  });

  test('without a stream that could carry it: rejected at once, not waited for', async () => {
    const { url } = await serve();
    const { sessionId } = await initialize(url, { capabilities: CAPABILITIES });
    const answer = await call(url, sessionId, 'sample', { prompt: 'Well?', via: 'standalone' });
    expect(answer.messages()).toMatchObject([{ id: 1, result: { isError: true } }]);
    expect(textOf(answer.messages()[0])).toContain('No stream is open that could carry sampling/createMessage');
  });

  test('the error that a client answers with reaches the tool', async () => {
    const { url } = await serve();
    const { headers } = await initialize(url, { capabilities: CAPABILITIES });
    const calling = await openStream(url, { headers, body: callBody('sample', { prompt: 'Well?' }, 1) });
    const { id } = await calling.message();
    await post(url, { jsonrpc: '2.0', id, error: { code: -1, message: 'declined by the user' } }, headers);
    expect(textOf(await calling.message())).toContain('declined by the user');
  });
});

test('notifications of concurrent calls each stay on their stream, before the answer', async () => {
  const { url } = await serve();
  const { headers } = await initialize(url);
  const get = await openStream(url, { headers });
  const calls = Array.from({ length: 5 }, (_, n) =>
    post(url, callBody('progress', { steps: 3 }, n, `token ${n}`), headers),
  );
  const logged = await post(url, callBody('log', { text: 'on the call' }, 'log'), headers);
  for (const [n, response] of (await Promise.all(calls)).entries()) {
    const steps = [1, 2, 3].map((progress) => ({ params: { progress, progressToken: `token ${n}` } }));
    expect(response.messages()).toMatchObject([...steps, { id: n, result: {} }]);
  }
  expect(logged.messages()).toMatchObject([
    { method: 'notifications/message', params: { data: 'on the call' } },
    { id: 'log' },
  ]);
  expect(get.waiting).toEqual([]);
  get.destroy();
});

test('notifications by themselves travel on the GET stream; without one they are lost, and nothing fails', async () => {
  const { url, supervisor } = await serve();
  const { sessionId, headers } = await initialize(url);
  const lost = await call(url, sessionId, 'notifyStandalone', { text: 'lost' });
  expect(lost.messages()).toMatchObject([{ id: 1, result: { content: [{ text: 'notified' }] } }]);
  const get = await openStream(url, { headers });
  const heard = await call(url, sessionId, 'notifyStandalone', { text: 'heard' }, 2);
  expect(heard.messages()).toMatchObject([{ id: 2 }]);
  expect((await get.message()).params).toMatchObject({ data: 'heard' });
  get.destroy();
  await becomesIdle({ supervisor }, sessionId);
});

test('sessions never hear of one another', async () => {
  const { url } = await serve();
  const sessions = await Promise.all(Array.from({ length: 5 }, () => initialize(url)));
  const streams: EventStream[] = [];
  for (const { headers } of sessions) streams.push(await openStream(url, { headers }));
  await Promise.all(sessions.map(({ sessionId }, n) => call(url, sessionId, 'notifyStandalone', { text: `for ${n}` })));
  for (const [n, stream] of streams.entries()) {
    expect((await stream.message()).params.data).toBe(`for ${n}`);
    expect(stream.waiting).toEqual([]);
    stream.destroy();
  }
});

test("the SDK's client sees it all: progress, logging, sampling, elicitation and roots, both ways", async () => {
  const { url, supervisor } = await serve();
  const logged: unknown[] = [];
  const {
    client,
    sessionId,
    call: callTool,
  } = await connectClient(url, {
    capabilities: CAPABILITIES,
    prepare: (preparing) => {
      preparing.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void logged.push(params.data));
      preparing.setRequestHandler(CreateMessageRequestSchema, () => QUESTIONS[0].result);
      preparing.setRequestHandler(ElicitRequestSchema, () => QUESTIONS[1].result);
      preparing.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [...QUESTIONS[2].result.roots] }));
    },
  });
  await until(() => supervisor.session(sessionId)?.openStreams === 1, { what: 'the GET stream to open' });
  for (const via of ['call', 'standalone']) {
    for (const { tool, args, said } of QUESTIONS) expect(await callTool(tool, { ...args, via })).toBe(said);
  }
  await callTool('log', { text: 'one' });
  await callTool('notifyStandalone', { text: 'two' });
  await until(() => logged.length === 2, { what: 'both log messages' });
  expect(logged).toEqual(['one', 'two']);
  const steps: Progress[] = [];
  const onprogress = (step: Progress) => void steps.push(step);
  await client.callTool({ name: 'progress', arguments: { steps: 2 } }, undefined, { onprogress });
  expect(steps).toEqual([
    { progress: 1, total: 2 },
    { progress: 2, total: 2 },
  ]);
});

test('a tool sees the headers and the authentication of the request that it answers', async () => {
  const { url, supervisor } = await serve();
  const { sessionId, headers } = await initialize(url, { headers: { 'x-request': 'the initialize' } });
  const calls = ['first', 'second'].map((name, id) =>
    post(url, callBody('whoami', {}, id), { ...headers, 'x-request': name }),
  );
  for (const [n, answer] of (await Promise.all(calls)).entries()) {
    const seen = JSON.parse(textOf(answer.messages()[0]));
    expect(seen).toMatchObject({ sessionId, url, headers: { 'x-request': n === 0 ? 'first' : 'second' } });
  }
  const authInfo = { token: 'of this request', clientId: 'app', scopes: [] };
  const opened = await supervisor.fetch(webRequest(url, { id: 0, method: 'initialize', params: INITIALIZE }), {
    authInfo,
  });
  await opened.text();
  const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
  const request = webRequest(url, callBody('whoami', {}, 1), session);
  const answer = await (await supervisor.fetch(request, { authInfo: { ...authInfo, token: 'a later one' } })).text();
  expect(answer).toContain('a later one');
  expect(answer).not.toContain('of this request');
});

const INITIALIZE = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'web', version: '1' } };

function webRequest(url: string, body: object, headers: Record<string, string> = {}): Request {
  const all = { 'content-type': 'application/json', accept: '*/*', ...headers };
  return new Request(url, { method: 'POST', headers: all, body: JSON.stringify({ jsonrpc: '2.0', ...body }) });
}

test('streams are kept alive by comments, and never cached or buffered on the way', async () => {
  const clock = new SimulatedClock();
  const { url, gates } = await serve({ clock, keepAliveInterval: 20_000 });
  const { headers } = await initialize(url);
  const get = await openStream(url, { headers });
  const calling = await openStream(url, { headers, body: callBody('gate', { key: 'a' }, 1) });
  await gates.entered('a');
  for (const stream of [get, calling]) {
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
  }
  await advance(clock, 19_999);
  expect([get.comments, calling.comments]).toEqual([[], []]);
  await advance(clock, 1);
  for (const stream of [get, calling]) expect(await stream.comment()).toBe('keep-alive');
  await advance(clock, 40_000, 20_000);
  for (const stream of [get, calling]) {
    await stream.comment();
    await stream.comment();
  }
  gates.open('a');
  expect(await calling.message()).toMatchObject({ id: 1, result: {} });
  get.destroy();
});
