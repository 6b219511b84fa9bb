/** The network between nodes over node:http and node:https: one request for each envelope, on connections that are kept. */
import { type Clock, SYSTEM_CLOCK } from '../clock.ts';
import type { LogEntry } from '../options.ts';
import { listenForPeers } from './httpListener.ts';
import { IDLE_TIME, PROBE_AFTER } from './httpPeer.ts';
import { HttpPeers } from './httpPeers.ts';
import type { PeerNetwork, PeerTls } from './peerNetwork.ts';
import { MAX_AT_NODE } from './shares.ts';

export interface HttpNetworkOptions {
  /** What we show to peers, and whom we believe. Default: peers whose URLs begin with `https:` are believed as Node does. */
  readonly tls?: PeerTls | undefined;
  /**
   * How many requests may be at one peer at a time: calls that run, and streams for as long as they are open. Default
   * 8 192; beyond that a request is busy. Each has a connection; of those that are free 64 are kept, for 4 s.
   */
  readonly maxRequestsPerPeer?: number | undefined;
  /** How many connections of peers are taken at a time. Default 32 768; more are closed at once. */
  readonly maxConnections?: number | undefined;
  /**
   * How long a peer may take until it is connected and has said that it takes a request, in ms. Default 2 000; then nothing
   * was delivered.
   */
  readonly acceptTimeout?: number | undefined;
  /** How long a peer that was sent a request may say nothing at all, in ms. Default 10 000; a call may take any time. */
  readonly silenceTimeout?: number | undefined;
  /** Times what is left of a request that was refused. Default: the system's. */
  readonly clock?: Clock | undefined;
  /** Told of what fails on the listener. Default: nobody is. */
  readonly logger?: ((entry: LogEntry) => void) | undefined;
}

export interface HttpNetwork extends PeerNetwork {
  /** Closes the connections that are free, for which listeners of peers wait that close. It can be used on. */
  close(): void;
}

export function httpNetwork(options: HttpNetworkOptions = {}): HttpNetwork {
  const { tls, maxRequestsPerPeer = MAX_AT_NODE, acceptTimeout = 2_000, silenceTimeout = 10_000 } = options;
  const { maxConnections = 32_768, clock = SYSTEM_CLOCK, logger = () => {} } = options;
  const peers = new HttpPeers({ maxRequestsPerPeer, acceptTimeout, silenceTimeout }, tls);
  return {
    listen: (listening, serve) => {
      const limits = { clock, maxConnections, probeAfter: PROBE_AFTER, idleTime: IDLE_TIME };
      return listenForPeers(listening, serve, limits, logger);
    },
    send: (url, outgoing) => peers.send(url, outgoing),
    close: () => peers.dropFree(),
  };
}
