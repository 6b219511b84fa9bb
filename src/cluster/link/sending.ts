/**
 * One envelope on its way to a peer. To a peer that was just heard of it goes with its content; any other one is sent the
 * head, and gets the content when it has said that it wants it. So one that is gone, or stands still, was delivered
 * nothing, and what it was to do can go elsewhere.
 */
import { afterwards, nextTurn, notAfterwards } from '../../clock.ts';
import type { SealedEnvelope } from '../envelope.ts';
import type { OutgoingPeerRequest, PeerAnswer, PeerExchange, PeerFailure } from '../peerNetwork.ts';
import { creditOf, FRAME, UNASKED, WINDOW } from './frames.ts';
import type { LinkEnd } from './link.ts';
import { Outflow } from './outflow.ts';
import type { PeerLink, Rider } from './peerLink.ts';

/** Whom it is sent to. */
export interface Receiver {
  /** Requests that are at it. */
  open: number;
  readonly limits: SendLimits;
  /** What the next request goes by. */
  link(): PeerLink;
}

export interface SendLimits {
  readonly maxRequestsPerPeer: number;
  /** In ms. */
  readonly acceptTimeout: number;
  /** In ms. */
  readonly silenceTimeout: number;
}

export class Sending implements PeerExchange, Rider {
  readonly #peer: Receiver;
  readonly #outgoing: OutgoingPeerRequest;
  #link: PeerLink | undefined;
  #id = 0;
  #head: Buffer = Buffer.alloc(0);
  #content: Outflow | undefined;
  /** Its link was there before. */
  #reused = false;
  /** The peer was there a moment ago. */
  #trusting = false;
  #retried = false;
  #timer: NodeJS.Timeout | undefined;
  #paused = false;
  /** What came of the answer since it is paused; null for its end. */
  readonly #held: (Buffer | null)[] = [];
  #heldSize = 0;
  /** Bytes of the answer that were taken, and that the peer may not send again yet. */
  #taken = 0;
  #over = false;
  #counted = false;

  constructor(peer: Receiver, outgoing: OutgoingPeerRequest) {
    this.#peer = peer;
    this.#outgoing = outgoing;
  }

  get delivered(): boolean {
    return this.#content !== undefined && this.#content.progress > 0;
  }

  start(): void {
    if (this.#peer.open >= this.#peer.limits.maxRequestsPerPeer) {
      return void nextTurn(() => this.#fail({ delivered: false, reason: 'full' }));
    }
    this.#peer.open++;
    this.#counted = true;
    this.#send();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    while (!this.#paused && !this.#over && this.#held.length > 0) {
      const next = this.#held.shift() as Buffer | null;
      if (next === null) return this.#end();
      this.#heldSize -= next.length;
      this.#take(next);
    }
  }

  destroy(): void {
    if (this.#over) return;
    this.#link?.say(FRAME.reset, this.#id);
    this.#finish();
  }

  // --- for the link

  /** It is there, and the head can go. */
  opened(): void {
    const link = this.#link as PeerLink;
    link.say(FRAME.request, this.#id, this.#head);
    if (this.#trusting) this.#deliver(UNASKED);
  }

  frame(kind: number, bytes: Buffer): void {
    switch (kind) {
      case FRAME.wanted:
        return this.#deliver(Number.MAX_SAFE_INTEGER);
      case FRAME.answer:
        return this.#answered(bytes);
      case FRAME.data:
        return this.#came(bytes);
      case FRAME.end:
        return this.#paused ? void this.#held.push(null) : this.#end();
      case FRAME.reset:
        return this.#fail({ delivered: this.delivered, reason: 'broken' });
    }
  }

  linkEnded({ reason, error }: LinkEnd): void {
    const { delivered } = this;
    if (!delivered && this.#reused && !this.#retried && reason === 'broken') {
      // It was closed while it was free: that says nothing of the peer.
      this.#retried = true;
      return this.#send();
    }
    this.#fail({ delivered, reason: delivered || reason === 'timeout' ? reason : 'connect', error });
  }

  /** The peer has not said that it wants the content. */
  timedOut(): void {
    if (this.#over) return;
    const link = this.#link as PeerLink;
    this.destroy();
    link.leave();
    this.#outgoing.failed({ delivered: false, reason: 'timeout' });
  }

  // --- within

  #send(): void {
    try {
      this.#trySend(this.#outgoing.seal());
    } catch (error) {
      nextTurn(() => this.#fail({ delivered: false, reason: 'connect', error }));
    }
  }

  #trySend({ head, content }: SealedEnvelope): void {
    this.#head = Buffer.from(head, 'latin1');
    this.#link = this.#peer.link();
    this.#reused = this.#link.isOpen;
    this.#trusting = this.#link.trusted;
    this.#id = this.#link.add(this);
    this.#content = new Outflow(FRAME.content, this.#id, 0);
    this.#content.add(content);
    this.#content.end();
    notAfterwards(this.#timer);
    this.#timer = undefined;
    if (!this.#trusting) this.#timer = afterwards(late, this.#peer.limits.acceptTimeout, this);
    if (this.#reused) this.opened();
  }

  #deliver(credit: number): void {
    notAfterwards(this.#timer);
    this.#content?.grant(credit);
    if (this.#content !== undefined) this.#link?.flow(this.#content);
  }

  #answered(bytes: Buffer): void {
    notAfterwards(this.#timer);
    if (this.#content !== undefined) this.#link?.drop(this.#content);
    let answer: PeerAnswer;
    try {
      answer = JSON.parse(bytes.toString()) as PeerAnswer;
    } catch (error) {
      return this.#fail({ delivered: this.delivered, reason: 'broken', error });
    }
    this.#outgoing.head(answer);
  }

  #came(bytes: Buffer): void {
    if (!this.#paused) return this.#take(bytes);
    this.#held.push(bytes);
    this.#heldSize += bytes.length;
    // More than it was allowed to send.
    if (this.#heldSize > 2 * WINDOW) {
      this.#link?.say(FRAME.reset, this.#id);
      this.#fail({ delivered: true, reason: 'broken' });
    }
  }

  #take(bytes: Buffer): void {
    this.#taken += bytes.length;
    if (this.#taken >= WINDOW / 2) {
      this.#link?.say(FRAME.credit, this.#id, creditOf(this.#taken));
      this.#taken = 0;
    }
    this.#outgoing.data(bytes);
  }

  #end(): void {
    this.#finish();
    this.#outgoing.end();
  }

  #fail(failure: PeerFailure): void {
    if (this.#over) return;
    this.#finish();
    this.#outgoing.failed(failure);
  }

  #finish(): void {
    this.#over = true;
    notAfterwards(this.#timer);
    if (this.#content !== undefined) this.#link?.drop(this.#content);
    this.#link?.remove(this.#id);
    this.#held.length = 0;
    if (this.#counted) this.#peer.open--;
  }
}

function late(sending: Sending): void {
  sending.timedOut();
}
