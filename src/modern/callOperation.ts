/**
 * A request without a session, as somebody observes it. How it ended is known in pieces: what its server answered, what the
 * SDK's handler said before there was a server, that it was cut short, or that its client left, which cancels it.
 */
import type { JSONRPCMessage } from '@modelcontextprotocol/server';
import { isMessage, isRequest, isResponse } from '../protocol/messages.ts';
import type { Observers } from '../supervisor/observers.ts';
import { ANSWERED, type Ending, endingOf, type OpenOperation } from '../transport/operations.ts';

export class CallOperation {
  readonly #operation: OpenOperation;
  readonly #isNotification: boolean;
  #ending: Ending | undefined;

  constructor(operation: OpenOperation, isNotification: boolean) {
    this.#operation = operation;
    this.#isNotification = isNotification;
  }

  /** The operation of a body that claims this version; undefined where nobody observes it, or it is none. */
  static of(observers: Observers, body: unknown, claim: unknown): CallOperation | undefined {
    if (!observers.any || !isMessage(body) || isResponse(body)) return undefined;
    const protocolVersion = typeof claim === 'string' ? claim : undefined;
    const operation = observers.begin('server', 'modern', body, { id: undefined, protocolVersion });
    return operation && new CallOperation(operation, !isRequest(body));
  }

  run<T>(body: () => T): T {
    return this.#operation.run(body);
  }

  /** Its server answers it. */
  answered(response: JSONRPCMessage): void {
    if (isMessage(response) && isResponse(response)) this.#ending = endingOf(response);
  }

  /** It is answered otherwise. */
  cut(ending: Ending): void {
    this.#ending = ending;
  }

  /** It is over; `text` is what it was answered with in one piece, `complete` says that there is no more to come. */
  end(text: string | undefined, complete: boolean): void {
    this.#operation.end(this.#ending ?? endingOfText(text) ?? this.#last(complete));
  }

  #last(complete: boolean): Ending {
    return complete || this.#isNotification ? ANSWERED : { outcome: 'cancelled' };
  }
}

/** How an answer ended it that our own code, or the SDK's handler, has written. */
function endingOfText(text: string | undefined): Ending | undefined {
  try {
    const message: unknown = JSON.parse(text ?? 'null');
    return isMessage(message) && isResponse(message) ? endingOf(message) : undefined;
  } catch {
    return undefined;
  }
}
