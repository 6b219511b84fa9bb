/**
 * One request between two nodes of a simulated cluster, on a connection of its own: the head, the content when it is asked
 * for (at once where the peer was heard of a moment ago), and the answer. It can break at any time.
 */
import type { IncomingPeerRequest, OutgoingPeerRequest, PeerExchange, PeerFailure } from '../../index.ts';
import { type Between, Lane } from './lane.ts';
import type { SimulatedProcess } from './simulatedProcess.ts';
import { WireReply } from './wireReply.ts';
import type { Due } from './worldTime.ts';

/** How long a peer may take to ask for the content, and then to say that it has it, in ms. */
const ACCEPT_TIMEOUT = 2_000;
const SILENCE_TIMEOUT = 10_000;

const PEER_HEADER = 'MCP-Peer';
const BETWEEN_US = new Set([PEER_HEADER, 'Connection', 'Content-Length', 'Keep-Alive', 'Transfer-Encoding']);

type Read = Parameters<IncomingPeerRequest['read']>[1];

export interface WireWorld extends Between {
  /** Something leaves a node, in answer to a request. */
  leaves(process: SimulatedProcess, text: string): void;
  /** The peer has said something. */
  heard(wire: PeerWire): void;
  over(wire: PeerWire): void;
}

export class PeerWire implements PeerExchange {
  delivered = false;
  readonly from: SimulatedProcess;
  readonly to: SimulatedProcess;
  readonly #world: WireWorld;
  readonly #outgoing: OutgoingPeerRequest;
  readonly #there: Lane;
  readonly #back: Lane;
  #reply: WireReply | undefined;
  #content: Uint8Array = Buffer.alloc(0);
  #arrived = false;
  #read: Read | undefined;
  #timer: Due | undefined;
  /** The sender wants nothing any more, or has all there is. */
  #over = false;

  constructor(world: WireWorld, outgoing: OutgoingPeerRequest, from: SimulatedProcess, to: SimulatedProcess) {
    this.#world = world;
    this.#outgoing = outgoing;
    this.from = from;
    this.to = to;
    this.#there = new Lane(world, from, to);
    this.#back = new Lane(world, to, from);
  }

  /** Sends it; `serve` is undefined where nobody listens. `atOnce`: with its content. */
  start(serve: ((incoming: IncomingPeerRequest) => void) | undefined, atOnce: boolean): void {
    const { head, content } = this.#outgoing.seal();
    this.#content = content;
    if (serve === undefined) {
      const refused = () => this.#fail({ delivered: false, reason: 'connect' });
      return void this.#world.time.after(1, () => this.from.deliver(refused));
    }
    this.delivered = atOnce;
    this.#wait(atOnce ? SILENCE_TIMEOUT : ACCEPT_TIMEOUT);
    this.#there.send(() => serve(this.#incoming(head)));
    if (atOnce) this.#sendContent();
  }

  // --- for the sender

  pause(): void {
    this.#back.held = true;
  }

  resume(): void {
    this.#back.release();
  }

  destroy(): void {
    if (this.#over) return;
    this.#finish();
    this.#there.send(() => this.#gone());
  }

  // --- for the schedule

  /** The connection is gone: both ends notice, as far as they are there. */
  break(): void {
    if (this.#over) return;
    this.#there.close();
    this.#back.close();
    this.#world.time.after(1, () => {
      this.from.deliver(() => this.#fail({ delivered: this.delivered, reason: 'broken' }));
      this.to.deliver(() => this.#gone());
    });
  }

  // --- within

  #incoming(head: string): IncomingPeerRequest {
    const reply = new WireReply({
      head: (status, headers, length) => {
        const kept = Object.entries(headers).filter(([name]) => !BETWEEN_US.has(name));
        const answer = { status, headers: Object.fromEntries(kept), length, peer: headers[PEER_HEADER] };
        this.#say(() => this.#outgoing.head(answer));
      },
      data: (bytes) => {
        this.#world.leaves(this.to, bytes.toString());
        this.#say(() => {
          reply.taken(bytes.length);
          this.#outgoing.data(bytes);
        });
      },
      end: () =>
        this.#say(() => {
          this.#finish();
          this.#outgoing.end();
        }),
      cut: () => this.break(),
    });
    this.#reply = reply;
    return {
      head,
      reply,
      read: (_, done) => {
        this.#read = done;
        if (this.#arrived) return this.#readAll();
        this.#say(() => {
          if (!this.delivered) this.#sendContent();
        });
      },
    };
  }

  #sendContent(): void {
    this.delivered = true;
    this.#wait(SILENCE_TIMEOUT);
    this.#there.send(() => {
      this.#arrived = true;
      this.#readAll();
      this.#say(() => {}); // that it is there
    });
  }

  #readAll(): void {
    const done = this.#read;
    this.#read = undefined;
    done?.(this.#content);
  }

  /** The peer says something. */
  #say(run: () => void): void {
    this.#back.send(() => {
      if (this.#over) return;
      this.#world.heard(this);
      this.#wait(undefined);
      run();
    });
  }

  /** The sender has gone. */
  #gone(): void {
    const done = this.#read;
    this.#read = undefined;
    done?.('aborted');
    this.#reply?.ended();
  }

  #wait(ms: number | undefined): void {
    if (this.#timer !== undefined) this.#world.time.cancel(this.#timer);
    this.#timer = undefined;
    if (ms === undefined) return;
    this.#timer = this.#world.time.after(ms, () =>
      this.from.deliver(() => {
        if (this.#over) return;
        const { delivered } = this;
        this.destroy();
        this.#outgoing.failed({ delivered, reason: 'timeout' });
      }),
    );
  }

  #fail(failure: PeerFailure): void {
    if (this.#over) return;
    this.#finish();
    this.#outgoing.failed(failure);
  }

  #finish(): void {
    this.#over = true;
    this.#wait(undefined);
    this.#world.over(this);
  }
}
