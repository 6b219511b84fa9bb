/**
 * One request without a session (MCP 2026-07-28), from its place among all to its last byte. A server is built for it and
 * closed with it; SDK v2's handler says what it is and has it answered. Closing the connection cancels it: that is how a
 * client of this revision does so.
 */
import type { JSONRPCMessage, McpServer, Server } from '@modelcontextprotocol/server';
import type { RefusalName } from '../errors.ts';
import { asksToListen, CLAIM, CLIENT_INFO } from '../protocol/era.ts';
import { clientOf } from '../protocol/initialize.ts';
import { isMessage, isObject, isRequest, messageId } from '../protocol/messages.ts';
import type { ModernPlace } from '../supervisor/modernEra.ts';
import { refusalOf, ServerInstance } from '../supervisor/serverInstance.ts';
import type { Exchange } from '../transport/exchange.ts';
import { NOT_JSON, refusedAs } from '../transport/operations.ts';
import type { CallHost } from './callHost.ts';
import { CallOperation } from './callOperation.ts';
import type { Listening } from './listening.ts';
import { modernRequest, type ServerBuilder } from './modernRequest.ts';
import { ResponseWriter } from './responseWriter.ts';
import { isModernServer, type ModernSdk } from './sdk.ts';
import { type ConnectionWatcher, watchConnection } from './watchConnection.ts';

export type BuiltServer = McpServer | Server;

const CLOSED = Promise.resolve();

const ENDED_EARLY = 'The request ended before its server was built';

export class ModernCall implements ModernPlace, ServerBuilder<BuiltServer>, ConnectionWatcher {
  readonly principal: string | undefined;
  readonly #host: CallHost;
  readonly #exchange: Exchange;
  readonly #onEnd: (closed: Promise<void>) => void;
  readonly #writer: ResponseWriter;
  readonly #controller = new AbortController();
  #meta: Readonly<Record<string, unknown>> = {};
  #sdk: ModernSdk | undefined;
  #server: ServerInstance | undefined;
  #listening: Listening | undefined;
  /** Why its server could not be had. */
  #failure: RefusalName | undefined;
  /** Its server, being closed. */
  #closing: Promise<void> | undefined;
  #counted = false;
  /** All is said: nothing is cancelled any more. */
  #answered = false;
  #ended = false;
  #timer: unknown;
  /** It is observed. */
  #operation: CallOperation | undefined;

  constructor(
    host: CallHost,
    exchange: Exchange,
    principal: string | undefined,
    onEnd: (closed: Promise<void>) => void,
  ) {
    this.principal = principal;
    this.#host = host;
    this.#exchange = exchange;
    this.#onEnd = onEnd;
    this.#writer = new ResponseWriter(exchange, host);
  }

  /** The stream, where it is one that listens. */
  get listening(): Listening | undefined {
    return this.#listening;
  }

  /** Ends it with its exchange; from now on, and at once where that is over. */
  watch(): void {
    this.#exchange.onClose(() => this.#end());
  }

  release(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd(CLOSED);
  }

