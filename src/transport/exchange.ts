/**
 * The port: one HTTP request and its response, as the core sees them. Adapters (Node's, the web's) implement it; they
 * know sockets and streams, the core knows only this.
 */
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { RefusalName } from '../errors.ts';

/** Header values by lower-case name, as node:http gives them. */
export type RequestHeaders = Record<string, string | string[] | undefined>;

export type ResponseHeaders = Readonly<Record<string, string>>;

/** How a body that could not be read failed; each is a row of the table of refusals. */
export type BodyFailure =
  | 'bodyTooLarge'
  | 'bodiesFull'
  | 'bodyTimeout'
  | 'bodyAborted'
  | 'bodyConsumed'
  | 'bodyDecoded'
  | 'parseError';

/** The text of a body and its size in bytes, or how reading it failed. */
export type BodyResult = { readonly text: string; readonly size: number } | { readonly failure: BodyFailure };

/** Bytes that several have to share. */
export interface ByteBudget {
  /** A share, of nothing yet. `evicted` is called when it has to make room for another: then it holds nothing any more. */
  share(evicted: () => void): ByteShare;
}

/** What one has of them. */
export interface ByteShare {
  /** Takes some more, or takes nothing and returns false. */
  take(bytes: number): boolean;
  /** Gives back all that it has; twice is harmless. */
  release(): void;
}

/** What reading a body may take. */
export interface BodyLimits {
  readonly maxBytes: number;
  /** What its header says that it has, in bytes; NaN without one. */
  readonly declared: number;
  /** In ms. */
  readonly timeout: number;
  /** What all bodies that are being read take from. */
  readonly budget: ByteBudget;
}

/** What is refused: an exchange, or what stands for one and can be answered. */
export type Refused = Pick<Reply, 'respond' | 'onRefused'> & Partial<Pick<Exchange, 'hosts' | 'headers'>>;

/** The half that an answer is written to. Writing never waits, and writing to a closed exchange does nothing. */
export interface Reply {
  /** The answer has ended or the peer is gone: nothing can be written any more. */
  readonly closed: boolean;
  /** No answer has been begun, and nothing is read any more that would have to be left unread. */
  readonly answerable: boolean;
  /** Bytes written that the peer has not taken yet. */
  readonly buffered: number;
  /** A number that changes whenever the peer takes something, while `buffered` is not 0. */
  readonly progress: number;
  /**
   * Calls the listener once, when the peer has taken enough for more to be written; at once if it has. For those who can
   * wait with what they write: others look at `buffered`. Not called any more once `closed`.
   */
  onTaken(listener: () => void): void;
  /**
   * Calls the listener once, when `closed` becomes true; at once if it is. The last one is called first: what was
   * begun first (the session's hold) ends last, and finds the rest ended.
   */
  onClose(listener: () => void): void;
  /** Told when a refusal has been sent; set by whoever watches. One function for all, so that it costs nothing. */
  onRefused?: ((name: RefusalName, refused: Refused) => void) | undefined;
  /** Adds a header to whatever answer is sent. */
  setHeader(name: string, value: string): void;
  /** Sends a whole answer. */
  respond(status: number, headers: ResponseHeaders, body?: string | Uint8Array): void;
  /** Begins an answer with status 200; the headers go out with the first `write`, `flush` or `end`. */
  open(headers: ResponseHeaders): void;
  /** Sends the headers, and whatever was written, as far as the peer takes it now. */
  flush(): void;
  write(chunk: string | Uint8Array): void;
  /** Ends the answer, once what is buffered has gone out. */
  end(chunk?: string): void;
  /** Ends the connection at once, whatever is buffered. */
  destroy(): void;
}

/** What a request handler is told about the request that it answers. */
export interface ExchangeInfo {
  readonly authInfo: AuthInfo | undefined;
  readonly requestInfo: { readonly headers: RequestHeaders; readonly url: URL };
  /** The same as a web-standard Request without its body, which SDK v2 hands to its handlers. Made when asked for. */
  readonly request: Request;
}

/** One HTTP request and its response. */
export interface Exchange extends Reply, ExchangeInfo {
  readonly method: string;
  readonly headers: RequestHeaders;
  /** Every host that the request names as the one it is sent to; more than one is a lie. */
  readonly hosts: readonly string[];
  /** The body, where somebody read it before us: parsed, or as text or bytes. */
  readonly parsedBody: unknown;
  /** Reads the body within the limits. Never rejects. */
  readBody(limits: BodyLimits): Promise<BodyResult>;
}
