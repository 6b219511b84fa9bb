/** The network between nodes over WebSockets: one link to each peer, which all requests that go there share. */
import type { LogEntry } from '../options.ts';
import { listenForPeers } from './link/listener.ts';
import { PeersByUrl } from './link/peers.ts';
import type { PeerNetwork, PeerTls } from './peerNetwork.ts';
import { MAX_AT_NODE } from './shares.ts';

export interface LinkNetworkOptions {
  /** What we show to peers, and whom we believe. Default: peers whose URLs begin with `https:` are believed as Node does. */
  readonly tls?: PeerTls | undefined;
  /**
   * How many requests may be at one peer at a time: calls that run, and streams for as long as they are open. Default 8 192;
   * beyond that a request is busy.
   */
  readonly maxRequestsPerPeer?: number | undefined;
  /** How many connections of peers are taken at a time. Default 10 000; more are closed at once. */
  readonly maxConnections?: number | undefined;
  /**
   * How long a peer may take until it is connected and has said that it takes a request, in ms. Default 2 000; then nothing
   * was delivered.
   */
  readonly acceptTimeout?: number | undefined;
  /**
   * How long a peer that has requests may say nothing at all, in ms, to the second. Default 10 000. It is asked meanwhile
   * whether it is there; a call may take any time.
   */
  readonly silenceTimeout?: number | undefined;
  /** Told of what fails on the listener. Default: nobody is. */
  readonly logger?: ((entry: LogEntry) => void) | undefined;
}

export interface LinkNetwork extends PeerNetwork {
  /** Closes links as soon as nothing is on them, for which listeners of peers wait that close. It can be used on. */
  close(): void;
}

export function linkNetwork(options: LinkNetworkOptions = {}): LinkNetwork {
  const { tls, maxRequestsPerPeer = MAX_AT_NODE, acceptTimeout = 2_000, silenceTimeout = 10_000 } = options;
  const { maxConnections = 10_000, logger = () => {} } = options;
  const peers = new PeersByUrl({ maxRequestsPerPeer, acceptTimeout, silenceTimeout }, tls);
  return {
    listen: (listening, serve) => listenForPeers(listening, serve, { maxConnections, silenceTimeout }, logger),
    send: (url, outgoing) => peers.send(url, outgoing),
    close: () => peers.dropFree(),
  };
}
