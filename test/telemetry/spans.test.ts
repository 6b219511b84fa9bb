/** Spans by the conventions for MCP, as OpenTelemetry's SDK has them: servers of both SDKs, both eras. */
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { describe, expect, test } from 'vitest';
import { toNodeHandler } from '../../src/node.ts';
import { instrument } from '../../src/telemetry/index.ts';
import { ask, serveBoth, toolBody } from '../modern/modernServer.ts';
import { type Served, type ServeOptions, serve } from '../support/serve.ts';
import { buildTestServer } from '../support/testServer.ts';
import { withTimeout } from '../support/until.ts';
import { call, callBody, initialize, openStream, post, sessionHeaders } from '../support/wire.ts';
import { traced } from './openTelemetry.ts';
import { RawServer } from './rawServer.ts';

type Start = (options?: ServeOptions) => Promise<Served>;

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const TRACEPARENT = `00-${TRACE}-${PARENT}-01`;

const withMeta = (body: ReturnType<typeof callBody>, _meta: Record<string, unknown>) => ({
  ...body,
  params: { ...body.params, _meta: { ...(body.params?.['_meta'] as object | undefined), ..._meta } },
});

describe.each<[string, Start]>([
  ['SDK v1', serve],
  ['SDK v2', serveBoth],
])('with a server of %s', (_, start) => {
  test('a call is a span with the attributes of the conventions', async () => {
    const { supervisor, url } = await start();
    const { span } = await traced(supervisor);
    const { sessionId } = await initialize(url);
    await call(url, sessionId, 'echo', { text: 'a secret' }, 7);
    const { kind, attributes, status } = await span('tools/call echo');
    expect(kind).toBe(SpanKind.SERVER);
    expect(status.code).toBe(SpanStatusCode.UNSET);
    expect(attributes).toEqual({
      'mcp.method.name': 'tools/call',
      'mcp.protocol.version': '2025-11-25',
      'mcp.session.id': expect.stringMatching(/^[\w-]{16}$/),
      'jsonrpc.request.id': '7',
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'echo',
      'network.transport': 'tcp',
      'network.protocol.name': 'http',
    });
    expect(JSON.stringify(attributes)).not.toContain(sessionId);
    expect(JSON.stringify(attributes)).not.toContain('a secret');
  });

  test('the context of _meta is the parent', async () => {
    const { supervisor, url } = await start();
    const { span } = await traced(supervisor);
    const { sessionId } = await initialize(url);
    const body = withMeta(callBody('echo', { text: 'a' }), { traceparent: TRACEPARENT, tracestate: 'a=b' });
    await post(url, body, sessionHeaders(sessionId));
    const { parentSpanContext, links } = await span('tools/call echo');
    expect(parentSpanContext).toMatchObject({ traceId: TRACE, spanId: PARENT, isRemote: true });
    expect(parentSpanContext?.traceState?.serialize()).toBe('a=b');
    expect(links).toEqual([]);
  });
});

test('a handler runs within its span, and what it begins there is below it', async () => {
  let active: string | undefined;
  const { supervisor, url } = await serve({
    server: (session) => {
      const server = buildTestServer(session);
      server.registerTool('look', {}, async () => {
        await new Promise((resolve) => setImmediate(resolve));
        active = trace.getActiveSpan()?.spanContext().spanId;
        return { content: [] };
      });
      return server;
    },
  });
  const { span } = await traced(supervisor);
  await call(url, (await initialize(url)).sessionId, 'look');
  expect((await span('tools/call look')).spanContext().spanId).toBe(active);
});

test('the factory of a session runs within the span of its initialize', async () => {
  let active: string | undefined;
  const { supervisor, url } = await serve({
    server: (session) => {
      active = trace.getActiveSpan()?.spanContext().spanId;
      return buildTestServer(session);
    },
  });
  const { span } = await traced(supervisor);
  await initialize(url);
  expect((await span('initialize')).spanContext().spanId).toBe(active);
});

