/** The SDK's own clients on a line that breaks: they resume by themselves, and their users notice nothing. */
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { createMemoryEventStore } from '../../../src/index.ts';
import { connectClient } from '../../support/client.ts';
import { type CuttingProxy, cuttingProxy } from '../../support/proxy.ts';
import { becomesIdle } from '../../support/sessionLife.ts';
import { until, withTimeout } from '../../support/until.ts';
import { type Driven, openStreams, serveDriven } from './drivenCalls.ts';

interface Sent {
  readonly method: string;
  readonly lastEventId: string | null;
  readonly status: number;
}

/** What the tests need of a client of either version. */
interface ResumingClient {
  readonly sessionId: string;
  /** The numbers that came as notifications. */
  readonly got: unknown[];
  /** The requests that were answered. */
  readonly sent: Sent[];
  /** Calls a tool; the text of its result. */
  call(name: string, args: Record<string, unknown>): Promise<string>;
  request(method: string): Promise<unknown>;
}

const RECONNECTION = {
  initialReconnectionDelay: 1,
  maxReconnectionDelay: 1,
  reconnectionDelayGrowFactor: 1,
  maxRetries: 20,
};

function recording() {
  const sent: Sent[] = [];
  const recordingFetch = async (url: string | URL, init?: RequestInit) => {
    const response = await fetch(url, init);
    const lastEventId = new Headers(init?.headers).get('last-event-id');
    sent.push({ method: init?.method ?? 'GET', lastEventId, status: response.status });
    return response;
  };
  return { sent, options: { fetch: recordingFetch, reconnectionOptions: RECONNECTION } };
}

const textOf = (result: unknown) => (result as { content: { text: string }[] }).content[0]?.text ?? '';

async function connectV1(url: string): Promise<ResumingClient> {
  const { sent, options } = recording();
  const got: unknown[] = [];
  const { client, sessionId, call } = await connectClient(url, {
    transport: options,
    prepare: (preparing) => {
      preparing.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void got.push(params.data));
    },
  });
  const request = (method: string) => client.request({ method: method as 'ping' }, z.looseObject({}));
  return { sessionId, got, sent, call, request };
}

async function connectV2(url: string): Promise<ResumingClient> {
  const { sent, options } = recording();
  const got: unknown[] = [];
  const client = new ClientV2({ name: 'v2-client', version: '2.0.0' });
  client.setNotificationHandler('notifications/message', ({ params }) => void got.push(params.data));
  const transport = new TransportV2(new URL(url), options);
  onTestFinished(() => client.close());
  await withTimeout(client.connect(transport), { what: 'the v2 client to connect' });
  const call = async (name: string, args: Record<string, unknown>) =>
    textOf(await client.callTool({ name, arguments: args }));
  const request = (method: string) => client.request({ method }, z.looseObject({}));
  return { sessionId: transport.sessionId ?? '', got, sent, call, request };
}

describe.each([
  ['v1', connectV1],
  ['v2', connectV2],
])('the client of SDK %s', (_, connect) => {
  /** A client behind a line that can be cut, its GET stream open. */
  async function connected(): Promise<{ driven: Driven; proxy: CuttingProxy; client: ResumingClient }> {
    const driven = await serveDriven({ eventStore: createMemoryEventStore(), retryInterval: 1 });
    const proxy = await cuttingProxy(driven.url);
    const client = await connect(proxy.url);
    await openStreams(driven, client.sessionId, 1);
    return { driven, proxy, client };
  }

  test('gets every event of a call once and in order, however often the line breaks', async () => {
    const { driven, proxy, client } = await connected();
    const calling = client.call('drive', { key: 'a' });
    const call = await driven.inside('a');
    for (let n = 0; n < 9; n++) {
      await call.notify(n);
      if (n % 3 !== 0) continue;
      // What it has nothing of, it cannot resume.
      await until(() => client.got.includes(n), { what: `notification ${n}` });
      expect(proxy.cut()).toBeGreaterThan(0);
      await call.notify(100 + n); // while nobody listens, perhaps
    }
    call.answer();
    expect(await withTimeout(calling, { what: 'the answer' })).toBe('a');
    expect(client.got).toEqual([0, 100, 1, 2, 3, 103, 4, 5, 6, 106, 7, 8]);
    expect(client.sent.filter(({ lastEventId }) => lastEventId !== null).length).toBeGreaterThanOrEqual(3);
  });

  test('gets what was sent on its GET stream while the line was cut', async () => {
    const { driven, proxy, client } = await connected();
    const calling = client.call('drive', { key: 'a' });
    const call = await driven.inside('a');
    await call.notify(-1);
    for (let n = 0; n < 6; n++) {
      await call.notifyStandalone(n);
      if (n % 2 !== 0) continue;
      await until(() => client.got.includes(n) && client.got.includes(-1), { what: `notification ${n}` });
      proxy.cut();
    }
    await until(() => client.got.length === 7, { what: 'all notifications' });
    expect(client.got.filter((n) => n !== -1)).toEqual([0, 1, 2, 3, 4, 5]);
    call.answer();
    expect(await withTimeout(calling, { what: 'the answer' })).toBe('a');
  });

  test('polls for the answer of a call that sends it away again and again', async () => {
    const { driven, client } = await connected();
    const calling = client.call('drive', { key: 'a' });
    const call = await driven.inside('a');
    const resumptions = () => client.sent.filter(({ lastEventId }) => lastEventId !== null).length;
    for (let n = 0; n < 4; n++) {
      await call.notify(n);
      await openStreams(driven, client.sessionId, 2);
      call.closeStream?.();
      await until(() => resumptions() === n + 1, { what: `resumption ${n + 1}` });
    }
    call.answer();
    expect(await withTimeout(calling, { what: 'the answer' })).toBe('a');
    expect(client.got).toEqual([0, 1, 2, 3]);
    expect(client.sent.filter(({ status }) => status >= 400)).toEqual([]);
  });

  test('stops asking when it has all, an error too; the session idles when its GET stream is closed', async () => {
    const { driven, client } = await connected();
    const gets = () => client.sent.filter(({ method }) => method === 'GET');
    await expect(client.request('no/such')).rejects.toMatchObject({ code: -32601 });
    // Some take an error for no answer, and ask for more. They would have done so by the end of these calls.
    for (let n = 0; n < 30; n++) expect(await client.call('echo', { text: 'x' })).toBe('x');
    await openStreams(driven, client.sessionId, 1);
    expect(
      gets()
        .slice(1)
        .map(({ status }) => status),
    ).toEqual(gets().length > 1 ? [204] : []);
    expect(client.sent.filter(({ status }) => status >= 400)).toEqual([]);
  });
});

test('a client that is closed in mid-call leaves a session that ends', async () => {
  const driven = await serveDriven({ eventStore: createMemoryEventStore() });
  const { client, sessionId, call } = await connectClient(driven.url, { autoClose: false });
  const calling = call('drive', { key: 'a' }).catch((error: unknown) => error);
  const inside = await driven.inside('a');
  await client.close();
  expect(await calling).toBeInstanceOf(Error);
  await openStreams(driven, sessionId, 0);
  expect(driven.supervisor.session(sessionId)).toMatchObject({ state: 'active', inFlight: 1 });
  inside.answer();
  await becomesIdle(driven, sessionId);
});
