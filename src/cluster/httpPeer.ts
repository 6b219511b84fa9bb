/** A peer that envelopes are sent to, and the connections that go there. */
import { Agent, type AgentOptions, type RequestOptions } from 'node:http';
import { Agent as SecureAgent, type AgentOptions as SecureOptions } from 'node:https';
import type { PeerTls } from './peerNetwork.ts';

/** How long a free connection is kept, in ms: less than a peer keeps it, so that it is never closed as it is used. */
export const IDLE_TIME = 4_000;

/** So many of them for each peer. */
const MAX_FREE = 64;

/** When a connection on which nothing comes is tried for the first time, in ms. */
export const PROBE_AFTER = 5_000;

/** For so many ms after its last word a peer is taken to be there. */
const TRUST = 50;

/** All connections of an agent go to the same peer in the same way. */
const THE_PEER = 'peer';

class PlainConnections extends Agent {
  override getName(): string {
    return THE_PEER;
  }
}

class SecureConnections extends SecureAgent {
  /** Node's own name holds all the certificates, and is made for each request. */
  override getName(): string {
    return THE_PEER;
  }
}

export class Peer {
  /** For node:http, but for the headers of a request. */
  readonly target: RequestOptions;
  readonly secure: boolean;
  readonly host: string;
  readonly agent: Agent;
  /** Requests that are at it. */
  open = 0;
  /** When it said something, by `performance.now`. */
  #heard = Number.NEGATIVE_INFINITY;

  constructor(url: URL, tls: PeerTls | undefined) {
    this.secure = url.protocol === 'https:';
    this.host = url.host;
    const options: AgentOptions = {
      keepAlive: true,
      keepAliveMsecs: PROBE_AFTER,
      timeout: IDLE_TIME,
      maxFreeSockets: MAX_FREE,
      scheduling: 'lifo',
    };
    this.agent = this.secure ? new SecureConnections({ ...options, ...clientTls(tls) }) : new PlainConnections(options);
    const hostname = url.hostname.replace(/^\[|\]$/g, '');
    this.target = { agent: this.agent, method: 'POST', path: '/', hostname, port: url.port };
  }

  /** It was there a moment ago, and a connection is free that goes there. */
  get ready(): boolean {
    return performance.now() - this.#heard < TRUST && this.agent.freeSockets[THE_PEER] !== undefined;
  }

  /** It has said something. */
  hears(): void {
    this.#heard = performance.now();
  }

  /** It does not want these connections any more, or is gone: those that are free are closed before they are used. */
  dropFree(): void {
    this.#heard = Number.NEGATIVE_INFINITY;
    for (const socket of [...(this.agent.freeSockets[THE_PEER] ?? [])]) socket.destroy();
  }
}

function clientTls(tls: PeerTls | undefined): SecureOptions {
  if (tls === undefined) return {};
  const { key, cert, ca, servername } = tls;
  return { key, cert, ...(ca !== undefined && { ca }), ...(servername !== undefined && { servername }) };
}
