/**
 * The network between the nodes of a cluster, as a seam: sealed envelopes one way, answers the other, both streamed. It knows
 * nothing of what is in an envelope. `linkNetwork` is the one for real; a simulation has its own.
 */
import type { ByteBudget, Reply, ResponseHeaders } from '../transport/exchange.ts';
import type { SealedEnvelope } from './envelope.ts';

/** Certificates, in PEM. */
export interface PeerTls {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
  /** Who signs the certificates of peers. Default: whom Node trusts. */
  readonly ca?: string | Buffer | undefined;
  /** Only peers with a certificate of `ca` may connect. Default false. */
  readonly requestCert?: boolean | undefined;
  /** The name in the certificates of peers, where that is not the host of their URLs. */
  readonly servername?: string | undefined;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: PeerTls | undefined;
}

/** Where peers connect to. */
export interface PeerListener {
  /** `http://host:port`, or `https://…`, with the port that was bound. */
  readonly url: string;
  /**
   * Takes no new connections, and has peers close those that are there when nothing is on them any more. Resolves when none
   * is left; after 5 s it cuts those that are.
   */
  close(): Promise<void>;
}

/** How reading a content can fail. */
export type ContentFailure = 'aborted' | 'full';

/** What bounds the reading of a content. */
export interface ContentLimits {
  /** In bytes: exactly so many are read. */
  readonly size: number;
  /** What all bodies that are being read take from. */
  readonly budget?: ByteBudget | undefined;
}

/** An envelope of a peer, or of somebody who would be one. */
export interface IncomingPeerRequest {
  readonly head: string;
  /**
   * Where it is answered. Whoever answers before the content was read has not asked for it. With `Connection: close` the
   * answer ends the connection of somebody whose head was never worth reading on for.
   */
  readonly reply: Reply;
  /** Has the content sent, where its sender waits for that, and reads it. */
  read(limits: ContentLimits, done: (content: Uint8Array | ContentFailure) => void): void;
}

/** The header of an answer that says what is between two peers: proof and verdict. It goes no further. */
export const PEER_HEADER = 'MCP-Peer';

/** What an answer begins with. */
export interface PeerAnswer {
  readonly status: number;
  /** Those for the end, by name as it was written; how long the body is stands in `length`. */
  readonly headers: ResponseHeaders;
  /** Of the body, in bytes; undefined where it comes in chunks. */
  readonly length: number | undefined;
  /** What its `MCP-Peer` header says. */
  readonly peer: string | undefined;
}

/** Why there is no answer, or no more of it. */
export interface PeerFailure {
  /** The content may have reached the peer. Otherwise nothing of it can have, and it may be sent again. */
  readonly delivered: boolean;
  /** `full`: as many are at this peer as there may be. */
  readonly reason: 'connect' | 'full' | 'timeout' | 'broken';
  readonly error?: unknown;
}

/** An envelope for a peer, and what is to be done with its answer. Nothing is called after `end` or `failed`. */
export interface OutgoingPeerRequest {
  /** Called right before it is sent; again where it was not delivered and is tried once more. */
  seal(): SealedEnvelope;
  head(answer: PeerAnswer): void;
  data(chunk: Uint8Array): void;
  /** The answer is complete. */
  end(): void;
  failed(failure: PeerFailure): void;
}

/** The sender's hold on what it sent. */
export interface PeerExchange {
  /** The content may have reached the peer. */
  readonly delivered: boolean;
  /** Takes no more of the answer for now: the peer has to wait. */
  pause(): void;
  resume(): void;
  /** Wants no answer any more; the peer is told. Nothing is called after it. */
  destroy(): void;
}

/** How sealed envelopes get from node to node: HTTP, or in tests what simulates it. It knows nothing of what is in them. */
export interface PeerNetwork {
  /** Rejects where the address can't be bound. `serve` must not throw. */
  listen(options: ListenOptions, serve: (incoming: IncomingPeerRequest) => void): Promise<PeerListener>;
  /** `url` as the directory has it. Calls `seal` at once, and nothing else of `outgoing` before it has returned. */
  send(url: string, outgoing: OutgoingPeerRequest): PeerExchange;
}
