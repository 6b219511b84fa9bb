/** The MCP server of the HTTP tests: SDK v1's `McpServer`, with one tool for each thing that a server can do. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import type { SessionContext } from '../../src/options.ts';
import { Gates } from './gates.ts';

const said = (text: string): CallToolResult => ({ content: [{ type: 'text', text }] });
const saidJson = (value: unknown): CallToolResult => said(JSON.stringify(value ?? null));

/** Where a message to the client travels: on the stream of the call, or on the standalone GET stream. */
const VIA = { via: z.enum(['call', 'standalone']).default('call') };

/** Builds the server of one session. Share `gates` between the servers of a test to hold their calls. */
export function buildTestServer(session: Pick<SessionContext, 'serverOptions'>, gates = new Gates()): McpServer {
  const server = new McpServer(
    { name: 'test-server', version: '1.0.0' },
    { capabilities: { logging: {} }, ...session.serverOptions },
  );
  registerCalls(server, gates);
  registerMessages(server);
  registerRequests(server);
  return server;
}

/** Tools that only answer: at once, late, never, wrongly, at length. */
function registerCalls(server: McpServer, gates: Gates): void {
  server.registerTool('echo', { inputSchema: { text: z.string() } }, ({ text }) => said(text));

  server.registerTool(
    'sleep',
    { description: 'Answers after real time has passed.', inputSchema: { ms: z.number() } },
    ({ ms }, { signal }) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => resolve(said(`slept ${ms} ms`)), ms);
        signal.addEventListener('abort', () => {
          clearTimeout(timer);
          reject(new Error('aborted'));
        });
      }),
  );

  server.registerTool(
    'gate',
    {
      description: 'Answers when the test opens the gate; a stubborn call waits for that even when it is aborted.',
      inputSchema: { key: z.string(), stubborn: z.boolean().optional() },
    },
    async ({ key, stubborn }, { signal }) => {
      await gates.pass(key, signal, stubborn);
      return said(`passed ${key}`);
    },
  );

  server.registerTool('fail', {}, () => {
    throw new Error('failed as asked');
  });

  server.registerTool('big', { inputSchema: { bytes: z.number() } }, ({ bytes }) => said('x'.repeat(bytes)));

  server.registerTool('whoami', {}, ({ authInfo, requestInfo, sessionId }) =>
    saidJson({ authInfo, headers: requestInfo?.headers, url: requestInfo?.url?.toString(), sessionId }),
  );
}

/** Tools that send notifications, or work on the stream that they answer on. */
function registerMessages(server: McpServer): void {
  server.registerTool(
    'progress',
    { description: 'Notifies progress 1 to `steps`.', inputSchema: { steps: z.number() } },
    async ({ steps }, { _meta, sendNotification }) => {
      const progressToken = _meta?.progressToken;
      for (let progress = 1; progressToken !== undefined && progress <= steps; progress++) {
        const params = { progressToken, progress, total: steps };
        await sendNotification({ method: 'notifications/progress', params });
      }
      return said(`${steps} steps`);
    },
  );

  server.registerTool(
    'log',
    { description: 'Logs on the stream of the call.', inputSchema: { text: z.string() } },
    async ({ text }, { sendNotification }) => {
      await sendNotification({ method: 'notifications/message', params: { level: 'info', data: text } });
      return said('logged');
    },
  );

  server.registerTool(
    'notifyStandalone',
    { description: 'Logs on the standalone GET stream.', inputSchema: { text: z.string() } },
    async ({ text }) => {
      await server.server.notification({ method: 'notifications/message', params: { level: 'info', data: text } });
      return said('notified');
    },
  );

  server.registerTool(
    'closeStream',
    {
      description: 'Closes the stream of its call, or the standalone one, and answers then.',
      inputSchema: { text: z.string().default('closed'), ...VIA },
    },
    ({ text, via }, { closeSSEStream, closeStandaloneSSEStream }) => {
      const close = via === 'call' ? closeSSEStream : closeStandaloneSSEStream;
      close?.();
      return said(close === undefined ? 'cannot close' : text);
    },
  );
}

/** Tools that ask the client. */
function registerRequests(server: McpServer): void {
  const options = (via: 'call' | 'standalone', requestId: string | number, signal: AbortSignal) => ({
    signal,
    ...(via === 'call' ? { relatedRequestId: requestId } : {}),
  });

  server.registerTool(
    'sample',
    { inputSchema: { prompt: z.string(), ...VIA } },
    async ({ prompt, via }, { requestId, signal }) => {
      const { content } = await server.server.createMessage(
        { messages: [{ role: 'user', content: { type: 'text', text: prompt } }], maxTokens: 100 },
        options(via, requestId, signal),
      );
      return said(content.type === 'text' ? content.text : content.type);
    },
  );

  server.registerTool(
    'elicit',
    { inputSchema: { message: z.string(), ...VIA } },
    async ({ message, via }, { requestId, signal }) => {
      const requestedSchema = { type: 'object' as const, properties: { name: { type: 'string' as const } } };
      return saidJson(await server.server.elicitInput({ message, requestedSchema }, options(via, requestId, signal)));
    },
  );

  server.registerTool('roots', { inputSchema: { ...VIA } }, async ({ via }, { requestId, signal }) =>
    saidJson((await server.server.listRoots({}, options(via, requestId, signal))).roots),
  );
}
