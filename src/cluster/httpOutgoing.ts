/**
 * One envelope on its way to a peer. To a peer that was just heard of it goes in one piece; any other one is asked first
 * (`Expect: 100-continue`), and gets the content when it has said that it takes it. So one that is gone, or stands still,
 * was delivered nothing, and what it was to do can go elsewhere.
 */
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { afterwards, nextTurn, notAfterwards } from '../clock.ts';
import type { SealedEnvelope } from './envelope.ts';
import { answerOf } from './httpAnswer.ts';
import type { Peer } from './httpPeer.ts';
import { type OutgoingPeerRequest, PEER_HEADER, type PeerExchange, type PeerFailure } from './peerNetwork.ts';

export interface SendLimits {
  readonly maxRequestsPerPeer: number;
  /** In ms. */
  readonly acceptTimeout: number;
  /** In ms. */
  readonly silenceTimeout: number;
}

export class HttpOutgoing implements PeerExchange {
  readonly #peer: Peer | undefined;
  readonly #outgoing: OutgoingPeerRequest;
  readonly #limits: SendLimits;
  #request: ClientRequest | undefined;
  #response: IncomingMessage | undefined;
  #sealed: SealedEnvelope | undefined;
  /** The content was handed to the connection, or to the one that is being made. */
  #sent = false;
  #timer: NodeJS.Timeout | undefined;
  #retried = false;
  #over = false;
  /** Among those that are open at the peer. */
  #counted = false;

  constructor(peer: Peer | undefined, outgoing: OutgoingPeerRequest, limits: SendLimits) {
    this.#peer = peer;
    this.#outgoing = outgoing;
    this.#limits = limits;
  }

  get delivered(): boolean {
    return this.#sent && this.#request?.socket?.connecting !== true;
  }

  start(): void {
    const peer = this.#peer;
    const full = peer !== undefined && peer.open >= this.#limits.maxRequestsPerPeer;
    if (peer === undefined || full) {
      const reason = full ? 'connections' : 'connect';
      return void nextTurn(() => this.#fail({ delivered: false, reason }));
    }
    peer.open++;
    this.#counted = true;
    this.#trySend(peer);
  }

  pause(): void {
    this.#response?.pause();
  }

  resume(): void {
    this.#response?.resume();
  }

  destroy(): void {
    if (this.#over) return;
    this.#finish();
    this.#request?.destroy();
  }

  /** What node:http can't send at all fails like what reaches nobody. */
  #trySend(peer: Peer): void {
    try {
      this.#send(peer);
    } catch (error) {
      nextTurn(() => this.#fail({ delivered: false, reason: 'connect', error }));
    }
  }

  #send(peer: Peer): void {
    const sealed = this.#outgoing.seal();
    this.#sealed = sealed;
    const atOnce = peer.ready;
    const length = String(sealed.content.length);
    const headers = ['Host', peer.host, PEER_HEADER, sealed.head, 'Content-Length', length];
    if (!atOnce) headers.push('Expect', '100-continue');
    const options = { ...peer.target, headers };
    const sending = peer.secure ? secureRequest(options) : request(options);
    this.#request = sending;
    sending.on('error', (error) => this.#broke(sending, peer, error));
    sending.on('response', (response) => this.#answered(response, peer));
    if (atOnce) {
      sending.on('information', ({ statusCode }) => this.#told(statusCode, peer));
      this.#sent = true;
      this.#wait(this.#limits.silenceTimeout);
      sending.end(sealed.content);
      return;
    }
    sending.on('continue', () => this.#deliver(sending, peer));
    this.#wait(this.#limits.acceptTimeout);
    sending.flushHeaders();
  }

  /** The peer has read the head and takes the content. */
  #deliver(sending: ClientRequest, peer: Peer): void {
    if (this.#over || this.#sent) return;
    peer.hears();
    this.#sent = true;
    this.#wait(this.#limits.silenceTimeout);
    sending.on('information', ({ statusCode }) => this.#told(statusCode, peer));
    sending.end(this.#sealed?.content);
  }

  #told(status: number, peer: Peer): void {
    if (status !== 100) this.#heard(peer); // that one says that it takes the content, not that it has it
  }

  /** The peer says that it has the content: from now on it may take any time. */
  #heard(peer: Peer): void {
    peer.hears();
    notAfterwards(this.#timer);
  }

  #answered(response: IncomingMessage, peer: Peer): void {
    if (this.#over) return void response.destroy();
    this.#response = response;
    this.#heard(peer);
    this.#sealed = undefined;
    // It drains: what is free would be closed soon, with a request on its way.
    if (response.headers.connection === 'close') peer.dropFree();
    response.on('data', (chunk: Buffer) => {
      if (this.#over) return;
      peer.hears();
      this.#outgoing.data(chunk);
    });
    response.on('end', () => {
      if (this.#over || !response.complete) return;
      this.#finish();
      if (!this.#sent) this.#request?.destroy(); // the peer did not want the content, and the connection waits for it
      this.#outgoing.end();
    });
    response.on('error', () => {}); // 'close' says so
    response.on('close', () => this.#fail({ delivered: this.#sent, reason: 'broken' }));
    this.#outgoing.head(answerOf(response));
  }

  #broke(sending: ClientRequest, peer: Peer, error: Error): void {
    if (this.#over || this.#response !== undefined || sending !== this.#request) return;
    const { delivered } = this;
    if (sending.reusedSocket) peer.dropFree(); // the others are no better
    if (!delivered && sending.reusedSocket && !this.#retried) {
      // The connection was closed while it was free: that says nothing of the peer.
      this.#retried = true;
      notAfterwards(this.#timer);
      this.#sent = false;
      return this.#trySend(peer);
    }
    this.#fail({ delivered, reason: delivered ? 'broken' : 'connect', error });
  }

  #wait(timeout: number): void {
    notAfterwards(this.#timer);
    this.#timer = afterwards(late, timeout, this);
  }

  /** The peer has said nothing for too long. */
  timedOut(): void {
    if (this.#over) return;
    const { delivered } = this;
    this.#request?.destroy();
    this.#peer?.dropFree();
    this.#fail({ delivered, reason: 'timeout' });
  }

  #fail(failure: PeerFailure): void {
    if (this.#over) return;
    this.#finish();
    this.#outgoing.failed(failure);
  }

  #finish(): void {
    this.#over = true;
    notAfterwards(this.#timer);
    if (this.#counted && this.#peer !== undefined) this.#peer.open--;
  }
}

function late(outgoing: HttpOutgoing): void {
  outgoing.timedOut();
}
