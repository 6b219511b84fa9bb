/** A request that came on a link. Its content is read when somebody wants it; what came unasked waits for that. */
import { afterwards, notAfterwards } from '../../clock.ts';
import type { ByteShare } from '../../transport/exchange.ts';
import type { ContentFailure, ContentLimits, IncomingPeerRequest } from '../peerNetwork.ts';
import { FRAME, UNASKED } from './frames.ts';
import { LinkReply, type ReplyHost } from './linkReply.ts';

/** How long a content may take, in ms. */
const CONTENT_TIME = 30_000;

export interface RequestHost extends ReplyHost {
  /** Somebody has looked at a head, and found it worth reading on. */
  proven(): void;
}

export class LinkRequest implements IncomingPeerRequest {
  readonly head: string;
  readonly reply: LinkReply;
  readonly #id: number;
  readonly #host: RequestHost;
  #chunks: Buffer[] = [];
  #size = 0;
  #complete = false;
  /** Of the content, as its head says. */
  #awaited = UNASKED;
  #done: ((content: Uint8Array | ContentFailure) => void) | undefined;
  #share: ByteShare | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(id: number, head: string, host: RequestHost) {
    this.head = head;
    this.#id = id;
    this.#host = host;
    this.reply = new LinkReply(id, host);
  }

  read({ size, budget }: ContentLimits, done: (content: Uint8Array | ContentFailure) => void): void {
    this.#awaited = size;
    this.#host.proven();
    if (this.#size > size) return done('aborted');
    if (this.#complete) return done(this.#whole(size));
    this.#host.link.send(FRAME.wanted, this.#id);
    this.#done = done;
    this.reply.onClose(() => this.#settle('aborted'));
    this.#share = budget?.share(() => this.#settle('full'));
    if (this.#share?.take(size) === false) return this.#settle('full');
    this.#timer = afterwards(late, CONTENT_TIME, this);
  }

  // --- for the link

  /** Returns false for more than a peer of ours would send. */
  content(bytes: Buffer): boolean {
    if (this.#complete) return false;
    this.#size += bytes.length;
    if (this.#size <= this.#awaited) this.#chunks.push(bytes);
    else if (this.#done === undefined) return false;
    else this.#settle('aborted');
    return true;
  }

  completed(): void {
    this.#complete = true;
    if (this.#done !== undefined) this.#settle(this.#whole(this.#awaited));
  }

  timedOut(): void {
    this.#settle('aborted');
  }

  // --- within

  #whole(size: number): Uint8Array | ContentFailure {
    if (this.#size !== size) return 'aborted';
    return this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
  }

  #settle(content: Uint8Array | ContentFailure): void {
    const done = this.#done;
    this.#done = undefined;
    this.#chunks = [];
    this.#complete = true;
    notAfterwards(this.#timer);
    this.#share?.release();
    done?.(content);
  }
}

function late(request: LinkRequest): void {
  request.timedOut();
}
