/** Servers of SDK v2 on our transport, spoken to by the clients of v2 and of v1. */
import { Client, type ClientOptions, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { CreateMessageRequestSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { McpServer, type Progress, Server, type ServerContext } from '@modelcontextprotocol/server';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import type { SessionContext } from '../src/options.ts';
import { connectClient } from './support/client.ts';
import { Gates } from './support/gates.ts';
import { serve } from './support/serve.ts';
import { until, withTimeout } from './support/until.ts';
import { call, callBody, initialize, openStream } from './support/wire.ts';

const INFO = { name: 'v2-server', version: '2.0.0' };
const text = (said: string) => ({ content: [{ type: 'text' as const, text: said }] });

/** What the tools of both servers do. */
const tools = {
  echo: async (said: string) => text(said),

  steps: async (_said: string, { mcpReq }: ServerContext) => {
    const progressToken = mcpReq._meta?.progressToken;
    for (const progress of [1, 2]) {
      const params = { progressToken, progress, total: 2 };
      if (progressToken !== undefined) await mcpReq.notify({ method: 'notifications/progress', params });
    }
    return text('2 steps');
  },

  sample: async (said: string, { mcpReq }: ServerContext) => {
    const messages = [{ role: 'user', content: { type: 'text', text: said } }];
    const { content } = await mcpReq.send({ method: 'sampling/createMessage', params: { messages, maxTokens: 10 } });
    return text(!Array.isArray(content) && content.type === 'text' ? content.text : 'no text');
  },

  elicit: async (said: string, { mcpReq }: ServerContext) => {
    const requestedSchema = { type: 'object', properties: { name: { type: 'string' } } };
    const { action } = await mcpReq.send({ method: 'elicitation/create', params: { message: said, requestedSchema } });
    return text(action);
  },

  whoami: async (_said: string, { sessionId, http }: ServerContext) =>
    text(JSON.stringify({ sessionId, clientId: http?.authInfo?.clientId ?? null })),
};

type ToolName = keyof typeof tools;
const TOOL_NAMES = Object.keys(tools) as ToolName[];

function mcpServer({ serverOptions }: SessionContext): McpServer {
  const server = new McpServer(INFO, { ...serverOptions });
  for (const name of TOOL_NAMES) {
    const inputSchema = z.object({ text: z.string().default('') });
    server.registerTool(name, { inputSchema }, ({ text: said }, context) => tools[name](said, context));
  }
  return server;
}

function lowLevelServer({ serverOptions }: SessionContext): Server {
  const server = new Server(INFO, { capabilities: { tools: {} }, ...serverOptions });
  server.setRequestHandler('tools/list', () => ({
    tools: TOOL_NAMES.map((name) => ({ name, inputSchema: { type: 'object' as const } })),
  }));
  server.setRequestHandler('tools/call', ({ params }, context) =>
    tools[params.name as ToolName](String(params.arguments?.['text'] ?? ''), context),
  );
  return server;
}

const SERVERS = [
  { kind: 'McpServer', build: mcpServer },
  { kind: 'Server', build: lowLevelServer },
];

async function connectV2(url: string) {
  const options: ClientOptions = { capabilities: { sampling: {}, elicitation: {} } };
  const client = new Client({ name: 'v2-client', version: '2.0.0' }, options);
  client.setRequestHandler('sampling/createMessage', () => ({
    model: 'a model',
    role: 'assistant',
    content: { type: 'text', text: 'sampled' },
  }));
  client.setRequestHandler('elicitation/create', () => ({ action: 'decline' }));
  const transport = new StreamableHTTPClientTransport(new URL(url));
  onTestFinished(() => client.close());
  await withTimeout(client.connect(transport), { what: 'the v2 client to connect' });
  const callTool = async (name: ToolName, said: string, onprogress?: (progress: Progress) => void) => {
    const options = onprogress === undefined ? undefined : { onprogress };
    const { content } = await client.callTool({ name, arguments: { text: said } }, options);
    return content?.[0]?.type === 'text' ? content[0].text : undefined;
  };
  return { client, transport, callTool };
}

describe.each(SERVERS)("v2's $kind", ({ build }) => {
  test('serves a v2 client for a whole session', async () => {
    const { url, supervisor, events } = await serve({ server: build });
    const { client, transport, callTool } = await connectV2(url);
    const sessionId = transport.sessionId ?? '';
    expect(supervisor.session(sessionId)?.clientInfo).toEqual({ name: 'v2-client', version: '2.0.0' });
    expect(client.getServerVersion()).toMatchObject(INFO);
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(TOOL_NAMES);

    expect(await callTool('echo', 'hello')).toBe('hello');
    const steps: number[] = [];
    expect(await callTool('steps', '', ({ progress }) => steps.push(progress))).toBe('2 steps');
    expect(steps).toEqual([1, 2]);
    expect(await callTool('sample', 'Well?')).toBe('sampled');
    expect(await callTool('elicit', 'Who?')).toBe('decline');
    expect(JSON.parse((await callTool('whoami', '')) ?? '')).toEqual({ sessionId, clientId: null });

    await transport.terminateSession();
    expect(events.at(-1)).toMatchObject({ type: 'session.terminated', reason: 'deleted', session: { id: sessionId } });
    expect((await call(url, sessionId, 'echo')).status).toBe(404);
  });

  test('serves a v1 client for a whole session', async () => {
    const { url, supervisor, events } = await serve({ server: build });
    const {
      client,
      transport,
      sessionId,
      call: callTool,
    } = await connectClient(url, {
      capabilities: { sampling: {}, elicitation: {} },
      prepare: (preparing) => {
        preparing.setRequestHandler(CreateMessageRequestSchema, () => ({
          model: 'a model',
          role: 'assistant',
          content: { type: 'text', text: 'sampled' },
        }));
        preparing.setRequestHandler(ElicitRequestSchema, () => ({ action: 'decline' }));
      },
    });
    expect(client.getServerVersion()).toMatchObject(INFO);
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(TOOL_NAMES);

    expect(await callTool('echo', { text: 'hello' })).toBe('hello');
    const steps: number[] = [];
    const onprogress = ({ progress }: Progress) => steps.push(progress);
    await client.callTool({ name: 'steps', arguments: {} }, undefined, { onprogress });
    expect(steps).toEqual([1, 2]);
    expect(await callTool('sample', { text: 'Well?' })).toBe('sampled');
    expect(await callTool('elicit', { text: 'Who?' })).toBe('decline');

    await transport.terminateSession();
    expect(supervisor.session(sessionId)).toBeUndefined();
    expect(events.at(-1)).toMatchObject({ type: 'session.terminated', reason: 'deleted' });
  });

  test('is closed when its session ends, and ends its session when it closes', async () => {
    const built: { close(): Promise<void> }[] = [];
    const cleaned: (string | undefined)[] = [];
    const { url, supervisor, events } = await serve({
      server: (session) => {
        const server = build(session);
        built.push(server);
        return { server, cleanup: (id) => cleaned.push(id) };
      },
    });
    const first = await initialize(url, { capabilities: {} });
    expect(await supervisor.terminate(first.sessionId)).toBe(true);
    expect(cleaned).toEqual([first.sessionId]);

    const second = await initialize(url);
    await built[1]?.close();
    await until(() => cleaned.length === 2, { what: 'the cleanup of the second session' });
    expect(events.at(-1)).toMatchObject({
      type: 'session.terminated',
      reason: 'closed',
      session: { id: second.sessionId },
    });
    expect((await call(url, second.sessionId, 'echo')).status).toBe(404);
  });
});

test("a v2 server's call is aborted, and answered, when its session ends", async () => {
  const gates = new Gates();
  const { url, supervisor } = await serve({
    server: ({ serverOptions }) => {
      const server = new McpServer(INFO, { ...serverOptions });
      server.registerTool('gate', {}, async ({ mcpReq }) => {
        await gates.pass('held', mcpReq.signal);
        return text('passed');
      });
      return server;
    },
  });
  const { sessionId, headers } = await initialize(url);
  const stream = await openStream(url, { headers, body: callBody('gate') });
  await gates.entered('held');
  await Promise.all([supervisor.terminate(sessionId), gates.aborted('held')]);
  expect(await stream.message()).toMatchObject({ id: 1, error: { message: expect.any(String) } });
  expect(await withTimeout(stream.closed)).toBe(true);
});
