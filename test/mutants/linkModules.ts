/** What of a build is attacked of the links between its nodes: as much of its types as the attacks use. */

export interface LinkReply {
  readonly closed: boolean;
  readonly progress: number;
  setHeader(name: string, value: string): void;
  respond(status: number, headers: object): void;
  open(headers: object): void;
  write(chunk: Uint8Array): void;
  end(): void;
}

export interface LinkIncoming {
  readonly head: string;
  readonly reply: LinkReply;
  read(limits: { readonly size: number; readonly budget?: object }, done: (content: unknown) => void): void;
}

export interface LinkOutgoing {
  seal(): { readonly head: string; readonly content: Uint8Array; readonly proof: string };
  head(answer: { readonly status: number }): void;
  data(chunk: Uint8Array): void;
  end(): void;
  failed(failure: LinkFailure): void;
}

export interface LinkFailure {
  readonly delivered: boolean;
  readonly reason: string;
}

export interface LinkExchange {
  pause(): void;
  resume(): void;
  destroy(): void;
}

export interface LinkNetwork {
  listen(
    where: { readonly host: string; readonly port: number },
    serve: (incoming: LinkIncoming) => void,
  ): Promise<{ readonly url: string; close(): Promise<void> }>;
  send(url: string, outgoing: LinkOutgoing): LinkExchange;
  close(): void;
}

export type MakeLinkNetwork = (options?: {
  readonly maxRequestsPerPeer?: number;
  readonly acceptTimeout?: number;
  readonly silenceTimeout?: number;
}) => LinkNetwork;
