/** What a handler is told about the request that brought a message: SDK v1 reads `requestInfo`, v2 `request`. */
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';
import type { Exchange } from './exchange.ts';

export class MessageExtra implements MessageExtraInfo {
  readonly requestInfo: Exchange['requestInfo'];
  readonly authInfo?: AuthInfo;
  closeSSEStream?: () => void;
  closeStandaloneSSEStream?: () => void;
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.requestInfo = exchange.requestInfo;
    if (exchange.authInfo !== undefined) this.authInfo = exchange.authInfo;
  }

  /** Made when asked for. */
  get request(): Request {
    return this.#exchange.request;
  }
}
