/** Handles over HTTP: tools of real SDK servers that create, use and end them, called by real SDK clients. */

import { createServer } from 'node:http';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Server as V1LowLevel } from '@modelcontextprotocol/sdk/server/index.js';
import { McpServer as V1Server } from '@modelcontextprotocol/sdk/server/mcp.js';
import { CallToolRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { McpServer as V2Server } from '@modelcontextprotocol/server';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { createSessionSupervisor, type HandleContext, type Handles } from '../src/index.ts';
import { toNodeHandler } from '../src/node.ts';
import type { ConnectableServer, SessionContext } from '../src/options.ts';
import { connectClient } from './support/client.ts';
import { Gates } from './support/gates.ts';
import { listen } from './support/listen.ts';
import { until, withTimeout } from './support/until.ts';
import { callBody, initialize, post, sessionHeaders } from './support/wire.ts';

interface Counter {
  n: number;
  closed: string[];
}

const text = (said: string) => ({ content: [{ type: 'text' as const, text: said }] });

/** What the three tools do, with whatever context the SDK gives them. */
function toolsOf(counters: Handles<Counter>, gates: Gates) {
  return {
    create: async (_: object, context: HandleContext) => text(await counters.create(context)),
    count: async ({ id, gate }: { id: string; gate?: string | undefined }, context: HandleContext) =>
      text(
        await counters.use(id, context, async (counter, { signal }) => {
          const n = ++counter.n;
          if (gate !== undefined) await gates.pass(gate, signal);
          return String(n);
        }),
      ),
    end: async ({ id }: { id: string }, context: HandleContext) => {
      await counters.end(id, context);
      return text('ended');
    },
  };
}

type Tools = ReturnType<typeof toolsOf>;

const ID = { id: z.string() };
const COUNT = { ...ID, gate: z.string().optional() };

function v1({ serverOptions }: SessionContext, tools: Tools): ConnectableServer {
  const server = new V1Server({ name: 'v1', version: '1' }, { ...serverOptions });
  server.registerTool('create', { inputSchema: {} }, tools.create);
  server.registerTool('count', { inputSchema: COUNT }, tools.count);
  server.registerTool('end', { inputSchema: ID }, tools.end);
  return server;
}

function v2({ serverOptions }: SessionContext, tools: Tools): ConnectableServer {
  const server = new V2Server({ name: 'v2', version: '2' }, { ...serverOptions });
  server.registerTool('create', { inputSchema: z.object({}) }, tools.create);
  server.registerTool('count', { inputSchema: z.object(COUNT) }, tools.count);
  server.registerTool('end', { inputSchema: z.object(ID) }, tools.end);
  return server;
}

const SERVERS = [
  { kind: 'SDK v1', build: v1 },
  { kind: 'SDK v2', build: v2 },
] as const;

type Options = Partial<Parameters<typeof createSessionSupervisor>[0]>;

/** Who a request is from, by a header. */
const byHeader: Options = { principal: ({ headers }) => headers['x-user'] as string | undefined };

async function serveCounters(
  build: (session: SessionContext, tools: Tools) => ConnectableServer,
  options: Options = {},
) {
  const gates = new Gates();
  const made: Counter[] = [];
  let tools: Tools | undefined;
  const supervisor = createSessionSupervisor({
    server: (session) => build(session, tools as Tools),
    shutdownTimeout: 2_000,
    logger: () => {},
    ...options,
  });
  const counters = supervisor.handles<Counter>('counter', {
    open: () => {
      const counter = { n: 0, closed: [] };
      made.push(counter);
      return counter;
    },
    close: (counter, { reason }) => void counter.closed.push(reason),
  });
  tools = toolsOf(counters, gates);
  const server = createServer(toNodeHandler(supervisor));
  const { url, close } = await listen(server);
  onTestFinished(async () => {
    gates.openAll();
    await Promise.all([supervisor.drain({ timeout: 100 }), close()]);
  });
  return { url, supervisor, counters, made, gates };
}

interface Called {
  readonly isError: boolean;
  readonly text: string;
}

/** What a tool's result is to both SDKs. */
interface ToolResult {
  readonly isError?: unknown;
  readonly content?: unknown;
}

type Call = (name: string, args?: Record<string, unknown>) => Promise<Called>;

const called = ({ isError, content }: ToolResult): Called => ({
  isError: isError === true,
  text: (content as { text: string }[])[0]?.text ?? '',
});

async function v1Client(url: string, user: string): Promise<Call> {
  const { client } = await connectClient(url, { headers: { 'x-user': user } });
  return async (name, args = {}) => called((await client.callTool({ name, arguments: args })) as ToolResult);
}

async function v2Client(url: string, user: string): Promise<Call> {
  const client = new Client({ name: 'v2-client', version: '2' });
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { 'x-user': user } } });
  onTestFinished(() => client.close());
  await withTimeout(client.connect(transport));
  return async (name, args = {}) => called((await client.callTool({ name, arguments: args })) as ToolResult);
}

