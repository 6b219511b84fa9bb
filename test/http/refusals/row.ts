/** One row of the table of refusals: what is sent, and what a client gets for it. */
import type { ReadableStream } from 'node:stream/web';
import type { Served, ServeOptions } from '../../support/serve.ts';
import type { SimulatedClock } from '../../support/simulatedClock.ts';
import type { Headers } from '../../support/wire.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface Sender extends Served {
  readonly clock: SimulatedClock;
  /** The headers of the session, where there is one. */
  readonly session: Headers;
}

export interface Row {
  readonly status: number;
  readonly code: number;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The JSON-RPC id of the answer. Default null. */
  readonly id?: string | number;
  readonly options?: ServeOptions;
  /** Within a session, which is there before and after. Else as a first request. */
  readonly within?: boolean;
  send(to: Sender): Promise<Answer>;
}

export const RETRY = { 'retry-after': '5' };
export const never = () => new Promise<never>(() => {});
export const PING = { jsonrpc: '2.0', id: 'p', method: 'ping' };

export async function fetched(
  { supervisor, url }: Sender,
  headers: Headers,
  body: string | ReadableStream,
): Promise<Answer> {
  const all = { 'content-type': 'application/json', accept: '*/*', ...headers } as Record<string, string>;
  const request = new Request(url, { method: 'POST', headers: all, body, duplex: 'half' });
  const response = await supervisor.fetch(request);
  return { status: response.status, headers: Object.fromEntries(response.headers), text: await response.text() };
}
