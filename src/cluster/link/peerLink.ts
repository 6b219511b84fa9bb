/** The sender's end of a link: from the attempt to connect until nothing is on it any more. */
import type { ClientOptions, WebSocket } from 'ws';
import { FRAME, type FrameKind } from './frames.ts';
import { Link, type LinkEnd, type LinkEvents, OPEN } from './link.ts';
import type { Outflow } from './outflow.ts';
import { webSockets } from './sockets.ts';

/** For so many ms after its last word a peer is taken to be there. */
const TRUST = 50;

/** Beyond it the next request has another link. */
const LAST_ID = 2 ** 32 - 1;

/** A request that is on a link. */
export interface Rider {
  /** The link is there. */
  opened(): void;
  frame(kind: number, bytes: Buffer): void;
  linkEnded(end: LinkEnd): void;
}

export class PeerLink implements LinkEvents {
  #link: Link | undefined;
  #socket: WebSocket | undefined;
  #error: unknown;
  readonly #sendings = new Map<number, Rider>();
  #lastId = 0;
  #leaving = false;

  constructor(address: string, options: ClientOptions, silenceTimeout: number) {
    void this.#connect(address, options, silenceTimeout);
  }

  /** Takes no new requests: it is closed when those that are on it have ended, or is being closed. */
  get leaving(): boolean {
    return this.#leaving || (this.#socket !== undefined && this.#socket.readyState > OPEN);
  }

  get isOpen(): boolean {
    return this.#link !== undefined;
  }

  /** The peer was there a moment ago. */
  get trusted(): boolean {
    return this.#link !== undefined && performance.now() - this.#link.heard < TRUST;
  }

  get busy(): boolean {
    return this.#sendings.size > 0;
  }

  /** The number of a request that is on it from now on. */
  add(sending: Rider): number {
    const id = ++this.#lastId;
    if (id === LAST_ID) this.#leaving = true;
    this.#sendings.set(id, sending);
    return id;
  }

  remove(id: number): void {
    this.#sendings.delete(id);
    if (this.#leaving) this.#closeIfFree();
  }

  say(kind: FrameKind, id: number, bytes?: Uint8Array): void {
    this.#link?.send(kind, id, bytes);
  }

  flow(flow: Outflow): void {
    this.#link?.flow(flow);
  }

  drop(flow: Outflow): void {
    this.#link?.drop(flow);
  }

  leave(): void {
    this.#leaving = true;
    this.#closeIfFree();
  }

  idle(): void {
    this.leave();
  }

  frame(kind: number, id: number, bytes: Buffer): void {
    if (kind === FRAME.closing) return this.leave();
    this.#sendings.get(id)?.frame(kind, bytes); // one that has ended was still being answered
  }

  ended(end: LinkEnd): void {
    this.#leaving = true;
    this.#link = undefined;
    const sendings = [...this.#sendings.values()];
    this.#sendings.clear();
    for (const sending of sendings) sending.linkEnded(end);
  }

  async #connect(address: string, options: ClientOptions, silenceTimeout: number): Promise<void> {
    try {
      const { WebSocket } = await webSockets();
      if (this.#leaving && !this.busy) return this.ended({ reason: 'broken' });
      const socket = new WebSocket(address, options);
      this.#socket = socket;
      socket.on('error', (error) => {
        this.#error = error;
      });
      socket.on('close', () => {
        if (this.#link === undefined) this.ended({ reason: 'broken', error: this.#error });
      });
      socket.on('open', () => {
        this.#link = new Link(socket, this, silenceTimeout);
        for (const sending of [...this.#sendings.values()]) sending.opened();
        this.#closeIfFree();
      });
    } catch (error) {
      this.ended({ reason: 'broken', error });
    }
  }

  #closeIfFree(): void {
    if (!this.#leaving || this.busy) return;
    if (this.#link === undefined) this.#socket?.terminate();
    else this.#link.close();
  }
}