const CLIENTS = [
  { client: 'v1', connect: v1Client },
  { client: 'v2', connect: v2Client },
] as const;

const NOT_FOUND = {
  isError: true,
  text: 'There is no counter with this id, or there is none any more. Create a new one and use its id.',
};

const PAIRS = SERVERS.flatMap((server) => CLIENTS.map((client) => ({ ...server, ...client })));

describe.each(PAIRS)('tools of $kind, called by a client of $client', ({ build, connect }) => {
  test('create, use and end a handle', async () => {
    const { url, supervisor, made } = await serveCounters(build, byHeader);
    const call = await connect(url, 'ann');
    const { text: id, isError } = await call('create');
    expect([isError, id]).toEqual([false, expect.stringMatching(/^[0-9a-f]{32}$/)]);
    expect([await call('count', { id }), await call('count', { id })]).toMatchObject([{ text: '1' }, { text: '2' }]);
    expect([...supervisor.openHandles()]).toMatchObject([{ id, principal: 'ann', state: 'idle' }]);
    expect(await call('end', { id })).toEqual({ isError: false, text: 'ended' });
    expect(made).toEqual([{ n: 2, closed: ['deleted'] }]);
    for (const name of ['count', 'end']) expect(await call(name, { id })).toEqual(NOT_FOUND);
  });

  test('outlive their session, and are its principal’s alone', async () => {
    const { url, supervisor } = await serveCounters(build, byHeader);
    const [first, bob] = [await connect(url, 'ann'), await connect(url, 'bob')];
    const { text: id } = await first('create');
    for (const { id: sessionId, principal } of [...supervisor.sessions()]) {
      if (principal === 'ann') await supervisor.terminate(sessionId);
    }
    const again = await connect(url, 'ann');
    expect(await again('count', { id })).toEqual({ isError: false, text: '1' });
    for (const name of ['count', 'end']) {
      expect(await bob(name, { id })).toEqual(NOT_FOUND);
      expect(await bob(name, { id: 'never was' })).toEqual(NOT_FOUND);
    }
    expect(await again('count', { id })).toEqual({ isError: false, text: '2' });
  });

  test('hold it while two calls overlap, and end it during one', async () => {
    const { url, supervisor, made, gates } = await serveCounters(build, byHeader);
    const call = await connect(url, 'ann');
    const { text: id } = await call('create');
    const [slow, slower] = [call('count', { id, gate: 'slow' }), call('count', { id, gate: 'slower' })];
    await Promise.all([gates.entered('slow'), gates.entered('slower')]);
    expect([...supervisor.openHandles()]).toMatchObject([{ state: 'active', inFlight: 2 }]);
    gates.open('slow');
    expect(await slow).toEqual({ isError: false, text: '1' });
    expect([...supervisor.openHandles()]).toMatchObject([{ state: 'active', inFlight: 1 }]);
    expect(await call('end', { id })).toEqual({ isError: false, text: 'ended' });
    expect((await slower).isError).toBe(true); // what it waited for heard the signal
    await until(() => made[0]?.closed.length === 1);
    expect(made).toEqual([{ n: 2, closed: ['deleted'] }]);
  });

  test('are told at the cap', async () => {
    const { url } = await serveCounters(build, byHeader);
    const call = await connect(url, 'ann');
    for (let n = 0; n < 32; n++) expect(await call('create')).toMatchObject({ isError: false });
    expect(await call('create')).toEqual({
      isError: true,
      text: 'You have as many of counter as you may have. End one that you do not need any more, or try again later.',
    });
  });
});

