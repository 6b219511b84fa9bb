/** What a handler is told about the request that brought a message: SDK v1 reads `requestInfo`, v2 `request`. */
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';
import { type Answer, StreamAnswer } from './answer.ts';
import type { ExchangeInfo } from './exchange.ts';
import type { SessionStreams } from './sessionStreams.ts';

export class MessageExtra implements MessageExtraInfo {
  readonly requestInfo: ExchangeInfo['requestInfo'];
  readonly authInfo?: AuthInfo;
  closeSSEStream?: () => void;
  closeStandaloneSSEStream?: () => void;
  readonly #info: ExchangeInfo;

  constructor(info: ExchangeInfo) {
    this.#info = info;
    this.requestInfo = info.requestInfo;
    if (info.authInfo !== undefined) this.authInfo = info.authInfo;
  }

  /** Made when asked for. */
  get request(): Request {
    return this.#info.request;
  }
}

/** What the handler of a request is told whose streams its client may come back to. */
export function extraOfStreams(info: ExchangeInfo, streams: SessionStreams, answer: Answer | undefined): MessageExtra {
  const extra = new MessageExtra(info);
  extra.closeStandaloneSSEStream = () => streams.disconnectStandalone();
  if (answer instanceof StreamAnswer) extra.closeSSEStream = () => answer.stream.disconnect();
  return extra;
}
