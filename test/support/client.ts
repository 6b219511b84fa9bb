/** The SDK's own client (v1) over Streamable HTTP, closed when the test ends. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  StreamableHTTPClientTransport,
  type StreamableHTTPClientTransportOptions,
} from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { CallToolResult, ClientCapabilities } from '@modelcontextprotocol/sdk/types.js';
import { onTestFinished } from 'vitest';
import { withTimeout } from './until.ts';

export interface ConnectOptions {
  readonly capabilities?: ClientCapabilities | undefined;
  /** Headers of every request. */
  readonly headers?: Record<string, string> | undefined;
  readonly transport?: StreamableHTTPClientTransportOptions | undefined;
  /** Called before the client connects: the place for request and notification handlers. */
  readonly prepare?: ((client: Client) => void) | undefined;
  /** `false`: the test closes the client itself, or there is no running test. */
  readonly autoClose?: boolean | undefined;
}

export interface Connected {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
  /** The session's id; empty where the server gives none (stateless). */
  readonly sessionId: string;
  /** Calls a tool; its text content, joined. */
  call(name: string, args?: Record<string, unknown>): Promise<string>;
  close(): Promise<void>;
}

/** Connects: initialize and `notifications/initialized` are done, the GET stream is being opened. */
export async function connectClient(url: string, options: ConnectOptions = {}): Promise<Connected> {
  const { capabilities = {}, headers, prepare, autoClose = true } = options;
  const client = new Client({ name: 'test-client', version: '1.0.0' }, { capabilities });
  prepare?.(client);
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    ...(headers === undefined ? {} : { requestInit: { headers } }),
    ...options.transport,
  });
  const close = () => client.close();
  if (autoClose) onTestFinished(close);
  // The SDK's own types disagree about optional members under exactOptionalPropertyTypes.
  await withTimeout(client.connect(transport as Transport), { what: 'the SDK client to connect' });
  return {
    client,
    transport,
    sessionId: transport.sessionId ?? '',
    call: async (name, args = {}) => textOf((await client.callTool({ name, arguments: args })) as CallToolResult),
    close,
  };
}

/** The text content of a tool's result. */
function textOf(result: CallToolResult): string {
  return result.content.map((block) => (block.type === 'text' ? block.text : `[${block.type}]`)).join('');
}
