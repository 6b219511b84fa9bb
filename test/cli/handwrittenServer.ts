/** An MCP server on node:http by hand, right by default, and wrong or odd in the ways that a test asks for. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll } from 'vitest';
import { listen } from '../support/listen.ts';

export interface Oddities {
  /** Answer calls with JSON instead of a stream. */
  readonly json?: boolean;
  /** Without ids. */
  readonly stateless?: boolean;
  /** What each id begins with. */
  readonly idPrefix?: string;
  /** GET and DELETE answer so. */
  readonly getStatus?: number;
  readonly deleteStatus?: number;
  /** What a notification, an unknown id, and a missing id are answered with. */
  readonly notificationStatus?: number;
  readonly unknownStatus?: number;
  readonly missingStatus?: number;
  /** `naive`: from the last request on, whatever is in flight. `never`: sessions stay. `short`: five times too early. */
  readonly idle?: 'naive' | 'never' | 'short';
  /** DELETE is answered, and nothing happens. `late`: it happens a little later. */
  readonly deletes?: 'ignored' | 'late';
  /** Each response is sent twice. */
  readonly answersTwice?: boolean;
  /** What becomes of calls whose session ends: they hang, or are cut without an answer. */
  readonly callsAtEnd?: 'hang' | 'cut';
  /** GET streams end after the idle timeout, whatever else is in flight. */
  readonly cutsStreams?: boolean;
  /** GET streams hold their session. Default true. */
  readonly streamsHold?: boolean;
  /** Streams of calls are closed at once, to be resumed with the id of their first event. */
  readonly polling?: boolean;
  /** Every seventh request is refused with this status and `Retry-After: 0`. */
  readonly busyStatus?: number;
  /** How long every request waits before the server looks at it, in ms. */
  readonly latency?: number;
  /** The server looks at a request when the one before has been answered. */
  readonly oneAtATime?: boolean;
  /** How long a ping takes more than anything else, in ms. */
  readonly pingLatency?: number;
  /** What has to be sent as `Authorization`. */
  readonly authorization?: string;
  /** The tools. Default: `sleep`, by `ms`. */
  readonly tools?: readonly object[];
}

interface Session {
  readonly id: string;
  /** Everything that is open, calls with what answers them. */
  readonly open: Map<ServerResponse, (() => void) | undefined>;
  /** Calls that wait to be resumed, by event id. */
  readonly pending: Map<string, { response?: ServerResponse; answer?: string }>;
  timer?: NodeJS.Timeout | undefined;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly arguments?: Readonly<Record<string, number>> };
}

export const SLEEP = {
  name: 'sleep',
  inputSchema: { type: 'object', properties: { ms: { type: 'number' } }, required: ['ms'] },
};

const SSE = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' };

const closings: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(closings.map((close) => close())));

/** Serves until the test file ends. `idleTimeout` in ms. Resolves to the URL. */
export async function serveByHand(idleTimeout: number, odd: Oddities = {}): Promise<string> {
  const server = new HandwrittenServer(idleTimeout, odd);
  const httpServer = createServer((req, res) => void server.handle(req, res));
  const { url, close } = await listen(httpServer);
  closings.push(async () => {
    server.end();
    await close();
  });
  return url;
}