describe.each(SERVERS)('handles of $kind', ({ build }) => {
  test('of a stateless server go by the request: nobody’s is nobody else’s', async () => {
    const { url } = await serveCounters(build, { ...byHeader, stateless: true });
    const ask = async (user: string | undefined, name: string, args: Record<string, unknown> = {}) => {
      const { text: answer } = await post(url, callBody(name, args), user === undefined ? {} : { 'x-user': user });
      const data =
        answer
          .split('\n')
          .find((line) => line.startsWith('data: '))
          ?.slice(6) ?? answer;
      return called((JSON.parse(data) as { result: ToolResult }).result);
    };
    const { text: id } = await ask('ann', 'create');
    expect(await ask('ann', 'count', { id })).toEqual({ isError: false, text: '1' });
    for (const user of ['bob', undefined]) expect(await ask(user, 'count', { id })).toEqual(NOT_FOUND);
    const { text: nobodys } = await ask(undefined, 'create');
    expect(await ask('ann', 'count', { id: nobodys })).toEqual(NOT_FOUND);
    expect(await ask(undefined, 'count', { id: nobodys })).toEqual({ isError: false, text: '1' });
  });

  test('go by the session where it lives: nobody is asked again who it is', async () => {
    let asked = 0;
    const principal = () => (asked++ % 2 === 0 ? 'ann' : 'bob'); // whoever asks twice gets another answer
    const { url } = await serveCounters(build, { principal });
    const ask = async (sessionId: string, name: string, args: Record<string, unknown>) => {
      asked = 0;
      const { text: answer } = await post(url, callBody(name, args), sessionHeaders(sessionId));
      expect(asked).toBe(1);
      return answer;
    };
    asked = 0;
    const { sessionId } = await initialize(url, { notify: false });
    const created = await ask(sessionId, 'create', {});
    const id = /[0-9a-f]{32}/.exec(created)?.[0] ?? '';
    expect(await ask(sessionId, 'count', { id })).toContain('"1"');
  });

  test('can be opened by the factory, for the session’s principal', async () => {
    let id: Promise<string> | undefined;
    const { url, supervisor } = await serveCounters((session, tools) => {
      id ??= tools.create({}, session).then(({ content }) => content[0]?.text ?? '');
      return build(session, tools);
    }, byHeader);
    const call = await v1Client(url, 'ann');
    expect(await call('count', { id: await id })).toEqual({ isError: false, text: '1' });
    expect([...supervisor.openHandles()]).toMatchObject([{ principal: 'ann' }]);
  });

  test('are refused in a drain, in which a call that runs goes on with what it has', async () => {
    const { url, supervisor, made, gates } = await serveCounters(build, byHeader);
    const call = await v1Client(url, 'ann');
    const { text: id } = await call('create');
    const running = call('count', { id, gate: 'drain' });
    await gates.entered('drain');
    const drained = supervisor.drain();
    expect(made[0]?.closed).toEqual([]);
    gates.open('drain');
    expect(await running).toEqual({ isError: false, text: '1' });
    await withTimeout(drained);
    expect(made[0]?.closed).toEqual(['drained']);
  });
});

test('a low-level server’s handler may throw it: the client gets an error that says the same', async () => {
  const { url } = await serveCounters(({ serverOptions }, tools) => {
    const server = new V1LowLevel({ name: 'low', version: '1' }, { capabilities: { tools: {} }, ...serverOptions });
    server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) =>
      tools[params.name as 'end'](params.arguments as { id: string }, extra),
    );
    return server;
  }, byHeader);
  const { client } = await connectClient(url, { headers: { 'x-user': 'ann' } });
  await expect(client.callTool({ name: 'end', arguments: { id: 'never was' } })).rejects.toMatchObject({
    message: expect.stringContaining(NOT_FOUND.text),
  });
});
