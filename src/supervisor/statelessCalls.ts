/**
 * Stateless mode: one request, one server, no session. The exchange is all there is: when it has ended, answered or
 * not, the server is closed; a drain waits for it.
 */
import type { JSONRPCMessage, JSONRPCNotification, JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import type { RefusalName } from '../errors.ts';
import type { ResolvedOptions } from '../options.ts';
import { clientInfoOf } from '../protocol/initialize.ts';
import type { Exchange } from '../transport/exchange.ts';
import { Hold } from '../transport/hold.ts';
import type { OpenOperation, OperationOutcome, OperationSide, OperationWatch } from '../transport/operations.ts';
import { refuse } from '../transport/refuse.ts';
import { SessionTransport } from '../transport/sessionTransport.ts';
import type { TransportEvents } from '../transport/transportOptions.ts';
import type { IncarnationHost } from './incarnation.ts';
import { ServerInstance } from './serverInstance.ts';

/** What stateless calls need of the supervisor. */
export interface StatelessHost extends IncarnationHost {
  readonly options: ResolvedOptions;
}

/** All calls that there are, and those whose servers are being closed. */
export class StatelessCalls {
  readonly #host: StatelessHost;
  readonly #ended: () => void;
  readonly #open = new Set<StatelessCall>();
  #closing = 0;

  /** `ended` is called when a call is over and its server closed. */
  constructor(host: StatelessHost, ended: () => void) {
    this.#host = host;
    this.#ended = ended;
  }

  get empty(): boolean {
    return this.#open.size === 0 && this.#closing === 0;
  }

  /** Takes in a call; returns why there is no room for it, if so. */
  admit(exchange: Exchange): StatelessCall | RefusalName {
    if (this.#open.size >= this.#host.options.maxSessions) return 'full';
    if (this.#host.servers.full) return 'tooManyServers';
    const call = new StatelessCall(this.#host, exchange, (closed) => {
      this.#open.delete(call);
      this.#closing++;
      void closed.then(() => {
        this.#closing--;
        this.#ended();
      });
    });
    this.#open.add(call);
    return call;
  }

  /** The time of a drain is up. */
  endAll(): void {
    for (const call of this.#open) call.end('draining');
  }
}

class StatelessCall implements TransportEvents, OperationWatch {
  readonly #host: StatelessHost;
  readonly #exchange: Exchange;
  readonly #transport: SessionTransport;
  readonly #server: ServerInstance;
  readonly #onEnd: (closed: Promise<void>) => void;
  #delivered = false;
  /** What the header says, or an initialize asks for. */
  #protocolVersion: string | undefined;
  #ended = false;
  #timer: unknown;

  constructor(host: StatelessHost, exchange: Exchange, onEnd: (closed: Promise<void>) => void) {
    this.#host = host;
    this.#exchange = exchange;
    this.#onEnd = onEnd;
    this.#transport = new SessionTransport(undefined, host.options, this);
    this.#server = new ServerInstance(undefined, host);
  }

  get load(): StatelessHost['load'] {
    return this.#host.load;
  }

  get watch(): OperationWatch | undefined {
    return this.#host.observers?.any === true ? this : undefined;
  }

  begin(side: OperationSide, message: JSONRPCRequest | JSONRPCNotification): OpenOperation | undefined {
    const of = { id: undefined, protocolVersion: this.#protocolVersion };
    return this.#host.observers?.begin(side, 'session', message, of);
  }

  /** Has a fresh server answer the messages. */
  async answer(messages: readonly JSONRPCMessage[], batch: boolean, principal: string | undefined): Promise<void> {
    const { options } = this.#host;
    const exchange = this.#exchange;
    this.#timer = options.clock.setTimeout(() => this.end('initializeTimeout'), options.initializeTimeout);
    exchange.onClose(() => this.end('endedEarly'));
    const client = clientInfoOf(messages[0], exchange.headers);
    this.#protocolVersion = client.protocolVersion;
    const request = {
      id: undefined,
      principal,
      authInfo: exchange.authInfo,
      requestInfo: exchange.requestInfo,
      ...client,
      session: undefined,
    };
    try {
      if (!(await this.#server.start(request, this.#transport)) || this.#ended) return;
      options.clock.clearTimeout(this.#timer);
      this.#delivered = true;
      this.#transport.deliver(exchange, messages, batch, new Hold(exchange, () => {}));
    } catch (error) {
      this.failed(error);
    }
  }

  /** Ends the call, answered or not. */
  end(refusal: RefusalName): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#host.options.clock.clearTimeout(this.#timer);
    if (!this.#delivered && !this.#exchange.closed) refuse(this.#exchange, refusal);
    this.#transport.shut('The call was ended', this.#outcome(refusal));
    this.#onEnd(this.#close());
  }

  #outcome(refusal: RefusalName): OperationOutcome {
    if (refusal === 'draining') return 'drained';
    return this.#exchange.closed ? 'clientGone' : 'sessionEnded';
  }

  // --- what the transport tells

  failed(error: unknown): void {
    this.#host.log({ level: 'error', event: 'server.failed', message: 'A stateless server failed', error });
    this.end('serverFailed');
  }

  closed(): void {
    this.end('endedEarly');
  }

  quiet(): void {}

  get memory(): undefined {
    return undefined;
  }

  storeFailed(): void {}

  async #close(): Promise<void> {
    const told = this.#transport.close().catch((error: unknown) => {
      const message = 'The server threw when told of its end';
      this.#host.log({ level: 'warn', event: 'server.closeFailed', message, error });
    });
    await Promise.all([told, this.#server.close()]);
  }
}