  async answer(body: unknown): Promise<void> {
    try {
      const response = await this.#serve(body);
      this.#host.options.clock.clearTimeout(this.#timer); // nobody connects the server any more
      if (response === undefined) return;
      if (this.#ended) return void (await response.body?.cancel());
      if (this.#failure !== undefined) return this.#refuse(this.#failure);
      await this.#writer.write(response, this.#listening);
      this.#answered = true;
      this.#operation?.end(this.#writer.text, true);
      this.#close();
    } catch (error) {
      this.#fail(error);
      this.#refuse('serverFailed');
    }
  }

  /** Has the factory build the server, for the SDK's handler, which asks for it when it has found nothing wrong. */
  async build(): Promise<BuiltServer> {
    const { clock, initializeTimeout } = this.#host.options;
    const exchange = this.#exchange;
    const instance = new ServerInstance(undefined, this.#host);
    this.#server = instance;
    if (this.#ended) throw new Error(ENDED_EARLY); // nobody would clean up after a server that is built now
    this.#timer = clock.setTimeout(() => this.#giveUp('initializeTimeout'), initializeTimeout);
    const claim = this.#meta[CLAIM];
    const started = await instance
      .start({
        id: undefined,
        principal: this.principal,
        authInfo: exchange.authInfo,
        requestInfo: exchange.requestInfo,
        clientInfo: clientOf(this.#meta[CLIENT_INFO]),
        protocolVersion: typeof claim === 'string' ? claim : undefined,
        session: undefined,
        era: 'modern',
      })
      .catch((error: unknown) => {
        this.#fail(error);
        this.#failure = refusalOf(error);
        throw error;
      });
    if (!started || this.#ended) throw new Error(ENDED_EARLY);
    const { server } = instance;
    if (this.#sdk !== undefined && isModernServer(this.#sdk, server)) {
      this.#writer.openWhenLate();
      watchConnection(server, this);
      return server;
    }
    this.#host.unservable();
    this.#failure = 'modernRefused';
    throw new Error('The factory built no server of SDK v2');
  }

  connected(): void {
    this.#host.options.clock.clearTimeout(this.#timer);
  }

  unconnected(error: unknown): void {
    this.#fail(error);
    this.#failure = 'serverFailed';
  }

  answers(response: JSONRPCMessage): void {
    this.#operation?.answered(response);
  }

  /** Its answer is no JSON; the SDK takes it for sent, and sends no other. */
  unsendable(error: unknown): void {
    if (this.#ended) return;
    this.#fail(error);
    this.#operation?.cut(NOT_JSON);
    this.#writer.fail('the answer is not JSON');
    this.#end();
  }

  /** The time of a drain is up. */
  cutShort(): void {
    this.#operation?.cut(refusedAs('draining'));
    this.#writer.breakOff('draining');
    this.#end();
  }

  async #serve(body: unknown): Promise<Response | undefined> {
    const { sdk, handler } = await this.#host.loaded();
    if (this.#ended) return undefined;
    this.#sdk = sdk;
    if (isMessage(body) && isRequest(body)) {
      if (isObject(body.params?._meta)) this.#meta = body.params._meta;
      if (asksToListen(body)) this.#listening = this.#host.listen(sdk, this.#exchange, this.principal, body);
      else this.#count();
    }
    this.#writer.id = messageId(body);
    const request = modernRequest(this.#exchange, this.#controller.signal, this);
    const { authInfo } = this.#exchange;
    const options = authInfo === undefined ? { parsedBody: body } : { parsedBody: body, authInfo };
    const by = this.#listening?.handler ?? handler;
    this.#operation = CallOperation.of(this.#host.observers, body, this.#meta[CLAIM]);
    const fetched = this.#operation?.run(() => by.fetch(request, options)) ?? by.fetch(request, options);
    if (this.#listening === undefined) return fetched;
    const response = await fetched;
    this.#close(); // it was asked what there is to listen to, and that is all
    return response;
  }

  #count(): void {
    this.#counted = true;
    this.#host.load.calls++;
  }

  #refuse(name: RefusalName): void {
    this.#operation?.cut(refusedAs(name));
    if (!this.#exchange.closed) this.#writer.breakOff(name);
    this.#listening?.refused();
    this.#answered = true;
    this.#close();
  }

  /** It takes too long. */
  #giveUp(name: RefusalName): void {
    this.#failure = name;
    this.#operation?.cut(refusedAs(name));
    this.#writer.breakOff(name);
    this.#end();
  }

  #fail(error: unknown): void {
    this.#host.log({ level: 'error', event: 'server.failed', message: 'A server of one request failed', error });
  }

  #close(): void {
    this.#closing ??= this.#server?.close() ?? CLOSED;
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#host.options.clock.clearTimeout(this.#timer);
    this.#writer.end();
    this.#operation?.end(this.#writer.text, false);
    if (this.#counted) this.#host.load.calls--;
    if (!this.#answered) this.#controller.abort();
    this.#listening?.left();
    this.#close();
    this.#onEnd(this.#closing ?? CLOSED);
  }
}
