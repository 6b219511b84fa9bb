/**
 * Stateless mode: one request, one server, no session. The exchange is all there is: when it has ended, answered or
 * not, the server is closed; a drain waits for it.
 */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { RefusalName } from '../errors.ts';
import type { LogEntry, ResolvedOptions } from '../options.ts';
import { clientInfoOf } from '../protocol/initialize.ts';
import type { Exchange } from '../transport/exchange.ts';
import { Hold } from '../transport/hold.ts';
import { refuse } from '../transport/refuse.ts';
import { SessionTransport } from '../transport/sessionTransport.ts';
import { ServerInstance } from './serverInstance.ts';

/** What a stateless call needs of the supervisor. */
export interface StatelessHost {
  readonly options: ResolvedOptions;
  /** The call has ended; `closed` resolves when its server is closed. */
  endStateless(call: StatelessCall, closed: Promise<void>): void;
  log(entry: LogEntry): void;
}

export class StatelessCall {
  readonly #supervisor: StatelessHost;
  readonly #exchange: Exchange;
  readonly #transport: SessionTransport;
  readonly #server: ServerInstance;
  #delivered = false;
  #ended = false;
  #timer: unknown;

  constructor(supervisor: StatelessHost, exchange: Exchange) {
    this.#supervisor = supervisor;
    this.#exchange = exchange;
    const end = () => this.end('endedEarly');
    this.#transport = new SessionTransport(undefined, supervisor.options, {
      initialized: () => undefined,
      initializeRefused: () => {},
      quiet: () => {},
      failed: (error) => this.#fail(error),
      closed: end,
      storeFailed: () => {},
    });
    this.#server = new ServerInstance(undefined, supervisor);
  }

  /** Has a fresh server answer the messages. */
  async answer(messages: readonly JSONRPCMessage[], batch: boolean, principal: string | undefined): Promise<void> {
    const { options } = this.#supervisor;
    const exchange = this.#exchange;
    this.#timer = options.clock.setTimeout(() => this.end('initializeTimeout'), options.initializeTimeout);
    exchange.onClose(() => this.end('endedEarly'));
    const request = {
      id: undefined,
      principal,
      authInfo: exchange.authInfo,
      ...clientInfoOf(messages[0], exchange.headers),
    };
    try {
      if (!(await this.#server.start(options.server, request, this.#transport)) || this.#ended) return;
      options.clock.clearTimeout(this.#timer);
      this.#delivered = true;
      this.#transport.deliver(exchange, messages, batch, new Hold(exchange, () => {}));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Ends the call, answered or not. */
  end(refusal: RefusalName): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#supervisor.options.clock.clearTimeout(this.#timer);
    if (!this.#delivered && !this.#exchange.closed) refuse(this.#exchange, refusal);
    this.#transport.shut('The call was ended');
    this.#supervisor.endStateless(this, this.#server.close());
  }

  #fail(error: unknown): void {
    this.#supervisor.log({ level: 'error', event: 'server.failed', message: 'A stateless server failed', error });
    this.end('serverFailed');
  }
}