class HandwrittenServer {
  readonly #idleTimeout: number;
  readonly #odd: Oddities;
  readonly #sessions = new Map<string, Session>();
  #requests = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(idleTimeout: number, odd: Oddities) {
    this.#idleTimeout = odd.idle === 'short' ? idleTimeout / 5 : idleTimeout;
    this.#odd = odd;
  }

  end(): void {
    for (const session of this.#sessions.values()) clearTimeout(session.timer);
  }

  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of req.setEncoding('utf8')) body += chunk;
    if (this.#odd.latency !== undefined) await sleep(this.#odd.latency);
    if (this.#odd.oneAtATime) {
      const before = this.#last;
      this.#last = once(res, 'close');
      await before;
    }
    const { authorization, busyStatus, missingStatus = 400, unknownStatus = 404, stateless } = this.#odd;
    if (authorization !== undefined && req.headers.authorization !== authorization) return refuse(res, 401);
    if (busyStatus !== undefined && ++this.#requests % 7 === 0) return refuse(res, busyStatus, { 'Retry-After': '0' });
    const message = req.method === 'POST' ? (JSON.parse(body) as Message) : {};
    if (message.method === 'initialize') return this.#initialize(message, res);
    const id = req.headers['mcp-session-id'];
    if (stateless || id === undefined) return refuse(res, missingStatus);
    const session = this.#sessions.get(String(id));
    if (req.method === 'GET' && this.#odd.getStatus !== undefined) return refuse(res, this.#odd.getStatus);
    if (req.method === 'DELETE' && this.#odd.deleteStatus !== undefined) return refuse(res, this.#odd.deleteStatus);
    if (session === undefined) return refuse(res, unknownStatus);
    this.#touch(session);
    if (message.method === 'ping') await sleep(this.#odd.pingLatency ?? 0);
    if (req.method === 'DELETE') return this.#delete(session, res);
    if (req.method === 'GET') return this.#listen(session, req, res);
    return this.#answer(session, message, res);
  }

  #initialize({ id }: Message, res: ServerResponse): void {
    const session: Session = { id: `${this.#odd.idPrefix ?? ''}${randomUUID()}`, open: new Map(), pending: new Map() };
    if (!this.#odd.stateless) {
      this.#sessions.set(session.id, session);
      res.setHeader('Mcp-Session-Id', session.id);
      this.#touch(session);
    }
    const capabilities = { tools: {} };
    const serverInfo = { name: 'by hand', version: '1.0.0' };
    respond(res, id, { protocolVersion: '2025-11-25', capabilities, serverInfo });
  }

  /** The session is used: its idle time begins anew, or, with something in flight, when that has ended. */
  #touch(session: Session): void {
    clearTimeout(session.timer);
    if (this.#odd.idle === 'never') return;
    const isHeld = [...session.open.values()].some((call) => call !== undefined || this.#odd.streamsHold !== false);
    if (this.#odd.idle === 'naive' || (!isHeld && session.pending.size === 0)) {
      session.timer = setTimeout(() => this.#endSession(session), this.#idleTimeout);
    }
  }

  #hold(session: Session, res: ServerResponse, answer?: () => void): void {
    session.open.set(res, answer);
    this.#touch(session);
    res.once('close', () => {
      session.open.delete(res);
      if (this.#sessions.has(session.id)) this.#touch(session);
    });
  }

  #endSession(session: Session): void {
    this.#sessions.delete(session.id);
    clearTimeout(session.timer);
    for (const [res, answer] of session.open) {
      if (answer === undefined || this.#odd.callsAtEnd === 'cut' || this.#odd.idle === 'naive') res.end();
      else if (this.#odd.callsAtEnd !== 'hang') answer();
    }
  }

  #delete(session: Session, res: ServerResponse): void {
    if (this.#odd.deletes === 'late') setTimeout(() => this.#endSession(session), 150);
    else if (this.#odd.deletes !== 'ignored') this.#endSession(session);
    res.writeHead(200).end();
  }

  #listen(session: Session, req: IncomingMessage, res: ServerResponse): void {
    const resumed = session.pending.get(String(req.headers['last-event-id']));
    res.writeHead(200, SSE).flushHeaders();
    if (resumed !== undefined) {
      if (resumed.answer === undefined) resumed.response = res;
      else res.end(resumed.answer);
      return;
    }
    this.#hold(session, res);
    if (this.#odd.cutsStreams) setTimeout(() => res.end(), this.#idleTimeout).unref();
  }

  #answer(session: Session, { id, method, params }: Message, res: ServerResponse): void {
    if (id === undefined) return void res.writeHead(this.#odd.notificationStatus ?? 202).end();
    if (method === 'ping') return respond(res, id, {});
    if (method === 'tools/list') return respond(res, id, { tools: this.#odd.tools ?? [SLEEP] });
    if (method !== 'tools/call') return refuse(res, 400);
    // What isn't told in ms is told in seconds, and a timeout is no duration.
    const { ms, timeout: _, ...seconds } = params?.arguments ?? {};
    this.#call(session, id, ms ?? (Object.values(seconds)[0] ?? 0) * 1_000, res);
  }

  #call(session: Session, id: number, ms: number, res: ServerResponse): void {
    const { json, answersTwice, polling, callsAtEnd } = this.#odd;
    const result = { jsonrpc: '2.0', id, result: { content: [] } };
    const gone = { jsonrpc: '2.0', id, error: { code: -32000, message: 'The session has ended' } };
    if (!json) res.writeHead(200, SSE).flushHeaders();
    if (polling) return this.#poll(session, event(result), ms, res);
    const finish = (message: object) => {
      if (res.writableEnded) return;
      if (json) return void res.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(message));
      if (answersTwice) res.write(event(message));
      res.end(event(message));
    };
    const timer = setTimeout(() => {
      if (callsAtEnd !== 'hang' || this.#sessions.has(session.id)) finish(result);
    }, ms).unref();
    this.#hold(session, res, () => {
      clearTimeout(timer);
      finish(gone);
    });
  }

  #poll(session: Session, answer: string, ms: number, res: ServerResponse): void {
    const eventId = randomUUID();
    const call: { response?: ServerResponse; answer?: string } = {};
    session.pending.set(eventId, call);
    this.#touch(session);
    res.end(`id: ${eventId}\nretry: 50\ndata: \n\n`);
    setTimeout(() => {
      call.answer = answer;
      call.response?.end(answer);
      session.pending.delete(eventId);
      if (call.response === undefined) session.pending.set(eventId, call);
      if (this.#sessions.has(session.id)) this.#touch(session);
    }, ms).unref();
  }
}

function event(message: object): string {
  return `event: message\ndata: ${JSON.stringify(message)}\n\n`;
}

function respond(res: ServerResponse, id: number | undefined, result: object): void {
  const text = JSON.stringify({ jsonrpc: '2.0', id, result });
  res.writeHead(200, { 'Content-Type': 'application/json' }).end(text);
}

function refuse(res: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  const error = { code: -32000, message: 'refused' };
  res.writeHead(status, { ...headers, 'Content-Type': 'application/json' });
  res.end(JSON.stringify({ jsonrpc: '2.0', id: null, error }));
}
