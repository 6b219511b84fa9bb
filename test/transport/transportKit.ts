/** A session's transport under test: its server and its clients are the test's, and what it tells is kept. */
import type { JSONRPCMessage, JSONRPCRequest, MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';
import type { Exchange } from '../../src/transport/exchange.ts';
import { Hold } from '../../src/transport/hold.ts';
import { SessionTransport } from '../../src/transport/sessionTransport.ts';
import type { IncarnationNumber, TransportOptions } from '../../src/transport/transportOptions.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import { FakeExchange } from './fakeExchange.ts';

export const RESUME_TIMEOUT = 60_000;

interface KitOptions {
  readonly stateless?: boolean;
  readonly incarnation?: IncarnationNumber | undefined;
}

export class TransportKit {
  readonly clock = new WatchedClock();
  /** What the transport told whoever owns it, in order; an error by its message. */
  readonly told: string[] = [];
  readonly load = { calls: 0, streams: 0 };
  /** What the server got. */
  readonly received: JSONRPCMessage[] = [];
  readonly extras: (MessageExtraInfo | undefined)[] = [];
  readonly transport: SessionTransport;
  /** Holds that are not released. */
  held = 0;

  constructor(options: Partial<TransportOptions> = {}, { stateless = false, incarnation }: KitOptions = {}) {
    const all: TransportOptions = {
      clock: this.clock,
      keepAliveInterval: Number.POSITIVE_INFINITY,
      maxStreamBuffer: 1_000_000,
      enableJsonResponse: true,
      eventStore: undefined,
      retryInterval: undefined,
      resumeTimeout: RESUME_TIMEOUT,
      shutdownTimeout: 1_000,
      ...options,
    };
    const text = (error: unknown) => (error instanceof Error ? error.message : String(error));
    const events = {
      load: this.load,
      quiet: () => this.told.push('quiet'),
      failed: (error: unknown) => this.told.push(`failed: ${text(error)}`),
      closed: () => this.told.push('closed'),
      storeFailed: (error: unknown) => this.told.push(`store failed: ${text(error)}`),
      memory: undefined,
    };
    this.transport = new SessionTransport(stateless ? undefined : 'session-1', all, events, incarnation);
    this.transport.onmessage = (message, extra) => {
      this.received.push(message);
      this.extras.push(extra);
    };
  }

  /** Delivers messages. Returns the exchange that they came by. */
  post(...messages: JSONRPCMessage[]): FakeExchange {
    return this.postBy(new FakeExchange(), ...messages);
  }

  postBy<E extends Exchange>(exchange: E, ...messages: JSONRPCMessage[]): E {
    this.held++;
    const hold = new Hold(exchange, () => this.held--);
    this.transport.deliver(exchange, messages, messages.length > 1, hold);
    return exchange;
  }
}

export const request = (id: string | number, method = 'tools/call'): JSONRPCRequest => ({ jsonrpc: '2.0', id, method });

export const cancellation = (requestId?: string | number): JSONRPCMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/cancelled',
  ...(requestId !== undefined && { params: { requestId } }),
});

export const result = (id: string | number, text = 'done'): JSONRPCMessage => ({
  jsonrpc: '2.0',
  id,
  result: { text },
});

/** The messages of an answer's body, whatever it is. */
export function answered({ calls }: FakeExchange): unknown[] {
  return calls.flatMap((call) => {
    const body = /^respond \d+ \{.*?\} (.*)$/s.exec(call)?.[1];
    return body === undefined || body === 'undefined' ? [] : [JSON.parse(body)].flat();
  });
}
