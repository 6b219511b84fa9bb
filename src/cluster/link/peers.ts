/** The peers that envelopes are sent to, by their URLs. */
import { nextTurn } from '../../clock.ts';
import type { OutgoingPeerRequest, PeerExchange, PeerTls } from '../peerNetwork.ts';
import { Peer } from './peer.ts';
import type { SendLimits } from './sending.ts';

/** So many peers are known; beyond that, those that nothing is at are forgotten. */
const MAX_PEERS = 1_000;

const NOWHERE: PeerExchange = { delivered: false, pause() {}, resume() {}, destroy() {} };

export class PeersByUrl {
  readonly #limits: SendLimits;
  readonly #tls: PeerTls | undefined;
  readonly #peers = new Map<string, Peer>();

  constructor(limits: SendLimits, tls: PeerTls | undefined) {
    this.#limits = limits;
    this.#tls = tls;
  }

  send(url: string, outgoing: OutgoingPeerRequest): PeerExchange {
    const peer = this.#peer(url);
    if (peer !== undefined) return peer.send(outgoing);
    nextTurn(() => outgoing.failed({ delivered: false, reason: 'connect' }));
    return NOWHERE;
  }

  dropFree(): void {
    for (const peer of this.#peers.values()) peer.dropFree();
  }

  /** Undefined where it can't be reached by such a URL. */
  #peer(url: string): Peer | undefined {
    const known = this.#peers.get(url);
    if (known !== undefined) return known;
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return undefined;
    if (this.#peers.size >= MAX_PEERS) this.#forget();
    const peer = new Peer(new URL(url), this.#tls, this.#limits);
    this.#peers.set(url, peer);
    return peer;
  }

  #forget(): void {
    for (const [url, peer] of this.#peers) {
      if (peer.open > 0) continue;
      peer.dropFree();
      this.#peers.delete(url);
    }
  }
}
