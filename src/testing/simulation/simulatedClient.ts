/** A client in a simulation: what it knows of its sessions, and the requests that it can make of that. */
import {
  type ClientRequest,
  type ClientStream,
  type ExchangeInit,
  newStream,
  type SimulatedExchange,
} from './simulatedExchange.ts';
import type { WireMessage } from './simulatedServer.ts';

/** A session as its client knows it. */
export interface ClientSession {
  readonly id: string;
  readonly version: string;
  nextRequest: number;
  readonly requests: ClientRequest[];
  /** Ids of requests of the server that the client has not answered. */
  readonly asked: (string | number)[];
}

/** An initialize that the client has sent. */
export interface Attempt {
  readonly version: string;
  /** What of its server takes its time, as bits of `HOLD`. */
  readonly holds: number;
  exchange: SimulatedExchange | undefined;
}

/** What a client needs of the simulation. */
interface ClientWorld {
  readonly supervisor: { session(id: string): { state: string; principal: string | undefined } | undefined };
  readonly draining: boolean;
  exchange(init: ExchangeInit): SimulatedExchange;
  token(): string;
}

/** The last one is the only one that may send batches. */
export const VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26'] as const;

/** Not JSON, not a message, and an initialize where there is a session already. */
const NONSENSE = [
  '{',
  '{"jsonrpc":"2.0","method":1}',
  '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"1"}}}',
];

const ACCEPT = { Accept: 'application/json, text/event-stream' };
const POST = { ...ACCEPT, 'Content-Type': 'application/json' };

export class SimulatedClient {
  readonly index: number;
  readonly principal: string | undefined;
  readonly attempts: Attempt[] = [];
  /** Those whose id it has learned, the latest one last. */
  readonly sessions: ClientSession[] = [];
  /** What it could resume, the latest one last. */
  streams: ClientStream[] = [];
  /** The id of its next request without a session. */
  nextModern = 1;
  readonly #world: ClientWorld;

  constructor(index: number, principal: string | undefined, world: ClientWorld) {
    this.index = index;
    this.principal = principal;
    this.#world = world;
  }

