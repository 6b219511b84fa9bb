/**
 * What somebody who observes is told of one request or notification: that it begins, what runs on its behalf, and how it
 * ended, once. Here is what the transport knows of it; who listens, the supervisor knows.
 */
import type { JSONRPCMessage, JSONRPCNotification, JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import { REFUSALS, type RefusalName } from '../errors.ts';
import { isObject, isRequest, type ResponseMessage } from '../protocol/messages.ts';

/** How an operation can end. */
export const OPERATION_OUTCOMES = [
  /** A request was answered with a result; a notification was delivered. */
  'answered',
  /** It was answered with a JSON-RPC error, or refused. */
  'error',
  /** A tool answered that it failed (`isError`). */
  'toolError',
  /** Whoever asked wants no answer any more. */
  'cancelled',
  /** Nobody waited for the answer any more: the client left its connection, or used the id again. */
  'clientGone',
  /** Its session ended, or was parked in a hurry, before it was answered. */
  'sessionEnded',
  /** The time of a drain was up before it was answered. */
  'drained',
  /** Its answer was no JSON; the client got an error. */
  'notJson',
  /** A request of the server found no open stream to its client. */
  'noStream',
] as const;

/** How an operation can end: one of `OPERATION_OUTCOMES`. */
export type OperationOutcome = (typeof OPERATION_OUTCOMES)[number];

/** How one operation ended. */
export interface Ending {
  readonly outcome: OperationOutcome;
  /** The JSON-RPC code of the error that it was answered with, and what that says. */
  readonly code?: number | undefined;
  readonly message?: string | undefined;
  /** What it was answered with, as it is: to be looked at, not kept. */
  readonly result?: Readonly<Record<string, unknown>> | undefined;
}

/** `server`: the client asks, or tells. `client`: the server asks its client. */
export type OperationSide = 'server' | 'client';

/** An operation that has begun. Nothing here throws but what `body` throws. */
export interface OpenOperation {
  /** Runs what belongs to it; returns or throws what that does. */
  run<T>(body: () => T): T;
  /** A request of the server's as it is to be sent: somebody may add to its `_meta`. */
  carried(request: JSONRPCRequest): JSONRPCRequest;
  /** The first time counts. */
  end(ending: Ending): void;
}

/** Where operations begin, as long as somebody observes. */
export interface OperationWatch {
  begin(side: OperationSide, message: JSONRPCRequest | JSONRPCNotification): OpenOperation | undefined;
}

export const ANSWERED: Ending = { outcome: 'answered' };
export const CLIENT_GONE: Ending = { outcome: 'clientGone' };
export const NOT_JSON: Ending = { outcome: 'notJson', code: -32603 };

/** What a response says of how its request ended. A server may have made it without an SDK: nothing of it is sure. */
export function endingOf(response: ResponseMessage): Ending {
  const { error, result }: { readonly error?: unknown; readonly result?: unknown } = response;
  if ('error' in response && !(isAbsent(error) && 'result' in response)) {
    const { code, message } = isObject(error) ? error : {};
    return {
      outcome: 'error',
      code: typeof code === 'number' ? code : undefined,
      message: typeof message === 'string' ? message : undefined,
    };
  }
  if (!isObject(result)) return ANSWERED;
  return { outcome: result['isError'] === true ? 'toolError' : 'answered', result };
}

/** Some name the error of a result as well, as there being none. */
function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

/** How an operation ends that is refused. */
export function refusedAs(name: RefusalName): Ending {
  const { code, message } = REFUSALS[name];
  return { outcome: name === 'draining' ? 'drained' : 'error', code, message };
}

/** Begins an operation for each request among these messages, before anything is known of them: who observes may end it all. */
export function beginAll(
  watch: OperationWatch,
  messages: readonly JSONRPCMessage[],
): ReadonlyMap<JSONRPCMessage, OpenOperation> {
  const begun = new Map<JSONRPCMessage, OpenOperation>();
  for (const message of messages) {
    const operation = isRequest(message) ? watch.begin('server', message) : undefined;
    if (operation !== undefined) begun.set(message, operation);
  }
  return begun;
}

/** Hands on what a client sent, on behalf of the operation that it is, where somebody observes that. */
export function onBehalf(operation: OpenOperation | undefined, message: JSONRPCMessage, handOn: () => void): void {
  if (operation === undefined) return handOn();
  operation.run(handOn);
  if (!isRequest(message)) operation.end(ANSWERED); // nothing more is heard of a notification
}
