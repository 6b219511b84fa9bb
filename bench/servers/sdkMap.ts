/**
 * The yardstick: the SDK's own transport, one for each session, in a Map. It is the request handling of the SDK's
 * example `simpleStreamableHttp`, on bare node:http instead of Express, and without the example's logging, event store
 * and idle sweep, so that only what every user of it pays is left.
 *
 * As on bare node:http, the transport reads the bodies of a session's requests itself; only that of an `initialize` is
 * read before, to know it for one. With `--parse-bodies` every body is, which is what a body parser of Express does,
 * and spares the transport its slowest part.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import { createEchoServer } from './echoServer.ts';
import { listen } from './listen.ts';
import { readJson } from './readJson.ts';

const parseBodies = process.argv.includes('--parse-bodies');
const transports = new Map<string, StreamableHTTPServerTransport>();

function refuse(response: ServerResponse, status: number, code: number, message: string): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null }));
}

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const sessionId = request.headers['mcp-session-id'] as string | undefined;
  const parse = request.method === 'POST' && (parseBodies || sessionId === undefined);
  const body = parse ? await readJson(request) : undefined;
  const known = sessionId === undefined ? undefined : transports.get(sessionId);
  if (known !== undefined) {
    await known.handleRequest(request, response, body);
    return;
  }
  if (sessionId !== undefined) {
    refuse(response, 404, -32001, 'Session not found');
    return;
  }
  if (!isInitializeRequest(body)) {
    refuse(response, 400, -32000, 'Bad Request: No valid session ID provided');
    return;
  }
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => {
      transports.set(id, transport);
    },
  });
  transport.onclose = () => {
    if (transport.sessionId !== undefined) transports.delete(transport.sessionId);
  };
  // The SDK's own class misses its own interface by `exactOptionalPropertyTypes` only.
  await createEchoServer().connect(transport as Transport);
  await transport.handleRequest(request, response, body);
}

listen((request, response) => {
  handle(request, response).catch((error: unknown) => {
    console.error(error);
    if (!response.headersSent) refuse(response, 500, -32603, 'Internal server error');
  });
});
