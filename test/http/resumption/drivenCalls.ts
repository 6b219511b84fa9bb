/** Calls that a test drives from within: what their handlers send, when they close their stream, when they answer. */
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { type Served, type ServeOptions, serve } from '../../support/serve.ts';
import { buildTestServer } from '../../support/testServer.ts';
import { until } from '../../support/until.ts';
import { callBody, type EventStream, type Headers, openStream, type SseEvent } from '../../support/wire.ts';

/** The inside of a call. */
export interface DrivenCall {
  /** Sends a notification on the stream of the call. */
  notify(n: number): Promise<void>;
  /** Sends a notification on the GET stream. */
  notifyStandalone(n: number): Promise<void>;
  /** Ends the call's connection, for the client to come back; undefined where the handler is not given that. */
  readonly closeStream: (() => void) | undefined;
  readonly closeStandaloneStream: (() => void) | undefined;
  /** Answers the call. */
  answer(): void;
}

export interface Driven extends Served {
  /** The inside of a call of the tool `drive`, once its handler runs. */
  inside(key: string): Promise<DrivenCall>;
}

const progress = (n: number) => ({ method: 'notifications/message', params: { level: 'info', data: n } }) as const;

/** Serves the test server with one tool more: `drive`. */
export async function serveDriven(options: ServeOptions = {}): Promise<Driven> {
  const calls = new Map<string, DrivenCall>();
  const register = (server: McpServer) => {
    server.registerTool('drive', { inputSchema: { key: z.string() } }, ({ key }, extra) => {
      const { sendNotification, closeSSEStream, closeStandaloneSSEStream } = extra;
      return new Promise((resolve) => {
        calls.set(key, {
          notify: (n) => sendNotification(progress(n)),
          notifyStandalone: (n) => server.server.notification(progress(n)),
          closeStream: closeSSEStream,
          closeStandaloneStream: closeStandaloneSSEStream,
          answer: () => resolve({ content: [{ type: 'text', text: key }] }),
        });
      });
    });
    return server;
  };
  const served = await serve({ server: (session) => register(buildTestServer(session)), ...options });
  // So that the drain at the end has nothing to wait for.
  onTestFinished(() => {
    for (const { answer } of calls.values()) answer();
  });
  const inside = async (key: string) => await until(() => calls.get(key), { what: `the call ${key} to be handled` });
  return { ...served, inside };
}

export const driveBody = (key: string, id: string | number = 1) => callBody('drive', { key }, id);

/** Calls `drive`, and waits for its priming event. */
export async function drive(
  driven: Driven,
  headers: Headers,
  key = 'a',
  id: string | number = 1,
): Promise<{ stream: EventStream; primed: string; call: DrivenCall }> {
  const stream = await openStream(driven.url, { headers, body: driveBody(key, id) });
  const { id: primed = '' } = await stream.next({ what: 'the priming event' });
  return { stream, primed, call: await driven.inside(key) };
}

/** Opens the session's GET stream, and waits for its priming event. */
export async function listen(driven: Driven, headers: Headers): Promise<{ stream: EventStream; primed: string }> {
  const stream = await openStream(driven.url, { headers });
  const { id: primed = '' } = await stream.next({ what: 'the priming event' });
  return { stream, primed };
}

export function resume(driven: Driven, headers: Headers, lastEventId: string): Promise<EventStream> {
  return openStream(driven.url, { headers: { ...headers, 'last-event-id': lastEventId } });
}

/** What an event says: the number of a notification, `primed`, or `answered <id>`. */
export function said({ data }: SseEvent): number | string {
  if (data === '') return 'primed';
  const message = JSON.parse(data);
  return 'method' in message ? message.params.data : `answered ${message.id}`;
}

/** The next so many events, in short. */
export async function take(stream: EventStream, count: number): Promise<(number | string)[]> {
  const taken: (number | string)[] = [];
  while (taken.length < count) taken.push(said(await stream.next({ what: `event ${taken.length + 1} of ${count}` })));
  return taken;
}

/** All events until the stream ends, in short. */
export async function takeAll(stream: EventStream): Promise<(number | string)[]> {
  await until(() => stream.ended, { what: 'the stream to end' });
  return stream.waiting.map(said);
}

/** Waits until the server has noticed that so many streams are open. */
export async function openStreams({ supervisor }: Served, sessionId: string, count: number): Promise<void> {
  await until(() => supervisor.session(sessionId)?.openStreams === count, { what: `${count} streams to be open` });
}