  /** Sends an initialize; `ballast` is what its client says of itself that no server needs, too much of it. */
  open(version: (typeof VERSIONS)[number], holds: number, ballast?: unknown): SimulatedExchange {
    const attempt: Attempt = { version, holds, exchange: undefined };
    const name = `${this.index}.${this.attempts.push(attempt) - 1}`;
    const capabilities = ballast === undefined ? {} : { experimental: { ballast } };
    const params = { protocolVersion: version, capabilities, clientInfo: { name, version: '1.0.0' } };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
    const requests = [{ id: 0, token: '', cancelled: false, refused: false, repeated: false, responses: [] }];
    attempt.exchange = this.#world.exchange({
      kind: 'initialize',
      client: this.index,
      sessionId: undefined,
      headers: this.#headers(undefined, POST),
      body,
      stream: newStream(undefined, requests),
      holds,
      oversized: ballast !== undefined,
    });
    return attempt.exchange;
  }

  /** Sends calls in one POST, with a notification where it is a batch. */
  call(session: ClientSession, hows: readonly number[], holds: number, repeatsId: boolean): SimulatedExchange {
    const last = session.requests.at(-1);
    if (last !== undefined && repeatsId) last.repeated = true;
    const requests = hows.map((): ClientRequest => {
      const id = repeatsId && last !== undefined ? last.id : session.nextRequest++;
      return { id, token: this.#world.token(), cancelled: false, refused: false, repeated: repeatsId, responses: [] };
    });
    session.requests.push(...requests);
    const messages: object[] = requests.map(({ id, token }, index) => {
      return {
        jsonrpc: '2.0',
        id,
        method: 'tools/call',
        params: { name: 'work', token, how: hows[index], requestId: id },
      };
    });
    if (messages.length > 1) messages.push({ jsonrpc: '2.0', method: 'notifications/progress' });
    return this.#post(session, messages.length > 1 ? messages : messages[0], requests, holds);
  }

  notify(session: ClientSession, holds: number): SimulatedExchange {
    return this.#post(session, { jsonrpc: '2.0', method: 'notifications/initialized' }, [], holds);
  }

  /** Sends more in one request than a server takes. */
  overload(session: ClientSession, bytes: number, holds: number): SimulatedExchange {
    const body = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/x', params: { padding: 'x'.repeat(bytes) } });
    return this.#exchange('post', session, POST, body, newStream(session.id, []), holds, { oversized: true });
  }

  /** Sends what no server accepts. */
  babble(session: ClientSession, which: number, holds: number): SimulatedExchange {
    const body = NONSENSE[which % NONSENSE.length];
    return this.#exchange('post', session, POST, body, newStream(session.id, []), holds, { nonsense: true });
  }

  /** Cancels the latest call that has the id of this one and was not refused: which one that is, depends on what arrives. */
  cancel(session: ClientSession, { id }: ClientRequest): SimulatedExchange {
    const requests = session.requests.filter((other) => other.id === id && !other.refused);
    for (const request of requests) request.cancelled = true;
    const params = { requestId: id, tokens: requests.map(({ token }) => token) };
    return this.#post(session, { jsonrpc: '2.0', method: 'notifications/cancelled', params }, [], 0);
  }

  reply(session: ClientSession, id: string | number): SimulatedExchange {
    session.asked.splice(session.asked.indexOf(id), 1);
    return this.#post(session, { jsonrpc: '2.0', id, result: {} }, [], 0);
  }

  listen(session: ClientSession, holds: number): SimulatedExchange {
    const stream = newStream(session.id, []);
    this.#keep(stream);
    return this.#exchange('listen', session, ACCEPT, undefined, stream, holds);
  }

  resume(session: ClientSession, stream: ClientStream, holds: number): SimulatedExchange {
    const headers = { ...ACCEPT, 'Last-Event-ID': stream.lastEventId ?? '' };
    return this.#exchange('resume', session, headers, undefined, stream, holds);
  }

  remove(session: ClientSession): SimulatedExchange {
    return this.#exchange('delete', session, ACCEPT, undefined, newStream(session.id, []), 0);
  }

  /** What it asks for is there and its own, and the supervisor takes such requests. */
  finds({ kind, sessionId }: SimulatedExchange): boolean {
    const { draining, supervisor } = this.#world;
    if (sessionId === undefined) return !draining;
    const session = supervisor.session(sessionId);
    if (session === undefined || session.state === 'initializing' || session.principal !== this.principal) return false;
    return !draining || (kind !== 'listen' && kind !== 'resume');
  }

  /** The initialize was answered. */
  initialized(exchange: SimulatedExchange): void {
    const id = exchange.headers.get('mcp-session-id');
    const attempt = this.attempts.find((other) => other.exchange === exchange);
    if (id === null || attempt === undefined) return;
    exchange.stream.sessionId = id;
    this.#keep(exchange.stream);
    this.sessions.push({ id, version: attempt.version, nextRequest: 1, requests: [], asked: [] });
  }

  /** A message came that is no response. */
  received(exchange: SimulatedExchange, { id, method }: WireMessage): void {
    if (method === undefined || id === undefined) return;
    this.sessions.find((session) => session.id === exchange.sessionId)?.asked.push(id);
  }

  /** The headers of a POST of its own. */
  postHeaders(sessionId: string | undefined): Record<string, string> {
    return this.#headers(sessionId, POST);
  }

  /** Remembers a stream, and forgets those that nothing can come of any more. */
  #keep(stream: ClientStream): void {
    this.streams = this.streams.filter(({ sessionId }, index) => {
      return index > this.streams.length - 4 || this.#world.supervisor.session(sessionId ?? '') !== undefined;
    });
    this.streams.push(stream);
  }

  #post(session: ClientSession, body: unknown, requests: readonly ClientRequest[], holds: number): SimulatedExchange {
    const stream = newStream(session.id, requests);
    if (requests.length > 0) this.#keep(stream);
    return this.#exchange('post', session, POST, JSON.stringify(body), stream, holds);
  }

  #exchange(
    kind: ExchangeInit['kind'],
    { id, version }: ClientSession,
    accept: Record<string, string>,
    body: string | undefined,
    stream: ClientStream,
    holds: number,
    more: Pick<ExchangeInit, 'nonsense' | 'oversized'> = {},
  ): SimulatedExchange {
    const headers = { ...this.#headers(id, accept), 'MCP-Protocol-Version': version };
    const init = { kind, client: this.index, sessionId: id, headers, body, stream, holds, ...more };
    return this.#world.exchange(init);
  }

  #headers(sessionId: string | undefined, accept: Record<string, string>): Record<string, string> {
    return {
      ...accept,
      ...(this.principal !== undefined && { 'X-Principal': this.principal }),
      ...(sessionId !== undefined && { 'Mcp-Session-Id': sessionId }),
    };
  }
}
