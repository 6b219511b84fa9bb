/**
 * What the client of a session has said that its process knows, and the next one has to be told: collected as messages
 * pass, where processes are started again.
 */
import type { JSONRPCMessage, RequestId, Result } from '@modelcontextprotocol/sdk/types.js';
import { covers } from '../protocol/coverage.ts';
import { isObject, isRequest, type ResponseMessage } from '../protocol/messages.ts';
import type { Replayed, Said as SaidAgain } from '../transport/replay.ts';

/** Resources whose subscriptions are told again, and characters of their names. */
const MOST_SUBSCRIPTIONS = 10_000;
const MOST_TEXT = 256 * 1024;

/** What is noted when a request is granted. */
type Grant = () => void;

export class Said {
  #initialize: Readonly<Record<string, unknown>> = {};
  #initialized = false;
  #logLevel: string | null = null;
  readonly #subscriptions = new Set<string>();
  #text = 0;
  #version: unknown;
  #capabilities: Readonly<Record<string, unknown>> = {};
  /** By the id of the request that asks for it. */
  readonly #grants = new Map<RequestId, Grant>();

  /** The client says something. */
  heard(message: JSONRPCMessage): void {
    if (!('method' in message)) return;
    const { method } = message;
    if (method === 'notifications/initialized') this.#initialized = true;
    if (!isRequest(message)) return;
    const params: Readonly<Record<string, unknown>> = message.params ?? {};
    const { level, uri } = params;
    if (method === 'initialize') this.#initialize = params;
    else if (method === 'logging/setLevel' && typeof level === 'string') {
      this.#grants.set(message.id, () => (this.#logLevel = level));
    } else if (method === 'resources/subscribe' && typeof uri === 'string') {
      this.#grants.set(message.id, () => this.#subscribe(uri));
    } else if (method === 'resources/unsubscribe' && typeof uri === 'string') {
      this.#grants.set(message.id, () => {
        if (this.#subscriptions.delete(uri)) this.#text -= uri.length;
      });
    }
  }

  /** The process answers. */
  answered(response: ResponseMessage): void {
    if (response.id === undefined) return;
    const grant = this.#grants.get(response.id);
    this.#grants.delete(response.id);
    if ('result' in response) grant?.();
  }

  /** The process is gone, and with it what it did not answer. */
  cut(): void {
    this.#grants.clear();
  }

  /** The initialize was answered with this. */
  opened({ protocolVersion, capabilities }: Result): void {
    this.#version = protocolVersion;
    this.#capabilities = isObject(capabilities) ? capabilities : {};
  }

  /** What is to be said again. The version that was negotiated is asked for, so that who knows it answers the same. */
  again(): SaidAgain {
    return {
      initialize: { ...this.#initialize, protocolVersion: this.#version },
      initialized: this.#initialized,
      logLevel: this.#logLevel,
      subscriptions: [...this.#subscriptions],
    };
  }

  /** Whether a process that answers so is what the client takes it for. */
  isCovered({ result }: Replayed): boolean {
    return result['protocolVersion'] === this.#version && covers(result['capabilities'], this.#capabilities);
  }

  #subscribe(uri: string): void {
    if (this.#subscriptions.has(uri) || this.#subscriptions.size >= MOST_SUBSCRIPTIONS) return;
    if (this.#text + uri.length > MOST_TEXT) return;
    this.#subscriptions.add(uri);
    this.#text += uri.length;
  }
}
