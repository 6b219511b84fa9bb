/** How a request of a simulation gets to the supervisor, and its answer back: what the adapters have in common. */

export interface WireRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** The body comes in chunks, by `upload`. */
  readonly slowly: boolean;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** All of the body. */
  text(): Promise<string>;
  /** The next chunk; undefined when there is none any more, because the answer is complete or was cut. */
  read(): Promise<Uint8Array | undefined>;
}

export interface Wire {
  /** Sends the request. Resolves to what it is answered; to undefined when the connection ends without an answer. */
  send(request: WireRequest): Promise<WireAnswer | undefined>;
  /** Sends a chunk of a body that comes slowly. */
  upload(chunk: Uint8Array, last: boolean): void;
  /** The client goes away; `readerFirst`: it stops reading the answer before it aborts the request. */
  leave(readerFirst: boolean): void;
  /** Requests that were sent before it on the same connection. */
  readonly before: readonly WireUser[];
  /** Other requests were sent on the same connection. */
  readonly shared: boolean;
}

/** What a wire tells the exchange that it carries. */
export interface WireUser {
  /** Neither complete nor left by its client. */
  readonly open: boolean;
  /** Its body is still coming. */
  readonly uploading: boolean;
  /** Nobody wants the rest of its body. */
  stopUpload(): void;
  /** Its client has gone, with its connection. */
  hangUp(readerFirst: boolean): void;
}
