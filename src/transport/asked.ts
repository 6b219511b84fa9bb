/** What a server has asked its client, as far as somebody observes it: until it is answered, or never will be. */
import type { JSONRPCMessage, JSONRPCRequest, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { isCancellation, isRequest, type ResponseMessage } from '../protocol/messages.ts';
import { type Ending, endingOf, type OpenOperation, type OperationWatch } from './operations.ts';

/** Open questions beyond these are not observed. */
const MAX_OPEN = 10_000;

export class Asked {
  /** By the server's ids. */
  readonly #open = new Map<RequestId, OpenOperation>();

  /** A message of the server's. Returns it as it is to be sent. */
  sending(watch: OperationWatch | undefined, message: JSONRPCMessage): JSONRPCMessage {
    if (isCancellation(message)) this.end(message.params?.['requestId'] as RequestId, { outcome: 'cancelled' });
    return watch !== undefined && isRequest(message) ? this.#begin(watch, message) : message;
  }

  #begin(watch: OperationWatch, request: JSONRPCRequest): JSONRPCRequest {
    if (this.#open.size >= MAX_OPEN) return request;
    const operation = watch.begin('client', request);
    this.end(request.id, { outcome: 'cancelled' }); // by the same id: whatever answer comes is to this one
    if (operation === undefined) return request;
    this.#open.set(request.id, operation);
    return operation.carried(request);
  }

  /** The client has answered; the id is the server's. */
  answered(response: ResponseMessage): void {
    if (response.id !== undefined) this.end(response.id, endingOf(response));
  }

  /** It found no way to the client. */
  unsent({ id }: JSONRPCRequest): void {
    this.end(id, { outcome: 'noStream' });
  }

  /** No answer is waited for any more. */
  end(id: RequestId, ending: Ending): void {
    const operation = this.#open.get(id);
    this.#open.delete(id);
    operation?.end(ending);
  }

  endAll(ending: Ending): void {
    for (const operation of this.#open.values()) operation.end(ending);
    this.#open.clear();
  }
}
