/** A server of SDK v2 that serves both eras, and the requests of 2026-07-28 as they are on the wire. */
import { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { SessionContext } from '../../src/options.ts';
import type { Gates } from '../support/gates.ts';
import { type Served, type ServeOptions, serve } from '../support/serve.ts';
import type { WireMessage } from '../support/sse.ts';
import { type Headers, post, type WireResponse } from '../support/wire.ts';

export const MODERN = '2026-07-28';
const said = (text: string) => ({ content: [{ type: 'text' as const, text }] });

/** What the factory was told, each time. */
export interface Built {
  readonly era: string;
  readonly context: SessionContext;
}

export function buildModernServer(context: SessionContext, gates?: Gates): McpServer {
  const server = new McpServer(
    { name: 'both-eras', version: '1.0.0' },
    {
      capabilities: { tools: { listChanged: true }, resources: { listChanged: true, subscribe: true }, logging: {} },
      ...context.serverOptions,
    },
  );
  let calls = 0;
  server.registerTool('echo', { inputSchema: z.object({ text: z.string() }) }, ({ text }) => said(text));
  server.registerTool('count', {}, () => said(String(++calls)));
  server.registerTool('whoami', {}, ({ sessionId, http }) => {
    const headers = http?.req?.headers;
    return said(
      JSON.stringify({
        sessionId: sessionId ?? null,
        clientId: http?.authInfo?.clientId ?? null,
        name: headers?.get('mcp-name') ?? null,
        path: http?.req === undefined ? null : new URL(http.req.url).pathname,
        isRequest: http?.req instanceof Request,
        mode: typeof http?.req?.mode,
        all: [...(headers ?? [])].some(([name]) => name === 'mcp-method') && new Headers(headers).has('MCP-METHOD'),
      }),
    );
  });
  server.registerTool('gate', { inputSchema: z.object({ key: z.string() }) }, async ({ key }, { mcpReq }) => {
    await gates?.pass(key, mcpReq.signal);
    return said(`passed ${key}`);
  });
  server.registerTool('progress', { inputSchema: z.object({ key: z.string() }) }, async ({ key }, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken ?? 0;
    await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1, total: 2 } });
    await gates?.pass(key, mcpReq.signal);
    return said('two steps');
  });
  server.registerTool('flood', { inputSchema: z.object({ key: z.string() }) }, async ({ key }, { mcpReq }) => {
    const message = 'x'.repeat(64 * 1024);
    for (let progress = 1; !mcpReq.signal.aborted && progress < 1_000; progress++) {
      const params = { progressToken: 0, progress, message };
      await mcpReq.notify({ method: 'notifications/progress', params });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await gates?.pass(key, mcpReq.signal);
    return said('flooded');
  });
  server.registerResource('note', 'note:///a', {}, () => ({ contents: [{ uri: 'note:///a', text: 'a' }] }));
  return server;
}

/** A supervisor that serves both eras. */
export async function serveBoth(options: ServeOptions = {}): Promise<Served & { readonly built: Built[] }> {
  const built: Built[] = [];
  let gates: Gates | undefined;
  const served = await serve({
    modern: 'serve',
    server: (context) => {
      built.push({ era: context.era, context });
      return buildModernServer(context, gates);
    },
    ...options,
  });
  gates = served.gates;
  return { ...served, built };
}

export const META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientInfo': { name: 'wire', version: '1.0.0' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** The body of a request of 2026-07-28. */
export function modernBody(method: string, params: Record<string, unknown> = {}, id: string | number = 1): WireMessage {
  const { _meta, ...rest } = params;
  return { jsonrpc: '2.0', id, method, params: { ...rest, _meta: { ...META, ...(_meta as object | undefined) } } };
}

/** The headers that such a body needs. */
export function modernHeaders({ method = '', params }: WireMessage): Record<string, string> {
  const { name, uri } = (params ?? {}) as Record<string, unknown>;
  const named =
    method === 'tools/call' || method === 'prompts/get' ? name : method === 'resources/read' ? uri : undefined;
  return {
    'mcp-protocol-version': MODERN,
    'mcp-method': method,
    ...(typeof named === 'string' && { 'mcp-name': named }),
  };
}

export function toolBody(name: string, args: Record<string, unknown> = {}, id: string | number = 1): WireMessage {
  return modernBody('tools/call', { name, arguments: args }, id);
}

/** Sends a request of 2026-07-28 and reads the whole answer. */
export function ask(url: string, body: WireMessage, headers: Headers = {}): Promise<WireResponse> {
  return post(url, body, { ...modernHeaders(body), ...headers });
}

export const discover = (url: string, headers: Headers = {}) => ask(url, modernBody('server/discover'), headers);

/** The text that a tool answered, in JSON or on a stream. */
export function textOf(response: WireResponse): string {
  const { result, error } = response.messages().at(-1) ?? {};
  const content = result?.['content'] as { text: string }[] | undefined;
  return content?.[0]?.text ?? JSON.stringify(error);
}
