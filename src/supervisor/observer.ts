/** What an embedder sees who observes a supervisor: operations, and what else happens. */
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { RefusalName } from '../errors.ts';
import type { EndReason } from '../machines/reasons.ts';
import type { StreamDrop } from '../transport/connection.ts';
import type { Ending, OperationSide } from '../transport/operations.ts';

/** One request or notification, each message of a batch by itself, when it begins. */
export interface Operation {
  /** `server`: the client asks or tells the server. `client`: the server asks its client. */
  readonly side: OperationSide;
  /** `modern`: a request of 2026-07-28, which belongs to no session. */
  readonly era: 'session' | 'modern';
  readonly method: string;
  /** As its sender names it; undefined for a notification. */
  readonly id: RequestId | undefined;
  /** As they came: to be looked at, not to be kept or changed. */
  readonly params: Readonly<Record<string, unknown>> | undefined;
  /** Undefined where there is no session. */
  readonly sessionId: string | undefined;
  /** Undefined where nobody named one. */
  readonly protocolVersion: string | undefined;
}

/** How an operation ended. */
export interface OperationEnd extends Ending {
  /** How long it took, in ms; with fractions on the system's clock. */
  readonly duration: number;
}

/** What is told of one operation. All of it is optional. */
export interface OperationObserver {
  /**
   * Runs a part of the operation: the factory of a session, the server's handler. Has to call `body` once, at once, and
   * to return what it returns: within a context of one's own, for instance.
   */
  run?<T>(body: () => T): T;
  /** Of the side `client`: members to be added to the `_meta` of the request before it is sent. */
  meta?(): Readonly<Record<string, unknown>> | undefined;
  /** The operation is over. Called exactly once, also after the observing was ended. */
  end?(end: OperationEnd): void;
}

/** What became of bringing a session back. */
export const RESTORE_OUTCOMES = [
  'restored',
  /** It had ended by then, or its server could not take it back. */
  'gone',
  /** Another node has it, or may have. */
  'elsewhere',
  /** There was no room for it, and none could be made. */
  'noRoom',
  'draining',
  'storeUnavailable',
  /** Its server could not be had; the next request tries anew. */
  'failed',
] as const;

/** What can come of bringing a session back: one of `RESTORE_OUTCOMES`. */
export type RestoreOutcome = (typeof RESTORE_OUTCOMES)[number];

/** Something that happened, besides operations and what `supervisor.on` tells. Durations are in ms. */
export type ObservedEvent =
  /** A request was refused. */
  | { readonly type: 'request.refused'; readonly refusal: RefusalName }
  /** A session has ended. */
  | {
      readonly type: 'session.ended';
      readonly reason: EndReason;
      /** Since its initialize. */
      readonly duration: number;
      /** Its initialize was answered with a result. */
      readonly opened: boolean;
      readonly protocolVersion: string | undefined;
    }
  /** An idle session made room for another one: it was parked, or ended. */
  | { readonly type: 'session.evicted'; readonly outcome: 'parked' | 'ended' }
  /** A session was brought back, or could not be. */
  | { readonly type: 'session.restore'; readonly outcome: RestoreOutcome; readonly duration: number }
  /** A store has done something, or failed to. */
  | {
      readonly type: 'store.operation';
      readonly store: 'session' | 'event';
      /** The name of the method, as the store's contract has it. */
      readonly operation: string;
      readonly outcome: 'ok' | 'failed';
      readonly duration: number;
    }
  /** A stream was cut off: its reader was too slow for `maxStreamBuffer`, or took nothing any more. */
  | { readonly type: 'stream.dropped'; readonly cause: StreamDrop }
  /** A request was sent on to another node of the cluster, and is over. */
  | { readonly type: 'request.forwarded'; readonly outcome: ForwardOutcome; readonly duration: number };

/** What became of a request that was sent on to another node. After `moved`, `busy` and `unreached` it may be sent again. */
export const FORWARD_OUTCOMES = [
  /** The client has its answer, or has left. */
  'answered',
  /** The peer does not have the session. */
  'moved',
  /** The peer has it, and can't be asked now; or it has as many requests from here as it may. */
  'busy',
  /** Nothing was delivered. */
  'unreached',
  /** It may have been delivered, and no answer will come: the client was told so, by 503 or by the end of its stream. */
  'lost',
] as const;

/** What can come of a request that was sent on to another node: one of `FORWARD_OUTCOMES`. */
export type ForwardOutcome = (typeof FORWARD_OUTCOMES)[number];

/** Who observes a supervisor. What it throws is logged, and changes nothing. */
export interface SupervisorObserver {
  /** An operation begins. Returns whom to tell of it; undefined where that does not matter. */
  operation?(operation: Operation): OperationObserver | undefined;
  /** Something else has happened. */
  event?(event: ObservedEvent): void;
}