describe('the span of the HTTP request', () => {
  const behindHttp = async () => {
    const served = await serve({
      behind: (supervisor) => {
        const handler = toNodeHandler(supervisor);
        return (req, res) => {
          const { tracer } = http;
          const around = tracer?.startSpan('POST');
          const within = around === undefined ? context.active() : trace.setSpan(context.active(), around);
          context.with(within, () => handler(req, res));
          around?.end();
        };
      },
    });
    const http: { tracer?: ReturnType<typeof trace.getTracer> } = {};
    const observed = await traced(served.supervisor);
    const { sessionId } = await initialize(served.url);
    http.tracer = observed.tracerProvider.getTracer('http');
    return { ...served, ...observed, sessionId };
  };

  test('is linked where the client has one of its own', async () => {
    const { url, sessionId, span } = await behindHttp();
    const body = withMeta(callBody('echo', { text: 'a' }), { traceparent: TRACEPARENT });
    await post(url, body, sessionHeaders(sessionId));
    const { parentSpanContext, links } = await span('tools/call echo');
    expect(parentSpanContext?.spanId).toBe(PARENT);
    expect(links.map((link) => link.context.spanId)).toEqual([(await span('POST')).spanContext().spanId]);
  });

  test('is the parent where it has none', async () => {
    const { url, sessionId, span } = await behindHttp();
    await call(url, sessionId, 'echo', { text: 'a' });
    const { parentSpanContext, links } = await span('tools/call echo');
    expect(parentSpanContext?.spanId).toBe((await span('POST')).spanContext().spanId);
    expect(links).toEqual([]);
  });
});

describe('what a client says of its context', () => {
  test.each([
    ['nonsense', { traceparent: 'nonsense' }],
    ['zeros', { traceparent: `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01` }],
    ['10 KB', { traceparent: TRACEPARENT + 'x'.repeat(10_240) }],
    ['a number', { traceparent: 42 }],
    ['an object', { traceparent: { toString: null } }],
    ['a list', { traceparent: [TRACEPARENT] }],
  ])('is ignored where it is %s', async (_, meta) => {
    const { supervisor, url } = await serve();
    const { span } = await traced(supervisor);
    const { sessionId } = await initialize(url);
    const body = withMeta(callBody('echo', { text: 'a' }), meta);
    expect((await post(url, body, sessionHeaders(sessionId))).status).toBe(200);
    expect((await span('tools/call echo')).parentSpanContext).toBeUndefined();
  });

  test.each([
    ['not by default', undefined, undefined],
    ['where that is asked for', true, 'alice'],
    ['but for 10 KB of it', true, undefined],
  ])('its baggage is taken: %s', async (name, baggage, expected) => {
    let user: string | undefined = 'nobody';
    const { supervisor, url } = await serve({
      server: (session) => {
        const server = buildTestServer(session);
        server.registerTool('look', {}, () => {
          user = propagation.getActiveBaggage()?.getEntry('user')?.value;
          return { content: [] };
        });
        return server;
      },
    });
    await traced(supervisor, { baggage });
    const { sessionId } = await initialize(url);
    const more = name.includes('10 KB') ? `,x=${'x'.repeat(10_240)}` : '';
    const body = withMeta(callBody('look'), { traceparent: TRACEPARENT, baggage: `user=alice${more}` });
    await post(url, body, sessionHeaders(sessionId));
    expect(user).toBe(expected);
  });
});

describe('the status of a span', () => {
  test.each([
    ['an error of the client', { method: 'nobody/knows' }, 'nobody/knows', SpanStatusCode.UNSET, '-32601'],
    [
      'a tool that fails',
      { method: 'tools/call', params: { name: 'fail' } },
      'tools/call',
      SpanStatusCode.ERROR,
      'tool_error',
    ],
  ])('%s', async (_, message, name, code, type) => {
    const { supervisor, url } = await serve();
    const { span } = await traced(supervisor);
    const { sessionId } = await initialize(url);
    await post(url, { jsonrpc: '2.0', id: 1, ...message }, sessionHeaders(sessionId));
    const { status, attributes } = await span(name);
    expect(status.code).toBe(code);
    expect(attributes['error.type']).toBe(type);
    expect(attributes['rpc.response.status_code']).toBe(type === 'tool_error' ? undefined : type);
  });

  test('a call that its session took along', async () => {
    const { supervisor, url, gates } = await serve();
    const { span } = await traced(supervisor);
    const { sessionId, headers } = await initialize(url);
    const stream = await openStream(url, { headers, body: callBody('gate', { key: 'a' }) });
    await gates.entered('a');
    await supervisor.terminate(sessionId);
    const { status, attributes } = await span('tools/call');
    expect([status.code, attributes['error.type']]).toEqual([SpanStatusCode.ERROR, 'session_ended']);
    await withTimeout(stream.closed);
  });
});

