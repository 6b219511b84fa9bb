/**
 * Tells when a connection ends whom node:http does not tell: a response that waits for those before it (pipelining), and
 * a request whose body still comes when it has been answered. One listener for each connection, however many wait.
 *
 * Where more answers wait than Node holds for a connection, Node stops reading from it, and does not notice any more that
 * the peer is gone. Then the peer is sent something from time to time: a host that has closed the connection answers it
 * with a reset.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';

export interface ProbeLimits {
  readonly clock: Clock;
  /** How often a connection that is not read from is tried, in ms; `Infinity` for never. */
  readonly keepAliveInterval: number;
}

class Watch {
  readonly #socket: Socket;
  readonly #listeners = new Set<() => void>();
  #cancel: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.prependOnceListener('close', () => {
      this.#cancel?.();
      for (const listener of this.#listeners) listener();
    });
  }

  add(listener: () => void): void {
    this.#listeners.add(listener);
  }

  delete(listener: () => void): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size === 0) this.#cancel?.();
  }

  /** Tries the connection from time to time, for as long as somebody waits. */
  probe(limits: ProbeLimits): void {
    const { clock, keepAliveInterval } = limits;
    if (this.#cancel !== undefined || keepAliveInterval === Number.POSITIVE_INFINITY) return;
    const timer = clock.setTimeout(() => {
      this.#cancel = undefined;
      if (this.#socket.isPaused()) sendInterim(this.#socket);
      if (!this.#socket.destroyed) this.probe(limits);
    }, keepAliveInterval);
    this.#cancel = () => {
      this.#cancel = undefined;
      clock.clearTimeout(timer);
    };
  }
}

/** Sends what every client of HTTP/1.1 passes over, unless the answer whose turn it is has begun: that tries by itself. */
function sendInterim(socket: Socket & { _httpMessage?: (ServerResponse & { req: IncomingMessage }) | null }): void {
  const { _httpMessage: current } = socket;
  if (!current || current.headersSent) return;
  // HTTP/1.0 knows neither interim answers nor pipelining.
  if (current.req.httpVersionMinor === 0) socket.destroy();
  else current.writeProcessing();
}

const watches = new WeakMap<Socket, Watch>();

function watchOf(socket: Socket): Watch {
  const known = watches.get(socket);
  if (known !== undefined) return known;
  const watch = new Watch(socket);
  watches.set(socket, watch);
  return watch;
}

/** Calls the listener, which must not throw, when the connection has ended. Returns what ends the listening. */
export function onConnectionClose(socket: Socket, listener: () => void): () => void {
  const watch = watchOf(socket);
  watch.add(listener);
  return () => watch.delete(listener);
}

/** The same for a response that waits for its turn. Meanwhile the connection is tried where it is not read from. */
export function onCloseWhileWaiting(socket: Socket, listener: () => void, limits: ProbeLimits): () => void {
  const unlisten = onConnectionClose(socket, listener);
  watchOf(socket).probe(limits);
  return unlisten;
}
