/**
 * The sender's side of a forwarded request: what was let in here is answered by the node that has its session. A request
 * that can't have been delivered is given back, so that it can go elsewhere; one that may have been is never sent again.
 */
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import { SYSTEM_CLOCK } from '../clock.ts';
import type { NodeLife } from '../stores/directory.ts';
import type { ForwardOutcome } from '../supervisor/observer.ts';
import type { Exchange } from '../transport/exchange.ts';
import { refuse } from '../transport/refuse.ts';
import { endToEnd } from './endToEnd.ts';
import type { Envelope, SealedEnvelope } from './envelope.ts';
import type { Envelopes } from './envelopes.ts';
import { type AnswerLimits, ForwardedAnswer } from './forwardedAnswer.ts';
import type { OutgoingPeerRequest, PeerAnswer, PeerExchange, PeerFailure, PeerNetwork } from './peerNetwork.ts';
import { parseVerdict, type Verdict } from './verdicts.ts';

/** Without options: theirs. */
export const DEFAULT_LIMITS: AnswerLimits = {
  clock: SYSTEM_CLOCK,
  keepAliveInterval: 15_000,
  maxStreamBuffer: 1024 * 1024,
};

export interface ForwardResult {
  readonly outcome: ForwardOutcome;
  /** Who has the session, where `moved` came with it: the id of a life. */
  readonly owner?: string | undefined;
  /** Why the request was not answered, for the log. */
  readonly reason?: string | undefined;
  readonly error?: unknown;
}

export interface ForwardParts {
  readonly network: PeerNetwork;
  readonly envelopes: Envelopes;
  /** Whom it is sent to. */
  readonly life: NodeLife;
  /** The id of the life of this node. */
  readonly from: string;
  /** Default: those of the options. */
  readonly limits?: AnswerLimits | undefined;
}

export interface RequestToForward {
  readonly sessionId: string;
  readonly principal: string | undefined;
  /** Of a POST: its body, as it came. */
  readonly body: string | undefined;
}

/** Has a request answered by another node. */
export function forward(parts: ForwardParts, exchange: Exchange, request: RequestToForward): Forwarding {
  const forwarding = new Forwarding(parts, exchange, request);
  forwarding.start();
  return forwarding;
}

/** A request on its way to the node that is to answer it. */
export class Forwarding implements OutgoingPeerRequest {
  /** Resolves when it is answered, completely, or will not be; never rejects. */
  readonly result: Promise<ForwardResult>;
  readonly #parts: ForwardParts;
  readonly #exchange: Exchange;
  readonly #request: RequestToForward;
  #resolve: (result: ForwardResult) => void = () => {};
  #peer: PeerExchange | undefined;
  #proof = '';
  #answer: ForwardedAnswer | undefined;
  #settled = false;

  constructor(parts: ForwardParts, exchange: Exchange, request: RequestToForward) {
    this.#parts = parts;
    this.#exchange = exchange;
    this.#request = request;
    this.result = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  start(): void {
    if (this.#exchange.closed) return this.#settle({ outcome: 'answered' });
    this.#peer = this.#parts.network.send(this.#parts.life.url, this);
    this.#exchange.onClose(() => {
      if (this.#settled) return;
      this.#peer?.destroy();
      this.#settle({ outcome: 'answered' });
    });
  }

  /** Ends the waiting: what was delivered is lost by that. */
  abort(): void {
    const { delivered = false } = this.#peer ?? {};
    this.#peer?.destroy();
    this.#fail(delivered, { reason: 'aborted' });
  }

  seal(): SealedEnvelope {
    const { envelopes, from, life } = this.#parts;
    const { method, headers, authInfo, requestInfo } = this.#exchange;
    const { sessionId, principal = null, body } = this.#request;
    const url = requestInfo.url.href;
    const said = { method, url, headers: endToEnd(headers), authInfo };
    const envelope: Envelope = { kind: 'request', from, to: life.id, sessionId, principal, ...said };
    const sealed = envelopes.seal(envelope, body);
    this.#proof = sealed.proof;
    return sealed;
  }

  head(answer: PeerAnswer): void {
    if (this.#settled) return;
    const said = parseVerdict(answer.peer, this.#proof);
    if (said === undefined) {
      this.#peer?.destroy(); // whoever that is may go on for ever
      return this.#settle({ outcome: 'unreached', reason: `stranger (${answer.status})` });
    }
    if (said.verdict !== undefined) return this.#judged(said.verdict, said.owner);
    const { limits = DEFAULT_LIMITS } = this.#parts;
    this.#answer = new ForwardedAnswer(this.#exchange, answer, this.#peer as PeerExchange, limits);
  }

  data(chunk: Uint8Array): void {
    if (!this.#settled) this.#answer?.data(chunk);
  }

  end(): void {
    if (this.#settled) return;
    this.#settle({ outcome: 'answered' }); // first: the end of the answer may close the exchange
    this.#answer?.end();
  }

  failed({ delivered, reason, error }: PeerFailure): void {
    if (reason === 'full') return this.#settle({ outcome: 'busy', reason });
    this.#fail(delivered, { reason, error });
  }

  #judged(verdict: Verdict, owner: string | undefined): void {
    switch (verdict) {
      case 'moved':
        return this.#settle({ outcome: 'moved', owner });
      case 'busy':
        return this.#settle({ outcome: 'busy' });
      case 'tooLarge':
        this.#settle({ outcome: 'answered', reason: verdict });
        return refuse(this.#exchange, 'bodyTooLarge', this.#requestId());
      default:
        return this.#settle({ outcome: 'unreached', reason: verdict });
    }
  }

  /** No answer comes, or no more of it. */
  #fail(delivered: boolean, why: Pick<ForwardResult, 'reason' | 'error'>): void {
    if (this.#settled) return;
    // To listen or to resume once more does no harm, as long as nothing of it was sent on.
    const repeatable = !delivered || (this.#exchange.method === 'GET' && this.#answer === undefined);
    this.#settle({ outcome: repeatable ? 'unreached' : 'lost', ...why });
    if (!repeatable && !this.#answer?.break()) refuse(this.#exchange, 'ownerLost', this.#requestId());
  }

  #settle(result: ForwardResult): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#resolve(result);
  }

  /** Of the request in the body: read only where there is nothing else to say to it. */
  #requestId(): RequestId | null {
    try {
      const message = JSON.parse(this.#request.body ?? 'null') as { id?: RequestId; method?: string } | null;
      return message?.method === undefined ? null : (message.id ?? null);
    } catch {
      return null;
    }
  }
}
