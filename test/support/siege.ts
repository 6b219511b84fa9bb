/**
 * A server under attack: raw connections to attack it with, a well-behaved client beside them, and a look at what an
 * attack has left behind. Time is simulated, so that every timer is seen and none fires by itself.
 */
import { expect, onTestFinished } from 'vitest';
import { REFUSALS } from '../../src/errors.ts';
import { supervisorOf } from '../../src/supervisor/sessionSupervisor.ts';
import { type RawResponse, type RawSocket, rawSocket } from './rawSocket.ts';
import { type Served, type ServeOptions, serve } from './serve.ts';
import { until } from './until.ts';
import { WatchedClock } from './watchedClock.ts';
import { callBody, type Initialized, type InitializeOptions, initialize, post, type WireMessage } from './wire.ts';

/** Header lines in their order, repeated ones too. */
export type HeaderLines = readonly (readonly [name: string, value: string])[];

export interface Attack {
  /** Default `POST`. */
  readonly method?: string;
  /** The request target. Default `/mcp`. */
  readonly target?: string;
  /** Default `HTTP/1.1`. */
  readonly version?: string;
  /** In place of the usual header of the same name; `undefined` leaves that out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** More header lines, as they are. */
  readonly lines?: HeaderLines;
  /** As it is; anything but text and bytes as JSON. Its length is declared unless a header says something of it. */
  readonly body?: unknown;
}

/** One request as bytes. */
export function bytesOf({ method = 'POST', target = '/mcp', version = 'HTTP/1.1', ...attack }: Attack): Buffer {
  const { headers = {}, lines = [], body } = attack;
  const bytes = body === undefined || body instanceof Uint8Array ? body : Buffer.from(textOf(body));
  const fields: Record<string, string | undefined> = {
    host: 'localhost',
    accept: 'application/json, text/event-stream',
    ...(bytes !== undefined && { 'content-type': 'application/json' }),
    ...headers,
  };
  const named = [...Object.entries(fields), ...lines].filter(([, value]) => value !== undefined);
  const framed = named.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name));
  if (bytes !== undefined && !framed) named.push(['content-length', String(bytes.length)]);
  const head = named.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([Buffer.from(`${method} ${target} ${version}\r\n${head}\r\n`, 'latin1'), bytes ?? Buffer.of()]);
}

function textOf(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}

/** A body in chunks, trailers included where given. */
export function chunked(pieces: readonly (string | Uint8Array)[], trailers = ''): Buffer {
  const chunks = pieces.flatMap((piece) => [
    Buffer.from(`${Buffer.byteLength(piece).toString(16)}\r\n`),
    Buffer.from(piece),
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...chunks, Buffer.from(`0\r\n${trailers}\r\n`)]);
}

const MESSAGES: ReadonlySet<string> = new Set(Object.values(REFUSALS).map(({ message }) => message));

/** The answer is a refusal of ours: exactly a JSON-RPC error, with a message of the table and nothing else. */
export function expectRefusal(response: RawResponse, status: number, code: number, id: unknown = null): void {
  const { error, ...rest } = JSON.parse(response.body) as WireMessage;
  expect({ status: response.status, code: error?.code }).toEqual({ status, code });
  expect(rest).toEqual({ jsonrpc: '2.0', id });
  expect(Object.keys(error ?? {})).toEqual(['code', 'message']);
  expect(MESSAGES).toContain(error?.message);
  expect(response.headers['content-type']).toBe('application/json');
  expect(response.headers).not.toHaveProperty('mcp-session-id');
}

/** The answer is node:http's own: no handler ever saw the request. */
export function expectNodes(response: RawResponse, status: number): void {
  expect({ status: response.status, body: response.body }).toEqual({ status, body: '' });
  expect(response.headers['connection']).toBe('close');
}

export class Siege {
  readonly served: Served;
  readonly clock: WatchedClock;
  readonly #sockets: RawSocket[] = [];
  #rightful: string[] = [];
  readonly #prototype = Object.getOwnPropertyNames(Object.prototype).sort();
  #asked = 0;

  constructor(served: Served, clock: WatchedClock) {
    this.served = served;
    this.clock = clock;
  }

