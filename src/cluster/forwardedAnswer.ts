/**
 * The answer of a peer on its way to the client: whole where it is short, else piece by piece as it comes. No more is taken
 * from the peer while the client takes nothing, so little of it is held here; how much a stream may hold for a slow
 * reader is judged by the owner, as of every stream.
 */
import type { Clock } from '../clock.ts';
import { nextTurn } from '../clock.ts';
import { destroyWhenStalled } from '../transport/connection.ts';
import type { Exchange, Reply } from '../transport/exchange.ts';
import type { PeerAnswer, PeerExchange } from './peerNetwork.ts';

/** An answer of up to so many bytes is held until it is complete, and leaves in one write. */
const WHOLE = 65_536;

/** After so many bytes the client is waited for; fewer if streams may hold less. */
const AHEAD = 65_536;

/** What is used of the options. */
export interface AnswerLimits {
  readonly clock: Clock;
  /** ms; a client that takes nothing for as long is gone. */
  readonly keepAliveInterval: number;
  /** Bytes that a stream may hold for a slow reader. */
  readonly maxStreamBuffer: number;
}

function flushIfOpen(reply: Reply): void {
  if (!reply.closed) reply.flush();
}

export class ForwardedAnswer {
  readonly #exchange: Exchange;
  readonly #answer: PeerAnswer;
  readonly #peer: PeerExchange;
  readonly #limits: AnswerLimits;
  /** Of a short answer: what has come of it. */
  readonly #whole: Uint8Array[] | undefined;
  /** Bytes written since the client had taken enough. */
  #ahead = 0;
  /** How far the client was, and when, where something waited for it. */
  #waiting: { readonly progress: number; readonly since: number } | undefined;

  constructor(exchange: Exchange, answer: PeerAnswer, peer: PeerExchange, limits: AnswerLimits) {
    this.#exchange = exchange;
    this.#answer = answer;
    this.#peer = peer;
    this.#limits = limits;
    const { status, headers, length } = answer;
    // A stream can only be answered with 200: whatever else there is, is short.
    if (status !== 200 || (length !== undefined && length <= WHOLE)) {
      this.#whole = [];
      return;
    }
    exchange.open(length === undefined ? headers : { ...headers, 'Content-Length': String(length) });
    nextTurn(flushIfOpen, exchange); // with the first bytes, if they are there
  }

  data(chunk: Uint8Array): void {
    if (this.#whole !== undefined) return void this.#whole.push(chunk);
    const exchange = this.#exchange;
    if (this.#isStalled()) return exchange.destroy();
    exchange.write(chunk);
    this.#ahead += chunk.length;
    if (this.#ahead < Math.min(AHEAD, this.#limits.maxStreamBuffer)) return;
    this.#ahead = 0;
    let taken = false;
    let waits = false;
    exchange.onTaken(() => {
      taken = true;
      if (waits) this.#peer.resume();
    });
    if (taken) return;
    waits = true;
    this.#peer.pause();
  }

  /** The answer is complete. */
  end(): void {
    const { status, headers } = this.#answer;
    if (this.#whole === undefined) this.#exchange.end();
    else this.#exchange.respond(status, headers, this.#body());
    destroyWhenStalled(this.#exchange, this.#limits.clock);
  }

  /** No more of it comes. Returns false where nothing of it was sent, so that another answer can be. */
  break(): boolean {
    if (this.#whole !== undefined) return false;
    // A stream that has ended can be resumed; what was to have a length must not look complete.
    if (this.#answer.length !== undefined) this.#exchange.destroy();
    else this.#exchange.end();
    destroyWhenStalled(this.#exchange, this.#limits.clock);
    return true;
  }

  /**
   * The client has taken nothing for a while, although the owner, who sends comments from time to time, believes that it
   * does: what it sends is still taken here.
   */
  #isStalled(): boolean {
    const { buffered, progress } = this.#exchange;
    if (buffered === 0) {
      this.#waiting = undefined;
      return false;
    }
    const now = this.#limits.clock.now();
    if (this.#waiting === undefined || this.#waiting.progress !== progress) this.#waiting = { progress, since: now };
    return now - this.#waiting.since > this.#limits.keepAliveInterval;
  }

  #body(): string | undefined {
    const whole = this.#whole ?? [];
    if (whole.length === 0) return undefined;
    // As text it leaves in one piece with its head.
    return (whole.length === 1 ? Buffer.from(whole[0] as Uint8Array) : Buffer.concat(whole)).toString();
  }
}
