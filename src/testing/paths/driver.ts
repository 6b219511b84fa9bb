/** What the model needs of the system that it drives: how to reach it, how time passes there, how calls can last. */
import type { EndReason } from '../../index.ts';
import type { SessionTimeouts } from '../../machines/index.ts';
import type { ModelExchange } from './modelExchange.ts';

/** A `tools/call` that lasts. */
export interface LongCall {
  readonly name: string;
  readonly arguments: Record<string, unknown>;
}

/** What paths are driven on: a system that takes requests, and how time passes for it. */
export interface Driver {
  /** The MCP endpoint. */
  readonly url: string;
  /** Sends a request to the system. */
  fetch(request: Request): Promise<Response>;
  /** Lets time pass, in ms. */
  elapse(ms: number): Promise<void>;
  /** Waits until the system has seen an exchange: its headers came back, or it had time enough. */
  settle(exchange?: ModelExchange): Promise<void>;
  /** How much longer than a timeout something may take, in ms. */
  readonly grace: number;
  /** How long an answer that is due may take, in real ms. */
  readonly patience: number;
  /** The timers of the system; `null`: none. */
  readonly timeouts: SessionTimeouts;
  /** How a session can be ended: `deleted` by DELETE, other reasons by `end`. */
  readonly endings: readonly EndReason[];
  /** GET opens a stream. */
  readonly streams: boolean;
  /** `false`: what the protocol leaves to the server is noted instead of judged. Default true. */
  readonly strict?: boolean | undefined;
  /** A stream that is closed early is resumed where its events have ids. Default false. */
  readonly resumes?: boolean | undefined;
  /** How long a step may take by itself, in ms: calls that last are asked to last so much longer. Default 0. */
  readonly pace?: number | undefined;
  /** A call that lasts `ms`, or until `finish(key)` where there is one; undefined: there is none. */
  readonly longCall?: ((key: string, ms: number) => LongCall) | undefined;
  /** Has a long call answered. */
  finish?(key: string): void;
  /** Has the initialize of the client with this name answered; without it initializes don't wait. */
  answerInitialize?(clientName: string): void;
  /** Ends a session in another way than by DELETE. */
  end?(sessionId: string | undefined, clientName: string, reason: EndReason): Promise<void>;
}

/** What the supervisor model needs besides: several principals, and a way to begin a drain. */
export interface SupervisorDriver extends Driver {
  /** A driver whose requests are those of a principal. */
  as(principal: string): Driver;
  /** Drains the system. Resolves when nothing is left; a second call waits for the same. */
  drain(): Promise<void>;
}