  /** A connection of the attacker's. */
  async connect(): Promise<RawSocket> {
    const raw = await rawSocket(this.served.port);
    this.#sockets.push(raw);
    return raw;
  }

  /** Sends a request on a connection of its own and reads what it is answered. */
  async send(attack: Attack | Uint8Array): Promise<RawResponse> {
    const raw = await this.connect();
    raw.write(attack instanceof Uint8Array ? attack : bytesOf(attack));
    return raw.readResponse();
  }

  /** A session that the attacker, or somebody to be attacked, rightfully has. */
  async session(options?: InitializeOptions): Promise<Initialized> {
    const session = await initialize(this.served.url, options);
    this.#rightful.push(session.sessionId);
    return session;
  }

  /** From here on the sessions that there are count as rightful, whoever opened them. */
  admitAll(): void {
    this.#rightful = this.sessionIds;
  }

  /** The sessions that have not ended. */
  get sessionIds(): string[] {
    return [...this.served.supervisor.sessions()].map(({ id }) => id);
  }

  /** Requests whose bodies the server is waiting for. */
  get bodiesAwaited(): number {
    return this.clock.pending.filter(({ delay }) => delay === BODY_TIMEOUT).length;
  }

  /** The client that does nothing wrong is served, whatever goes on beside it. */
  async expectHealthy(): Promise<void> {
    const { url } = this.served;
    this.#healthy ??= await this.session({ clientInfo: { name: 'healthy', version: '1.0.0' } });
    const text = `well ${this.#asked++}`;
    const answer = await post(url, callBody('echo', { text }, this.#asked), this.#healthy.headers);
    expect(answer.status).toBe(200);
    expect(answer.messages()).toMatchObject([{ id: this.#asked, result: { content: [{ text }] } }]);
  }
  #healthy: Initialized | undefined;

  /** Ends the attack: cuts every connection of the attacker's. */
  cut(): void {
    for (const raw of this.#sockets.splice(0)) raw.destroy();
  }

  /**
   * The attack is over, and nothing of it is left: the rightful sessions are idle, no other is there, no exchange is
   * open, no timer runs but those of idle sessions, no connection is open, nobody crashed, and `Object.prototype` is
   * what it was.
   */
  async expectUnharmed(): Promise<void> {
    const { supervisor, httpServer, log } = this.served;
    await this.expectHealthy();
    this.cut();
    const rightful = this.#rightful.sort();
    const exchanges = supervisorOf(supervisor).exchanges;
    const connections = () => new Promise<number>((resolve) => httpServer.getConnections((_, n) => resolve(n)));
    const left = async () => ({
      sessions: [...supervisor.sessions()]
        .map(({ id, state, inFlight, openStreams }) => ({ id, state, inFlight, openStreams }))
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
      exchanges: exchanges.size,
      timers: this.clock.pending.map(({ delay }) => delay),
      connections: await connections(),
    });
    const idle = { state: 'idle', inFlight: 0, openStreams: 0 };
    const nothing = {
      sessions: rightful.map((id) => ({ id, ...idle })),
      exchanges: 0,
      timers: rightful.map(() => IDLE_TIMEOUT),
      connections: 0,
    };
    const isNothing = async () => JSON.stringify(await left()) === JSON.stringify(nothing);
    await until(isNothing, { what: 'the attack to leave nothing', within: 2_000 }).catch(() => {});
    expect(await left()).toEqual(nothing);
    const trouble = log.filter(({ level }) => level === 'error' || level === 'warn');
    expect(trouble.filter(({ event }) => event !== 'request.refused')).toEqual([]);
    expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(this.#prototype);
  }
}

const IDLE_TIMEOUT = 1_800_000;
const BODY_TIMEOUT = 30_000;

/** Serves, with a well-behaved client that has a session already. */
export async function besiege(options: ServeOptions = {}): Promise<Siege> {
  const clock = new WatchedClock();
  const siege = new Siege(
    await serve({ clock, sessionIdleTimeout: IDLE_TIMEOUT, requestBodyTimeout: BODY_TIMEOUT, ...options }),
    clock,
  );
  onTestFinished(() => siege.cut());
  await siege.expectHealthy();
  return siege;
}
