import { ModelExchange } from './modelExchange.ts';
import { Violation } from './rules.ts';

const VERSION = '2025-11-25';
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;
/** Waits for a promise that never rejects. Returns false when it takes too long. */
export async function within(promise, ms) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
export class ModelClient {
  name;
  #driver;
  #send;
  initialize;
  sessionId;
  #protocolVersion = VERSION;
  #nextId = 1;
  /** Sends the initialize. */
  constructor(driver, name) {
    this.#driver = driver;
    this.name = name;
    this.#send = (request) => driver.fetch(request);
    const params = { protocolVersion: VERSION, capabilities: {}, clientInfo: { name, version: '1.0.0' } };
    this.initialize = this.#post('initialize', { id: 0, method: 'initialize', params });
  }
  /** Takes the answer of the initialize. */
  async initialized() {
    const { initialize } = this;
    await within(initialize.ended, this.#driver.patience);
    const result = initialize.responses[0]?.result;
    if (initialize.status !== 200 || result === undefined)
      throw new Violation('initializeAnswered', initialize.describe());
    const id = initialize.headers.get('mcp-session-id') ?? undefined;
    if (id === undefined || !VISIBLE_ASCII.test(id)) throw new Violation('sessionIdVisible', String(id));
    this.sessionId = id;
    if (typeof result.protocolVersion === 'string') this.#protocolVersion = result.protocolVersion;
  }
  /** Sends `notifications/initialized`, which every client does. */
  async acknowledge() {
    const exchange = this.#post('notifications/initialized', { method: 'notifications/initialized' });
    await within(exchange.ended, this.#driver.patience);
    if (exchange.status !== 202) throw new Violation('notificationAccepted', exchange.describe());
  }
  call(call) {
    return this.#post(`tools/call ${call.name}`, { id: this.#nextId++, method: 'tools/call', params: { ...call } });
  }
  listen() {
    return this.#exchange('GET', undefined, { method: 'GET', headers: { Accept: 'text/event-stream' } });
  }
  async ping() {
    const exchange = this.#post('ping', { id: this.#nextId++, method: 'ping' });
    await within(exchange.ended, this.#driver.patience);
    return exchange;
  }
  async remove() {
    const exchange = this.#exchange('DELETE', undefined, { method: 'DELETE' });
    await within(exchange.ended, this.#driver.patience);
    return exchange;
  }
  /** Checks that the session's id answers 404 to everything. */
  async expectGone() {
    const get = this.listen();
    await within(get.answered, this.#driver.patience);
    get.hangUp();
    for (const exchange of [await this.ping(), get, await this.remove()]) {
      const allowed = exchange.status === 404 || (exchange.status === 405 && !this.#serves(exchange));
      if (!allowed) throw new Violation('endedIsNotFound', `${exchange.what}: ${exchange.describe()}`);
    }
  }
  #serves({ what }) {
    if (what === 'GET') return this.#driver.streams;
    return what !== 'DELETE' || this.#driver.endings.includes('deleted');
  }
  #post(what, message) {
    return this.#exchange(what, message.id, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    });
  }
  #exchange(what, id, init) {
    const headers = new Headers(init.headers);
    if (this.sessionId !== undefined) {
      headers.set('Mcp-Session-Id', this.sessionId);
      headers.set('MCP-Protocol-Version', this.#protocolVersion);
    }
    return new ModelExchange(what, id, new Request(this.#driver.url, { ...init, headers }), this.#send);
  }
}
