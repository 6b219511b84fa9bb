/** The SDK's own clients while their server is gone for a while, with the reconnection that they have by default. */
import { setTimeout } from 'node:timers/promises';
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { connectClient } from './client.ts';
import { type Served, type ServeOptions, serve } from './serve.ts';
import { until, withTimeout } from './until.ts';

/** What the tests need of a client of either version. */
interface GapClient {
  readonly sessionId: string;
  call(name: string, args: Record<string, unknown>): Promise<unknown>;
  close(): Promise<void>;
}

type Connect = (url: string, told: (data: unknown) => void) => Promise<GapClient>;

const connectV1: Connect = (url, told) =>
  connectClient(url, {
    autoClose: false,
    prepare: (client) => {
      client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => told(params.data));
    },
  });

const connectV2: Connect = async (url, told) => {
  const client = new ClientV2({ name: 'v2-client', version: '2.0.0' });
  client.setNotificationHandler('notifications/message', ({ params }) => told(params.data));
  const transport = new TransportV2(new URL(url));
  await withTimeout(client.connect(transport), { what: 'the v2 client to connect' });
  return {
    sessionId: transport.sessionId ?? '',
    call: (name, args) => client.callTool({ name, arguments: args }),
    close: () => client.close(),
  };
};

export const SDK_CLIENTS: readonly (readonly [version: string, connect: Connect])[] = [
  ['v1', connectV1],
  ['v2', connectV2],
];

/** What became of a client. */
export interface Crossed {
  /** A call that was made while nobody listened failed. */
  readonly refused: boolean;
  /** Its GET stream was open again in time. */
  readonly listens: boolean;
  /** What it was told on its GET stream, in order. */
  readonly told: readonly unknown[];
}

/** Nobody listens on the port for so many ms; then the same supervisor does again. */
async function goAway({ httpServer, port }: Served, gap: number, meanwhile: () => Promise<void>): Promise<void> {
  const closed = new Promise<void>((resolve) => httpServer.close(() => resolve()));
  httpServer.closeAllConnections();
  await withTimeout(closed, { what: 'the HTTP server to close' });
  // This time is what is tried, and nothing is awaited by it.
  await Promise.all([setTimeout(gap), meanwhile()]);
  await new Promise<void>((resolve, reject) => {
    httpServer.once('error', reject);
    httpServer.listen(port, '127.0.0.1', resolve);
  });
}

/**
 * Takes a client over a gap of so many ms. It is told `before` and `after` on its GET stream, which has `within` ms after
 * the gap to be open again, and `meanwhile` while nobody listens. Calls have to work again at once.
 */
export async function crossGap(
  connect: Connect,
  gap: number,
  within: number,
  options: ServeOptions = {},
): Promise<Crossed> {
  const served = await serve({ ...options, autoClose: false });
  const told: unknown[] = [];
  const client = await connect(served.url, (data) => told.push(data));
  const { sessionId } = client;
  const session = () => served.supervisor.session(sessionId);
  const say = (data: string) => {
    const { server } = served.supervisor.server(sessionId) as McpServer;
    return server.notification({ method: 'notifications/message', params: { level: 'info', data } });
  };
  try {
    await until(() => session()?.openStreams === 1, { what: 'the GET stream' });
    await say('before');
    await until(() => told.includes('before'), { what: 'the first notification' });
    let refused = false;
    await goAway(served, gap, async () => {
      await until(() => session()?.openStreams === 0, { what: 'the end of the GET stream to be noticed' });
      await say('meanwhile');
      refused = await withTimeout(
        client.call('echo', { text: 'x' }).then(
          () => false,
          () => true,
        ),
        { what: 'the call in the gap to fail' },
      );
    });
    await withTimeout(client.call('echo', { text: 'again' }), { what: 'a call after the gap' });
    const listens = await until(() => session()?.openStreams === 1, { within, what: 'the GET stream' }).catch(
      () => false,
    );
    await say('after');
    if (listens) await until(() => told.includes('after'), { what: 'the last notification' });
    return { refused, listens, told };
  } finally {
    await client.close();
    await served.close();
  }
}
