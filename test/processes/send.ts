/** One request to a server that may die before, while and after it answers; and what its client has seen of the answer. */
import { Agent, type IncomingMessage, request } from 'node:http';
import { type SseEvent, SseParser, type WireMessage } from '../support/sse.ts';

/** No answer takes longer, in ms: who waits for so long has been forgotten. */
const WITHIN = 20_000;

const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });

export interface Sending {
  readonly method: 'POST' | 'GET' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Told of each event as it comes. */
  readonly onEvent?: (event: SseEvent) => void;
  /** Cuts the line. With it the answer may take as long as it likes. */
  readonly signal?: AbortSignal;
}

/** What came of it, when nothing more will. */
export interface Sent {
  /** Nobody listened: it has not reached anybody. */
  readonly refused: boolean;
  /** Undefined where the line broke before the answer began. */
  readonly status: number | undefined;
  readonly sessionId: string | undefined;
  readonly events: readonly SseEvent[];
  /** The JSON-RPC messages of the answer, whatever its form. */
  readonly messages: readonly WireMessage[];
  /** It ended as answers end; otherwise the line broke. */
  readonly complete: boolean;
}

/** Sends it, and reads the answer for as long as there is one. Rejects when that takes too long. */
export async function send(url: string, { method, headers = {}, body, onEvent, signal }: Sending): Promise<Sent> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const accept = method === 'GET' ? 'text/event-stream' : 'application/json, text/event-stream';
  const type = text === undefined ? {} : { 'content-type': 'application/json' };
  const late = AbortSignal.timeout(WITHIN);
  const events: SseEvent[] = [];
  let raw = '';
  let response: IncomingMessage | undefined;
  let refused = false;
  await new Promise<void>((resolve, reject) => {
    const outgoing = request(url, { method, agent, headers: { accept, ...type, ...headers }, signal: signal ?? late });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      refused = error.code === 'ECONNREFUSED';
      if (late.aborted && signal === undefined) reject(new Error(`${method} was not answered within ${WITHIN} ms`));
      else resolve();
    });
    outgoing.on('response', (incoming) => {
      response = incoming;
      const parser = new SseParser();
      const streams = incoming.headers['content-type']?.startsWith('text/event-stream') === true;
      incoming.setEncoding('utf8');
      incoming.on('error', () => {}); // told by its end
      incoming.on('data', (chunk: string) => {
        if (!streams) {
          raw += chunk;
          return;
        }
        for (const event of parser.push(chunk).events) {
          events.push(event);
          onEvent?.(event);
        }
      });
      incoming.on('close', () => {
        if (late.aborted && signal === undefined) reject(new Error(`The answer to ${method} did not end`));
        else resolve();
      });
    });
    outgoing.end(text);
  });
  const complete = response?.complete === true;
  const json = complete && raw !== '' ? [JSON.parse(raw) as WireMessage] : [];
  const told = events.flatMap(({ data }) => (data === '' ? [] : [JSON.parse(data) as WireMessage]));
  return {
    refused,
    status: response?.statusCode,
    sessionId: response?.headers['mcp-session-id'] as string | undefined,
    events,
    messages: [...json, ...told],
    complete,
  };
}
