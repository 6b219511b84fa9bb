/**
 * The owner's side of what one node sends another: an envelope is verified before anything of it is used, and becomes an
 * exchange that is answered like any other. Whose the session is, and whether it is here, others say.
 */
import { END_REASONS, type EndReason } from '../machines/reasons.ts';
import { isObject } from '../protocol/messages.ts';
import type { SessionInfo } from '../supervisor/sessionInfo.ts';
import type { ByteBudget, Exchange } from '../transport/exchange.ts';
import type { Envelope } from './envelope.ts';
import type { Envelopes, HeadRefusal, OpenedEnvelope, OpenedHead } from './envelopes.ts';
import { ForwardedExchange } from './forwardedExchange.ts';
import { type IncomingPeerRequest, PEER_HEADER } from './peerNetwork.ts';
import { VERDICT_STATUS, type Verdict, verdictText } from './verdicts.ts';

/** What an envelope takes besides the body of its request, in bytes: 64 KiB of headers, however JSON writes them. */
const ENVELOPE_SIZE = 512 * 1024;

/** What is done with sessions. */
const METHODS: readonly string[] = ['POST', 'GET', 'DELETE'];

/** As the option `maxRequestBodySize`. */
const MAX_BODY_SIZE = 4 * 1024 * 1024;

export interface ReceiveParts {
  readonly envelopes: Envelopes;
  /** The life that this node has now; undefined where it has none, and takes nothing. */
  readonly life: () => string | undefined;
  /** Bytes that the body of a forwarded request may have. Default 4 MiB. */
  readonly maxRequestBodySize?: number | undefined;
  /** What all bodies that are being read take from. Default: bodies are bounded one by one alone. */
  readonly budget?: ByteBudget | undefined;
}

/** A request that another node has admitted. It is answered on its exchange, or by one of `moved` and `busy`. */
export interface ForwardedRequest {
  readonly exchange: Exchange;
  /** Who sent it, as the edge found out; undefined for nobody in particular. */
  readonly principal: string | undefined;
  readonly sessionId: string;
  /** Answers that the session is not here, and who has it if that is known: nothing was done for the request. */
  moved(owner?: string): void;
  /** Answers that the session can't be asked now: nothing was done for the request. */
  busy(): void;
}

export interface ReceiveHandlers {
  request(forwarded: ForwardedRequest): void;
  /** Ends a session that lives here, and says whether there was one. One that rejects is answered as busy. */
  terminate(sessionId: string, reason: EndReason): Promise<'terminated' | 'gone' | 'moved'>;
  /** How a session is that lives here. */
  look(sessionId: string): SessionInfo | undefined;
}

/** Takes what a peer has sent, or somebody who would be one. */
export function receive(parts: ReceiveParts, incoming: IncomingPeerRequest, on: ReceiveHandlers): void {
  const { envelopes, life, maxRequestBodySize = MAX_BODY_SIZE, budget } = parts;
  const head = envelopes.open(incoming.head);
  if (typeof head === 'string') return refuseHead(incoming, head);
  if (head.to !== life()) return answer(incoming, head, 'moved');
  if (head.size > maxRequestBodySize + ENVELOPE_SIZE) return answer(incoming, head, 'tooLarge');
  incoming.read({ size: head.size, budget }, (content) => {
    if (content === 'full') return answer(incoming, head, 'busy');
    const opened = content === 'aborted' ? undefined : head.open(content);
    if (opened === undefined) return refuseHead(incoming, 'forged');
    if (head.to !== life()) return answer(incoming, head, 'moved'); // it may have ended while the content came
    if (!isUnderstood(opened.envelope)) return answer(incoming, head, 'refused');
    accept(opened, head, incoming, on);
  });
}

/** Whether it says what this version knows: a newer peer may say more, and that is no reason to do less for it. */
function isUnderstood({ kind, sessionId, principal, method, url, headers, reason }: Envelope): boolean {
  return (
    (kind === 'request' || kind === 'terminate' || kind === 'look') &&
    typeof sessionId === 'string' &&
    (principal === null || typeof principal === 'string') &&
    METHODS.includes(method) &&
    typeof url === 'string' &&
    isObject(headers) &&
    (reason === undefined || END_REASONS.includes(reason))
  );
}

function accept(opened: OpenedEnvelope, head: OpenedHead, incoming: IncomingPeerRequest, on: ReceiveHandlers): void {
  const { kind, sessionId, principal, reason = 'terminated' } = opened.envelope;
  if (kind === 'terminate') {
    void on.terminate(sessionId, reason).then(
      (verdict) => answer(incoming, head, verdict),
      () => answer(incoming, head, 'busy'),
    );
    return;
  }
  if (kind === 'look') {
    const info = on.look(sessionId);
    if (info === undefined) return answer(incoming, head, 'moved');
    const headers = { 'Content-Type': 'application/json', [PEER_HEADER]: verdictText(head.proof, 'found') };
    return incoming.reply.respond(VERDICT_STATUS.found, headers, JSON.stringify(info));
  }
  on.request({
    exchange: new ForwardedExchange(opened, incoming.reply, head.proof),
    principal: principal ?? undefined,
    sessionId,
    moved: (owner) => answer(incoming, head, 'moved', owner),
    busy: () => answer(incoming, head, 'busy'),
  });
}

/**
 * Refuses a head. Who has no secret learns nothing but that. What a newer peer sends is not understood, which is no
 * reason to think that there is no such session.
 */
function refuseHead({ reply }: IncomingPeerRequest, refusal: HeadRefusal): void {
  const status = refusal === 'unknown' || refusal === 'full' ? 503 : 403;
  reply.setHeader('Connection', 'close');
  reply.respond(status, status === 503 ? { 'Retry-After': '5' } : {});
}

function answer({ reply }: IncomingPeerRequest, { proof }: OpenedHead, verdict: Verdict, owner?: string): void {
  reply.respond(VERDICT_STATUS[verdict], { [PEER_HEADER]: verdictText(proof, verdict, owner) });
}
