/** A peer that envelopes are sent to, and the link that goes there, which is made when it is needed. */
import type { ClientOptions } from 'ws';
import type { OutgoingPeerRequest, PeerExchange, PeerTls } from '../peerNetwork.ts';
import { SOCKET_OPTIONS } from './link.ts';
import { PeerLink } from './peerLink.ts';
import { type Receiver, Sending, type SendLimits } from './sending.ts';

export class Peer implements Receiver {
  open = 0;
  readonly limits: SendLimits;
  readonly #address: string;
  readonly #options: ClientOptions;
  #link: PeerLink | undefined;

  constructor(url: URL, tls: PeerTls | undefined, limits: SendLimits) {
    this.limits = limits;
    const secure = url.protocol === 'https:';
    this.#address = `${secure ? 'wss' : 'ws'}://${url.host}/`;
    this.#options = {
      ...SOCKET_OPTIONS,
      handshakeTimeout: 2 * limits.acceptTimeout, // those who wait for it give up before
      ...(secure && clientTls(tls)),
    };
  }

  send(outgoing: OutgoingPeerRequest): PeerExchange {
    const sending = new Sending(this, outgoing);
    sending.start();
    return sending;
  }

  link(): PeerLink {
    if (this.#link === undefined || this.#link.leaving) {
      this.#link = new PeerLink(this.#address, this.#options, this.limits.silenceTimeout);
    }
    return this.#link;
  }

  /** Closes the link as soon as nothing is on it. */
  dropFree(): void {
    this.#link?.leave();
  }
}

function clientTls(tls: PeerTls | undefined): ClientOptions {
  if (tls === undefined) return {};
  const { key, cert, ca, servername } = tls;
  return { key, cert, ...(ca !== undefined && { ca }), ...(servername !== undefined && { servername }) };
}
