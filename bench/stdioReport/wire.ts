/**
 * A client by hand on node:http. Every wait has a bound, and what takes longer is an outcome, not an error: a gateway that
 * leaves a client waiting is one of the things that are looked for.
 */
import { Agent, type IncomingMessage, request } from 'node:http';

export interface Message {
  readonly jsonrpc?: string;
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: number; readonly message: string };
}

export interface Answer {
  /** Of HTTP; 0 where there was none. */
  readonly status: number;
  /** `whole`: the answer ended, or all that was asked was answered. `hung`: it did not within the bound. */
  readonly end: 'whole' | 'hung' | 'cut';
  readonly sessionId: string | undefined;
  readonly messages: readonly Message[];
  /** The body as it came. */
  readonly text: string;
  readonly ms: number;
}

export interface PostOptions {
  readonly sessionId?: string | undefined;
  /** In ms. */
  readonly within?: number;
  readonly version?: string;
  readonly agent?: Agent;
  /** Called for each message, as it comes. */
  readonly onMessage?: (message: Message) => void;
  /** Aborting it is what a client does that goes away. */
  readonly signal?: AbortSignal;
  /** The answer is not read. */
  readonly stall?: true;
}

const WITHIN = 10_000;
export const VERSION = '2025-11-25';

/** The messages in what came so far: of an event stream, the events that are complete. */
function messagesIn(type: string | undefined, text: string, whole: boolean): Message[] {
  const parse = (json: string): Message[] => {
    try {
      return [JSON.parse(json) as Message | Message[]].flat();
    } catch {
      return [];
    }
  };
  if (type?.startsWith('text/event-stream') !== true) return whole ? parse(text) : [];
  const events = text.split(/\r?\n\r?\n/);
  if (!whole) events.pop();
  return events.flatMap((event) => {
    const data = event
      .split(/\r?\n/)
      .filter((line) => line.startsWith('data:'))
      .map((line) => line.slice(5).trimStart());
    return data.length === 0 ? [] : parse(data.join('\n'));
  });
}

/** Sends a request; the body as it is. Never rejects. */
function exchange(url: string, method: string, body: string | undefined, options: PostOptions): Promise<Answer> {
  const { sessionId, within = WITHIN, version = VERSION, agent, onMessage, signal, stall } = options;
  const headers: Record<string, string | number> = {
    accept: method === 'GET' ? 'text/event-stream' : 'application/json, text/event-stream',
  };
  if (body !== undefined) {
    headers['content-type'] = 'application/json';
    headers['content-length'] = Buffer.byteLength(body);
  }
  if (sessionId !== undefined) {
    headers['mcp-session-id'] = sessionId;
    headers['mcp-protocol-version'] = version;
  }
  const start = performance.now();
  return new Promise((resolve) => {
    let response: IncomingMessage | undefined;
    let text = '';
    let told = 0;
    const settle = (end: Answer['end']) => {
      clearTimeout(timer);
      const id = response?.headers['mcp-session-id'] as string | undefined;
      const messages = messagesIn(response?.headers['content-type'], text, end === 'whole');
      const status = response?.statusCode ?? 0;
      resolve({ status, end, sessionId: id, messages, text, ms: Math.round(performance.now() - start) });
      if (end !== 'whole') outgoing.destroy();
    };
    const outgoing = request(url, { method, headers, agent: agent ?? false, ...(signal && { signal }) });
    const timer = setTimeout(() => settle('hung'), within);
    outgoing.on('error', () => settle('cut'));
    outgoing.on('response', (incoming) => {
      response = incoming;
      incoming.setEncoding('utf8');
      incoming.on('error', () => settle('cut'));
      incoming.on('end', () => settle('whole'));
      if (stall) return void incoming.pause();
      incoming.on('data', (chunk: string) => {
        text += chunk;
        if (onMessage === undefined) return;
        const messages = messagesIn(incoming.headers['content-type'], text, false);
        for (const message of messages.slice(told)) onMessage(message);
        told = messages.length;
      });
    });
    outgoing.end(body);
  });
}

export class Wire {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** POSTs a message, or a text as it is. */
  post(body: string | object, options: PostOptions = {}): Promise<Answer> {
    return exchange(this.url, 'POST', typeof body === 'string' ? body : JSON.stringify(body), options);
  }

  delete(sessionId: string, within = WITHIN): Promise<Answer> {
    return exchange(this.url, 'DELETE', undefined, { sessionId, within });
  }

  /** A GET stream, until it is left. */
  listen(sessionId: string, more: { onMessage?: (message: Message) => void; stall?: true } = {}): Listener {
    const heard: Message[] = [];
    const leaving = new AbortController();
    const onMessage = (message: Message) => {
      heard.push(message);
      more.onMessage?.(message);
    };
    const ended = exchange(this.url, 'GET', undefined, {
      ...{ sessionId, within: 120_000, signal: leaving.signal, onMessage },
      ...(more.stall && { stall: more.stall }),
    });
    return { heard, ended, leave: () => leaving.abort() };
  }
}

export interface Listener {
  readonly heard: readonly Message[];
  readonly ended: Promise<Answer>;
  leave(): void;
}

/** One connection, kept alive: what a client has that opens no descriptor of the gateway's for each request. */
export const oneConnection = (): Agent => new Agent({ keepAlive: true, maxSockets: 1 });

let lastId = 0;

/** An id that no other request has. */
export const newId = (): number => ++lastId;

export interface Called extends Answer {
  /** The answer to the call, if it came. */
  readonly reply: Message | undefined;
  /** The text that the tool answered with. */
  readonly said: string | undefined;
}

/** One session, as a client has it. */
export class ClientSession {
  readonly wire: Wire;
  readonly id: string;
  readonly initialized: Answer;

  constructor(wire: Wire, id: string, initialized: Answer) {
    this.wire = wire;
    this.id = id;
    this.initialized = initialized;
  }

  post(body: string | object, options: PostOptions = {}): Promise<Answer> {
    return this.wire.post(body, { sessionId: this.id, ...options });
  }

  /** Calls a tool. `id` and `meta` are those of the request. */
  async call(
    name: string,
    args: object = {},
    { id = newId(), meta, ...options }: PostOptions & { id?: string | number; meta?: object } = {},
  ): Promise<Called> {
    const params = { name, arguments: args, ...(meta && { _meta: meta }) };
    const answer = await this.post({ jsonrpc: '2.0', id, method: 'tools/call', params }, options);
    const reply = answer.messages.find((message) => message.id === id && message.method === undefined);
    const content = reply?.result?.['content'] as { text?: string }[] | undefined;
    return { ...answer, reply, said: content?.[0]?.text };
  }

  /** Whether it answers a call. */
  async lives(within = 5_000): Promise<boolean> {
    return (await this.call('echo', { text: 'alive' }, { within })).said === 'alive';
  }

  listen(more?: Parameters<Wire['listen']>[1]): Listener {
    return this.wire.listen(this.id, more);
  }

  delete(within?: number): Promise<Answer> {
    return this.wire.delete(this.id, within);
  }
}

/** An outcome in a few words. */
export function outcome({ status, end, messages, ms }: Answer): string {
  const error = messages.find((message) => message.error !== undefined)?.error;
  const said = error === undefined ? '' : ` “${error.message.slice(0, 160)}”`;
  if (end === 'hung') return status === 0 ? `no answer within ${ms} ms` : `${status}, then nothing within ${ms} ms`;
  if (end === 'cut') return status === 0 ? 'connection closed' : `${status}, then cut off`;
  return `${status}${said}`;
}
