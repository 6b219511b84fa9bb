/** The model's client: one session as a client sees it, without an SDK between. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Driver, LongCall } from './driver.ts';
import { ModelExchange } from './modelExchange.ts';
import { type RuleName, Violation } from './rules.ts';

const VERSION = '2025-11-25';
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/** How long a server may take to forget a session that it said it has ended, in real ms, where the driver is lenient. */
const FORGETTING = [100, 300, 600];

/** When to ask again for a GET stream that is refused because of the one before, in real ms. */
const TAKEOVER = [50, 200, 750, 2_000];

/** Waits for a promise that never rejects. Returns false when it takes too long. */
export async function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What an initialize was answered with, as far as the model looks at it. */
export interface InitializeResult {
  readonly protocolVersion?: unknown;
  readonly serverInfo?: { readonly name?: unknown; readonly version?: unknown };
  readonly capabilities?: { readonly tools?: unknown };
}

export class ModelClient {
  readonly name: string;
  readonly #driver: Driver;
  readonly initialize: ModelExchange;
  sessionId: string | undefined;
  /** What it did, and what became of it, in order. */
  readonly #history: (string | ModelExchange)[] = [];
  #protocolVersion = VERSION;
  #nextId = 1;

  /** Sends the initialize. */
  constructor(driver: Driver, name: string) {
    this.#driver = driver;
    this.name = name;
    const params = { protocolVersion: VERSION, capabilities: {}, clientInfo: { name, version: '1.0.0' } };
    this.initialize = this.#post('initialize', { id: 0, method: 'initialize', params });
  }

  /** What the client did so far, one request (with its status) or one happening a line. */
  get history(): string[] {
    return this.#history.map((entry) =>
      typeof entry === 'string' ? entry : `${entry.what} → ${entry.status ?? 'no answer'}`,
    );
  }

  /** Adds a happening to the history. */
  note(happening: string): void {
    this.#history.push(happening);
  }

  /** Takes the answer of the initialize. */
  async initialized(): Promise<InitializeResult> {
    const { initialize } = this;
    await within(initialize.ended, this.#driver.patience);
    const result = initialize.responses[0]?.result as InitializeResult | undefined;
    if (initialize.status !== 200 || result === undefined)
      throw new Violation('initializeAnswered', initialize.describe());
    const id = initialize.headers.get('mcp-session-id') ?? undefined;
    this.sessionId = id;
    if (typeof result.protocolVersion === 'string') this.#protocolVersion = result.protocolVersion;
    if (id === undefined || !VISIBLE_ASCII.test(id))
      throw new Violation('sessionIdVisible', JSON.stringify(id ?? null));
    return result;
  }

  /** Sends `notifications/initialized`, which every client does. */
  async acknowledge(): Promise<ModelExchange> {
    const exchange = this.#post('notifications/initialized', { method: 'notifications/initialized' });
    await within(exchange.ended, this.#driver.patience);
    return exchange;
  }

  call(call: LongCall): ModelExchange {
    const what = `tools/call ${call.name} ${JSON.stringify(call.arguments)}`;
    return this.#post(what, { id: this.#nextId++, method: 'tools/call', params: { ...call } });
  }

  listen(): ModelExchange {
    return this.#exchange('GET', undefined, { method: 'GET', headers: { Accept: 'text/event-stream' } });
  }

  /** Comes back for what is left of a stream. Undefined where none of its events had an id. */
  resume({ id, lastEventId, what }: ModelExchange): ModelExchange | undefined {
    if (lastEventId === '') return undefined;
    const headers = { Accept: 'text/event-stream', 'Last-Event-ID': lastEventId };
    return this.#exchange(`GET, resuming ${what}`, id, { method: 'GET', headers });
  }

  /** Asks for the GET stream. The server may not have seen yet that the client of the one before is gone. */
  async openStream(): Promise<ModelExchange> {
    let exchange = this.listen();
    await this.#answer(exchange);
    for (const pause of TAKEOVER) {
      if (exchange.status !== 409) break;
      await sleep(pause);
      exchange = this.listen();
      await this.#answer(exchange);
    }
    return exchange;
  }

  async #answer(exchange: ModelExchange): Promise<void> {
    await this.#driver.settle(exchange);
    await within(exchange.answered, this.#driver.patience);
  }

  /** Sends a request that is answered at once, and waits for the answer. */
  async ask(method: string, params?: object): Promise<ModelExchange> {
    const exchange = this.#post(method, { id: this.#nextId++, method, params });
    await within(exchange.ended, this.#driver.patience);
    return exchange;
  }

  ping(): Promise<ModelExchange> {
    return this.ask('ping');
  }

  async remove(): Promise<ModelExchange> {
    const exchange = this.#exchange('DELETE', undefined, { method: 'DELETE' });
    await within(exchange.ended, this.#driver.patience);
    return exchange;
  }

  /** Checks that the session's id answers 404 to everything. */
  async expectGone(rule: RuleName = 'endedIsNotFound'): Promise<void> {
    const before = this.#history.length;
    let found = await this.#findsSession();
    for (const pause of this.#driver.strict === false ? FORGETTING : []) {
      if (found === undefined) return;
      await sleep(pause);
      this.#history.length = before;
      found = await this.#findsSession();
    }
    if (found === undefined) return;
    // The history ends with what was found.
    this.#history.length = this.#history.indexOf(found) + 1;
    throw new Violation(rule, `${found.what}: ${found.describe()}`);
  }

  /** The first request that is not answered with 404; undefined when all are. What is not driven is not asked. */
  async #findsSession(): Promise<ModelExchange | undefined> {
    const exchanges = [await this.ping()];
    if (this.#driver.streams) {
      const get = this.listen();
      await within(get.answered, this.#driver.patience);
      get.hangUp();
      exchanges.push(get);
    }
    if (this.#driver.endings.includes('deleted')) exchanges.push(await this.remove());
    return exchanges.find(({ status }) => status !== 404);
  }

  #post(
    what: string,
    message: { readonly id?: number; readonly method: string; readonly params?: unknown },
  ): ModelExchange {
    return this.#exchange(`POST ${what}`, message.id, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    });
  }

  #exchange(what: string, id: number | undefined, init: RequestInit): ModelExchange {
    const headers = new Headers(init.headers);
    if (this.sessionId !== undefined) {
      headers.set('Mcp-Session-Id', this.sessionId);
      headers.set('MCP-Protocol-Version', this.#protocolVersion);
    }
    const exchange = new ModelExchange({
      what,
      id,
      request: new Request(this.#driver.url, { ...init, headers }),
      fetch: (request) => this.#driver.fetch(request),
      resumes: this.#driver.resumes ?? false,
    });
    this.#history.push(exchange);
    return exchange;
  }
}
