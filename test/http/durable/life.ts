/**
 * What the tests of sessions that outlive their servers have in common: processes over one session store, each a supervisor
 * with a clock of its own, and requests to them. A process is killed by asking it for nothing any more.
 */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SubscribeRequestSchema, UnsubscribeRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect, onTestFinished } from 'vitest';
import { z } from 'zod';
import { createMemorySessionStore, type SessionContext, type SessionStore } from '../../../src/index.ts';
import type { SessionSupervisorOptions } from '../../../src/options.ts';
import { Gates } from '../../support/gates.ts';
import { type Observed, supervise } from '../../support/serve.ts';
import { advance, SimulatedClock } from '../../support/simulatedClock.ts';
import type { WireMessage } from '../../support/sse.ts';
import { until, withTimeout } from '../../support/until.ts';

/** When the first process starts, in ms since the epoch. */
export const START = Date.UTC(2026, 0, 1);

const said = (text: string) => ({ content: [{ type: 'text' as const, text }] });

/** A server with a state, a log, subscriptions, gates and questions. */
function buildServer(session: SessionContext, gates = new Gates(), subscribed: string[] = []): McpServer {
  const server = new McpServer(
    { name: 'durable', version: '1' },
    { ...session.serverOptions, capabilities: { logging: {}, resources: { subscribe: true } } },
  );
  const level = { level: z.enum(['debug', 'error']) };
  server.registerTool('echo', { inputSchema: { text: z.string() } }, ({ text }) => said(text));
  server.registerTool('count', {}, () => {
    const count = Number(session.state?.get('count') ?? 0) + 1;
    session.state?.set('count', count);
    return said(`${count}`);
  });
  server.registerTool('who', {}, () => said(`${session.id} ${session.epoch} ${session.restored} ${session.principal}`));
  server.registerTool('gate', { inputSchema: { key: z.string() } }, async ({ key }, { signal }) => {
    await gates.pass(key, signal);
    return said(`passed ${key}`);
  });
  server.registerTool('log', { inputSchema: level }, async ({ level }, { sessionId }) => {
    await server.server.sendLoggingMessage({ level, data: level }, sessionId);
    return said('logged');
  });
  server.registerTool('ask', {}, async () => {
    const requestedSchema = { type: 'object' as const, properties: { name: { type: 'string' as const } } };
    const { action } = await server.server.elicitInput({ message: 'Who?', requestedSchema });
    return said(action);
  });
  server.server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
    subscribed.push(params.uri);
    return {};
  });
  server.server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
    subscribed.splice(subscribed.indexOf(params.uri), 1);
    return {};
  });
  return server;
}

export interface Process extends Observed {
  readonly clock: SimulatedClock;
  /** What the factory was given, each time. */
  readonly built: SessionContext[];
  /** What the last server was subscribed to. */
  readonly subscribed: string[];
}

export type ProcessOptions = Omit<Partial<SessionSupervisorOptions>, 'server'> & {
  readonly at?: number;
  /** The factory, which may have the usual server built. */
  readonly server?: (session: SessionContext, build: () => McpServer) => ReturnType<SessionSupervisorOptions['server']>;
};

/** Who sends a request, in these tests. */
const principal: SessionSupervisorOptions['principal'] = ({ headers }) => headers['x-user'] as string | undefined;

/** Starts a process over a store; it ends with the test. */
export function start(
  sessionStore: SessionStore | undefined,
  { at = START, server, ...options }: ProcessOptions = {},
): Process {
  const clock = new SimulatedClock();
  clock.set(at);
  const gates = new Gates();
  const built: SessionContext[] = [];
  const subscribed: string[] = [];
  const observed = supervise({
    clock,
    enableJsonResponse: options.eventStore === undefined,
    principal,
    ...options,
    sessionStore,
    server: (session) => {
      built.push(session);
      subscribed.length = 0;
      const build = () => buildServer(session, gates, subscribed);
      return server === undefined ? build() : server(session, build);
    },
  });
  onTestFinished(async () => {
    gates.openAll();
    await observed.stop();
  });
  return { ...observed, gates, clock, built, subscribed };
}

/** A process, and another that begins when it is gone: what both are given. */
export function startTwo(options: ProcessOptions = {}, sessionStore: SessionStore = createMemorySessionStore()) {
  return { sessionStore, first: start(sessionStore, options), next: () => start(sessionStore, options) };
}

const HEADERS = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };

export type Sent = Record<string, string>;

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The last message of the answer, streamed or not. */
  readonly message: WireMessage | undefined;
}

