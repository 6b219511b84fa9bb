/**
 * Serving requests without sessions (MCP 2026-07-28) beside sessions: how many there may be, whose they are, and that a
 * drain waits for them. What one of them is, `ModernCall` knows.
 */

import type { JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import type { McpHttpHandler, ServerEvent } from '@modelcontextprotocol/server';
import type { RefusalName } from '../errors.ts';
import type { LogEntry } from '../options.ts';
import type { ListenInfo, ModernEra, ModernPlace } from '../supervisor/modernEra.ts';
import { Repetition } from '../supervisor/repetition.ts';
import { ServerCount } from '../supervisor/serverCount.ts';
import type { ModernStats } from '../supervisor/tally.ts';
import type { Exchange } from '../transport/exchange.ts';
import type { Load } from '../transport/transportOptions.ts';
import type { CallHost } from './callHost.ts';
import { Listening } from './listening.ts';
import { ModernCall } from './modernCall.ts';
import type { ModernHost } from './modernHost.ts';
import { buildFor } from './modernRequest.ts';
import { Notices } from './notices.ts';
import { loadSdk, type ModernSdk } from './sdk.ts';

interface Loaded {
  readonly sdk: ModernSdk;
  readonly handler: McpHttpHandler;
}

export class ModernRequests implements ModernEra, CallHost {
  readonly servers: ServerCount;
  readonly #host: ModernHost;
  readonly #ended: () => void;
  readonly #open = new Set<ModernCall>();
  readonly #listening = new Set<Listening>();
  readonly #byPrincipal = new Map<string | undefined, number>();
  readonly #notices = new Notices();
  readonly #reported: Repetition;
  #loaded: Promise<Loaded> | undefined;
  #admitted = 0;
  #listened = 0;
  #closing = 0;
  #told = false;

  /** `ended` is called when a request is over and its server closed. */
  constructor(host: ModernHost, ended: () => void) {
    this.#host = host;
    this.#ended = ended;
    this.servers = new ServerCount(host.options.maxModernRequests);
    this.#reported = new Repetition(host.options.clock);
  }

  get empty(): boolean {
    return this.#open.size === 0 && this.#closing === 0;
  }

  get stats(): ModernStats {
    return { admitted: this.#admitted, open: this.#open.size, listening: this.#listening.size };
  }

  get options(): ModernHost['options'] {
    return this.#host.options;
  }

  get observers(): ModernHost['observers'] {
    return this.#host.observers;
  }

  get load(): Load {
    return this.#host.load;
  }

  admit(exchange: Exchange, principal: string | undefined): ModernPlace | RefusalName {
    const { maxModernRequests, maxModernRequestsPerPrincipal } = this.options;
    if (this.#open.size >= maxModernRequests) return 'tooManyModern';
    const own = this.#byPrincipal.get(principal) ?? 0;
    if (own >= maxModernRequestsPerPrincipal) return 'modernPrincipalFull';
    if (this.servers.full) return 'tooManyServers';
    const call = new ModernCall(this, exchange, principal, (closed) => {
      this.#open.delete(call);
      this.#leave(principal);
      this.#closing++;
      void closed.then(() => {
        this.#closing--;
        this.#ended();
      });
    });
    this.#admitted++;
    this.#open.add(call);
    this.#byPrincipal.set(principal, own + 1);
    call.watch();
    return call;
  }

  publish(event: ServerEvent): void {
    this.#notices.publish(event);
  }

  *listening(): IterableIterator<ListenInfo> {
    for (const stream of this.#listening) yield stream.info();
  }

  endStreams(): void {
    for (const stream of this.#listening) stream.finish('drained');
  }

  endAll(): void {
    for (const call of this.#open) call.cutShort();
  }

  // --- what calls ask

  log(entry: LogEntry): void {
    this.#host.log(entry);
  }

  loaded(): Promise<Loaded> {
    this.#loaded ??= this.#load();
    return this.#loaded;
  }

  listen(sdk: ModernSdk, exchange: Exchange, principal: string | undefined, request: JSONRPCRequest): Listening {
    const number = ++this.#listened;
    const stream = new Listening(number, sdk, this.#notices, this.#host, exchange, principal, request, (ended) =>
      this.#listening.delete(ended),
    );
    this.#listening.add(stream);
    // Somebody who watched its actor begin may have begun a drain, which has not seen it.
    if (!this.#host.accepting) stream.finish('drained');
    return stream;
  }

  unservable(): void {
    if (this.#told) return;
    this.#told = true;
    this.log({
      level: 'warn',
      event: 'modern.unservable',
      message:
        "modern: 'serve' needs McpServer or Server of @modelcontextprotocol/server (SDK v2), of the one copy that this " +
        'package loads; the factory built something else, and requests of 2026-07-28 are refused',
    });
  }

  // --- within

  async #load(): Promise<Loaded> {
    const sdk = await loadSdk();
    const handler = sdk.createMcpHandler(({ requestInfo }) => buildFor(requestInfo), {
      legacy: 'reject',
      keepAliveMs: 0, // our connections have comments of their own
      onerror: (error) => this.#report(error),
    });
    return { sdk, handler };
  }

  /** Mostly it is what a client sent, and as often as it likes. */
  #report(error: Error): void {
    const count = this.#reported.happened();
    if (count === undefined) return;
    this.log({
      level: 'debug',
      event: 'modern.error',
      message: 'A request was not served as it was sent',
      count,
      error,
    });
  }

  #leave(principal: string | undefined): void {
    const left = (this.#byPrincipal.get(principal) ?? 1) - 1;
    if (left === 0) this.#byPrincipal.delete(principal);
    else this.#byPrincipal.set(principal, left);
  }
}
