/** A server without an SDK, which says whatever its test has it say. */
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, JSONRPCRequest, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { ConnectableServer } from '../../src/options.ts';

/** Sends a message as it is; what it is about is the request of this id. */
export type Send = (message: object, relatedTo?: RequestId) => Promise<unknown>;

export class RawServer implements ConnectableServer {
  readonly #answer: (request: JSONRPCRequest, send: Send) => Promise<unknown>;
  #transport: Transport | undefined;

  /** `answer` is called for each request. */
  constructor(answer: (request: JSONRPCRequest, send: Send) => Promise<unknown>) {
    this.#answer = answer;
  }

  async connect(transport: Transport): Promise<void> {
    this.#transport = transport;
    transport.onmessage = (message) => {
      if (!('method' in message && 'id' in message)) return;
      void this.#answer(message, async (said, relatedTo) => {
        const options = relatedTo === undefined ? {} : { relatedRequestId: relatedTo };
        await transport.send({ jsonrpc: '2.0', ...said } as JSONRPCMessage, options);
      });
    };
  }

  async close(): Promise<void> {
    await this.#transport?.close();
  }
}