async function whole(response: Response): Promise<Answered> {
  const text = await response.text();
  const { status, headers } = response;
  const lines = text.startsWith('{') ? [text] : [...text.matchAll(/^data: (.+)$/gm)].map(([, data]) => data);
  const last = lines.at(-1);
  return { status, headers, text, message: last === undefined ? undefined : (JSON.parse(last) as WireMessage) };
}

function request(method: string, id: string | undefined, headers: Sent, body?: object): Request {
  return new Request('http://localhost/mcp', {
    method,
    headers: { ...HEADERS, ...(id !== undefined && { 'mcp-session-id': id }), ...headers },
    ...(body !== undefined && { body: JSON.stringify({ jsonrpc: '2.0', ...body }) }),
  });
}

export async function post({ supervisor }: Observed, body: object, id?: string, headers: Sent = {}): Promise<Answered> {
  return withTimeout(supervisor.fetch(request('POST', id, headers, body)).then(whole), {
    what: 'the answer to a POST',
  });
}

export async function del({ supervisor }: Observed, id: string, headers: Sent = {}): Promise<Answered> {
  return withTimeout(supervisor.fetch(request('DELETE', id, headers)).then(whole), { what: 'the answer to a DELETE' });
}

/** A GET, and what comes of it: a stream that is read, or a refusal. */
export async function listen({ supervisor }: Observed, id: string, headers: Sent = {}): Promise<Listening> {
  const response = await withTimeout(supervisor.fetch(request('GET', id, headers)), { what: 'the head of a GET' });
  return new Listening(response);
}

/** A stream that comes by fetch. */
export class Listening {
  readonly status: number;
  readonly messages: WireMessage[] = [];
  readonly ids: string[] = [];
  text = '';
  ended = false;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  constructor({ body, status }: Response) {
    this.status = status;
    this.#reader = body?.getReader();
    void this.#read();
  }

  /** The next message, in order; each is given once. */
  async next(): Promise<WireMessage> {
    return until(() => this.messages.shift(), { what: 'a message' });
  }

  async cancel(): Promise<void> {
    await this.#reader?.cancel();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    for (;;) {
      const piece = await this.#reader?.read().catch(() => undefined);
      if (piece === undefined || piece.done) break;
      const chunk = decoder.decode(piece.value, { stream: true });
      this.text += chunk;
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const id = /^id: (.*)$/m.exec(block)?.[1];
        const data = /^data: (.+)$/m.exec(block)?.[1];
        if (id !== undefined) this.ids.push(id);
        if (data !== undefined) this.messages.push(JSON.parse(data) as WireMessage);
      }
    }
    this.ended = true;
  }
}

export const initializing = (id: string | number = 0, more: object = {}) => ({
  id,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' }, ...more },
});

/** Opens a session; resolves to its id. */
export async function open(process: Observed, headers: Sent = {}, more: object = {}): Promise<string> {
  const opened = await post(process, initializing(0, more), undefined, headers);
  expect(opened.status).toBe(200);
  const id = opened.headers.get('mcp-session-id') as string;
  expect((await post(process, { method: 'notifications/initialized' }, id, headers)).status).toBe(202);
  await rests(process, id);
  return id;
}

export async function rests({ supervisor }: Observed, id: string): Promise<void> {
  await until(() => supervisor.session(id)?.state === 'idle', { what: `session ${id} to be idle` });
}

let calls = 100;

/** The body of a call of a tool. */
export const calling = (name: string, args: object = {}, id: string | number = calls++) => ({
  id,
  method: 'tools/call',
  params: { name, arguments: args },
});

/** Calls a tool; resolves to the text that it answers. */
export async function call(process: Observed, id: string, name: string, args: object = {}, headers: Sent = {}) {
  const answered = await post(process, calling(name, args), id, headers);
  expect([answered.status, answered.text]).toEqual([200, expect.stringContaining('"result"')]);
  return String(answered.message?.result?.content[0].text);
}

export const ping = (process: Observed, id: string, headers: Sent = {}) =>
  post(process, { id: 'ping', method: 'ping' }, id, headers);

/** Parks a session that has been open for no time; resolves when it is parked. */
export async function park({ supervisor, clock }: Process, id: string, parkAfter: number): Promise<void> {
  await advance(clock, parkAfter);
  await until(() => supervisor.session(id) === undefined, { what: `session ${id} to be parked` });
}

/** What a request for a session that is not there is answered. */
export const NOT_FOUND = '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}';

export async function expectGone(process: Observed, id: string, headers: Sent = {}): Promise<void> {
  const got = await listen(process, id, headers);
  await until(() => got.ended, { what: 'the refusal of a GET' });
  expect([got.status, got.text]).toEqual([404, NOT_FOUND]);
  for (const { status, text } of [await ping(process, id, headers), await del(process, id, headers)]) {
    expect([status, text]).toEqual([404, NOT_FOUND]);
  }
}
