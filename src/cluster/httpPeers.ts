/** The peers that envelopes are sent to, by their URLs. */
import { HttpOutgoing, type SendLimits } from './httpOutgoing.ts';
import { Peer } from './httpPeer.ts';
import type { OutgoingPeerRequest, PeerExchange, PeerTls } from './peerNetwork.ts';

/** So many peers are known; beyond that, those that nothing is at are forgotten. */
const MAX_PEERS = 1_000;

export class HttpPeers {
  readonly #limits: SendLimits;
  readonly #tls: PeerTls | undefined;
  readonly #peers = new Map<string, Peer>();

  constructor(limits: SendLimits, tls: PeerTls | undefined) {
    this.#limits = limits;
    this.#tls = tls;
  }

  send(url: string, outgoing: OutgoingPeerRequest): PeerExchange {
    const sending = new HttpOutgoing(this.#peer(url), outgoing, this.#limits);
    sending.start();
    return sending;
  }

  dropFree(): void {
    for (const peer of this.#peers.values()) peer.dropFree();
  }

  /** Undefined where it can't be reached by such a URL. */
  #peer(url: string): Peer | undefined {
    const known = this.#peers.get(url);
    if (known !== undefined) return known;
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return undefined;
    if (this.#peers.size >= MAX_PEERS) {
      for (const [name, { open }] of this.#peers) if (open === 0) this.#peers.delete(name);
    }
    const peer = new Peer(new URL(url), this.#tls);
    this.#peers.set(url, peer);
    return peer;
  }
}