describe('what a server asks its client', () => {
  test('is a client’s span below that of the call, whose context the request carries', async () => {
    const { supervisor, url } = await serve();
    const { span } = await traced(supervisor);
    const { headers } = await initialize(url, { capabilities: { sampling: {} } });
    const body = withMeta(callBody('sample', { prompt: 'why?' }), { traceparent: TRACEPARENT, baggage: 'user=alice' });
    const stream = await openStream(url, { headers, body });
    const { id, params } = await stream.message();
    const result = { role: 'assistant', model: 'm', content: { type: 'text', text: 'because' } };
    await post(url, { jsonrpc: '2.0', id, result }, headers);
    const asked = await span('sampling/createMessage');
    const answered = await span('tools/call sample');
    expect(asked.kind).toBe(SpanKind.CLIENT);
    expect(asked.parentSpanContext?.spanId).toBe(answered.spanContext().spanId);
    const { traceId, spanId } = asked.spanContext();
    expect(traceId).toBe(TRACE);
    expect(params?.['_meta']).toEqual({ traceparent: `00-${traceId}-${spanId}-01` });
    await withTimeout(stream.closed);
  });
});

test('a call without a session has a span without one', async () => {
  const { supervisor, url } = await serveBoth();
  const { span } = await traced(supervisor);
  await ask(url, withMeta(toolBody('echo', { text: 'a' }), { traceparent: TRACEPARENT }));
  const { attributes, parentSpanContext } = await span('tools/call echo');
  expect(attributes).toMatchObject({ 'mcp.protocol.version': '2026-07-28', 'gen_ai.tool.name': 'echo' });
  expect(attributes).not.toHaveProperty('mcp.session.id');
  expect(parentSpanContext?.spanId).toBe(PARENT);
});

test('ids are shown where that is asked for', async () => {
  const { supervisor, url } = await serve();
  const { span } = await traced(supervisor, { revealIds: true });
  const { sessionId } = await initialize(url);
  expect((await span('initialize')).attributes['mcp.session.id']).toBe(sessionId);
});

test('processes that share a key show a session under one name', async () => {
  const { supervisor, url } = await serve();
  const [one, other, stranger] = [
    await traced(supervisor, { idKey: 'k' }),
    await traced(supervisor, { idKey: 'k' }),
    await traced(supervisor),
  ];
  await initialize(url);
  const name = async ({ span }: typeof one) => (await span('initialize')).attributes['mcp.session.id'];
  expect(await name(one)).toBe(await name(other));
  expect(await name(stranger)).not.toBe(await name(one));
});

test('what a client says is cut where it is long', async () => {
  const { supervisor, url } = await serve();
  const { spans } = await traced(supervisor);
  const { sessionId } = await initialize(url);
  const long = 'x'.repeat(100_000);
  await post(url, { jsonrpc: '2.0', id: 1, method: `m${long}` }, sessionHeaders(sessionId));
  await call(url, sessionId, long);
  for (const { name, attributes } of spans()) {
    expect(name.length).toBeLessThan(1_100);
    for (const value of Object.values(attributes)) expect(String(value).length).toBeLessThan(1_100);
  }
});

test.each([
  ['has no code', {}, '_OTHER'],
  ['has a message that is none', { code: -32603, message: null }, '-32603'],
])('an error that %s ends its span', async (_, error, type) => {
  const serverInfo = { name: 'raw', version: '1' };
  const { supervisor, url } = await serve({
    server: () =>
      new RawServer(({ id, method }, send) =>
        method === 'initialize'
          ? send({ id, result: { protocolVersion: '2025-11-25', capabilities: {}, serverInfo } })
          : send({ id, error }),
      ),
  });
  const { span } = await traced(supervisor);
  const { sessionId } = await initialize(url);
  await call(url, sessionId, 'echo');
  expect((await span('tools/call')).attributes['error.type']).toBe(type);
});

test('a meter that fails leaves nobody who observes', async () => {
  const { supervisor, url } = await serve();
  let begun = 0;
  const tracerProvider = { getTracer: () => ({ startSpan: () => begun++ }) };
  const made = () => ({});
  const meter = {
    createHistogram: made,
    createObservableCounter: made,
    createObservableGauge: made,
    createObservableUpDownCounter: made,
    addBatchObservableCallback: () => {
      throw new Error('no batches');
    },
  };
  const meterProvider = { getMeter: () => meter };
  await expect(instrument(supervisor, { tracerProvider, meterProvider })).rejects.toThrow('no batches');
  await initialize(url);
  expect(begun).toBe(0);
});

test('nothing is begun after stop', async () => {
  const { supervisor, url } = await serve();
  const { spans, stop } = await traced(supervisor);
  stop();
  stop();
  await initialize(url);
  expect(spans()).toEqual([]);
});
