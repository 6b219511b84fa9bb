/** The owner's end of a link: the requests that came on it, and their answers. Who has not the secret does not stay. */
import type { WebSocket } from 'ws';
import { afterwards, notAfterwards } from '../../clock.ts';
import type { LogEntry } from '../../options.ts';
import type { IncomingPeerRequest } from '../peerNetwork.ts';
import { FRAME } from './frames.ts';
import { Link, type LinkEvents } from './link.ts';
import { LinkRequest, type RequestHost } from './linkRequest.ts';

/** Requests that may be on a link at a time. */
const MAX_REQUESTS = 16_384;

/** A head is no longer, in bytes. */
const MAX_HEAD = 4_096;

/** How long somebody may take until a head of his was worth reading on, in ms. */
const PROOF_TIME = 10_000;

export interface LinkHost {
  serve(incoming: IncomingPeerRequest): void;
  log(entry: LogEntry): void;
  over(link: ServedLink): void;
}

export class ServedLink implements LinkEvents, RequestHost {
  readonly link: Link;
  readonly #host: LinkHost;
  readonly #requests = new Map<number, LinkRequest>();
  /** What came with this message: most have their content with them. */
  #fresh: LinkRequest[] = [];
  readonly #unproven: NodeJS.Timeout;
  #isProven = false;

  constructor(socket: WebSocket, host: LinkHost, silenceTimeout: number) {
    this.#host = host;
    this.link = new Link(socket, this, silenceTimeout);
    this.#unproven = afterwards(cut, PROOF_TIME, this.link).unref();
  }

  get busy(): boolean {
    return this.#requests.size > 0;
  }

  idle(): void {
    // Its sender closes it: something may be on its way.
  }

  /** Has the sender close it, when nothing is on it any more. */
  leave(): void {
    this.link.send(FRAME.closing, 0);
  }

  frame(kind: number, id: number, bytes: Buffer): void {
    if (kind === FRAME.request) return this.#request(id, bytes);
    const request = this.#requests.get(id);
    if (request === undefined) return; // it was answered before this came
    switch (kind) {
      case FRAME.content:
        if (!request.content(bytes)) this.link.cut();
        return;
      case FRAME.end:
        return request.completed();
      case FRAME.credit:
        return request.reply.granted(bytes.length === 4 ? bytes.readUInt32BE() : 0);
      case FRAME.reset:
        return request.reply.ended();
    }
  }

  read(): void {
    const fresh = this.#fresh;
    this.#fresh = [];
    for (const request of fresh) this.#host.serve(request);
  }

  proven(): void {
    if (this.#isProven) return;
    this.#isProven = true;
    notAfterwards(this.#unproven);
  }

  answered(id: number, last: boolean): void {
    this.#requests.delete(id);
    if (last && !this.#isProven) this.link.close();
  }

  log(entry: LogEntry): void {
    this.#host.log(entry);
  }

  ended(): void {
    notAfterwards(this.#unproven);
    for (const request of [...this.#requests.values()]) request.reply.ended();
    this.#host.over(this);
  }

  #request(id: number, bytes: Buffer): void {
    const known = this.#requests.has(id) || this.#requests.size >= MAX_REQUESTS;
    if (known || bytes.length > MAX_HEAD) return this.link.cut();
    const request = new LinkRequest(id, bytes.toString('latin1'), this);
    this.#requests.set(id, request);
    this.#fresh.push(request);
  }
}

function cut(link: Link): void {
  link.cut();
}
