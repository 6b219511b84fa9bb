/** A client on plain HTTP that asks one thing at a time, and notes what became of it. It retries nothing. */
import type { Answer, Operation, Outcome } from '../cluster/history/history.ts';
import { SseParser, type WireMessage } from '../support/sse.ts';
import { callBody, initializeBody, sessionHeaders } from '../support/wire.ts';

/** When it gives up, in ms: long after an answer had to come. */
const PATIENCE = 45_000;

export interface Target {
  readonly name: string;
  readonly url: string;
}

interface Reply {
  readonly status: number;
  readonly session: string | null;
  readonly message: WireMessage | undefined;
  /** The event that a stream ended after, where it ended without a message for us. */
  readonly lastEvent: string | undefined;
  readonly text: string;
}

type Asked = Pick<Operation, 'kind' | 'mark' | 'session'>;

const HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

let calls = 0;

export async function open(target: Target, mark: string): Promise<Operation> {
  const operation = await record({ kind: 'open', mark, session: undefined }, target, async () => {
    const body = JSON.stringify(initializeBody());
    const reply = await send(target.url, { method: 'POST', headers: HEADERS, body }, 0);
    if (reply.status !== 200) return refused(reply);
    const { session } = reply;
    if (session === null || reply.message?.result === undefined) return { outcome: 'maybe', detail: reply.text };
    return { outcome: 'ok', session };
  });
  if (operation.session === undefined) return operation;
  const headers = { ...HEADERS, ...sessionHeaders(operation.session) };
  const body = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' });
  await send(target.url, { method: 'POST', headers, body }, undefined).catch(() => {}); // nothing depends on it
  return operation;
}

/** Calls a tool; where its stream breaks, it asks once for the rest, at `next`. */
export function call(
  target: Target,
  next: Target,
  asked: Asked & { session: string },
  tool: string,
  more: object = {},
) {
  return record(asked, target, async () => {
    const id = `call-${++calls}`;
    const headers = { ...HEADERS, ...sessionHeaders(asked.session) };
    const body = JSON.stringify(callBody(tool, { mark: asked.mark, ...more }, id));
    const reply = await send(target.url, { method: 'POST', headers, body }, id);
    if (reply.status !== 200) return refused(reply);
    if (reply.message !== undefined) return answered(reply.message);
    if (reply.lastEvent === undefined) return { outcome: 'maybe', detail: 'the stream ended' };
    const resumed = { accept: 'text/event-stream', 'last-event-id': reply.lastEvent };
    const again = { method: 'GET', headers: { ...sessionHeaders(asked.session), ...resumed } };
    const rest = await send(next.url, again, id).catch((error: Error) => error);
    if (rest instanceof Error || rest.message === undefined) {
      return {
        outcome: 'maybe',
        detail: `not resumed: ${rest instanceof Error ? rest.message : rest.status}`,
        resumedVia: next.name,
      };
    }
    return { ...answered(rest.message), resumedVia: next.name };
  });
}

export function end(target: Target, asked: Asked & { session: string }): Promise<Operation> {
  return record(asked, target, async () => {
    const reply = await send(target.url, { method: 'DELETE', headers: sessionHeaders(asked.session) }, undefined);
    return reply.status === 200 ? { outcome: 'ok' } : refused(reply);
  });
}

type Noted = Pick<Operation, 'outcome' | 'answer' | 'detail' | 'resumedVia'> & { readonly session?: string };

async function record(asked: Asked, { name }: Target, ask: () => Promise<Noted>): Promise<Operation> {
  const begin = performance.now();
  const noted = await ask().catch((error: unknown) => ({ outcome: outcomeOf(error), detail: describe(error) }));
  return { ...asked, ...noted, via: name, begin, end: performance.now() };
}

function answered({ result, error }: WireMessage): Noted {
  const text = result?.content?.[0]?.text;
  if (error !== undefined || result?.isError === true) return { outcome: 'maybe', detail: error?.message ?? text };
  return { outcome: 'ok', answer: JSON.parse(text) as Answer };
}

function refused({ status, text }: Reply): Noted {
  return { outcome: status === 404 ? 'gone' : 'maybe', detail: `${status} ${text}` };
}

function outcomeOf(error: unknown): Outcome {
  const { name, cause } = error as { readonly name: string; readonly cause?: { readonly code?: string } };
  if (name === 'TimeoutError') return 'timeout';
  return cause?.code === 'ECONNREFUSED' ? 'failed' : 'maybe';
}

function describe(error: unknown): string {
  const { message, cause } = error as Error & { cause?: Error };
  return cause === undefined ? message : `${message}: ${cause.message}`;
}

/** Sends a request, and reads its answer up to the message with this id, or to its end. */
async function send(url: string, init: RequestInit, id: string | number | undefined): Promise<Reply> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE) });
  const { status, headers } = response;
  const session = headers.get('mcp-session-id');
  if (headers.get('content-type')?.startsWith('text/event-stream') !== true) {
    const text = await response.text();
    const message = status === 200 && text !== '' ? (JSON.parse(text) as WireMessage) : undefined;
    return { status, session, message, lastEvent: undefined, text };
  }
  const parser = new SseParser();
  const decoder = new TextDecoder();
  let lastEvent: string | undefined;
  try {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      for (const { id: event, data } of parser.push(decoder.decode(chunk, { stream: true })).events) {
        lastEvent = event ?? lastEvent;
        const message = data === '' ? undefined : (JSON.parse(data) as WireMessage);
        if (message !== undefined && message.id === id && message.method === undefined)
          return { status, session, message, lastEvent, text: '' };
      }
    }
  } catch (error) {
    if ((error as Error).name === 'TimeoutError') throw error; // else it broke, as it may
  }
  return { status, session, message: undefined, lastEvent, text: '' };
}
