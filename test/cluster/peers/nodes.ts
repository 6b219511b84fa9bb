/** Two nodes' worth of exchanges: an owner behind a peer listener, and an edge whose clients are answered by it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';
import { SYSTEM_CLOCK } from '../../../src/clock.ts';
import { Envelopes } from '../../../src/cluster/envelopes.ts';
import { type ForwardParts, type ForwardResult, forward } from '../../../src/cluster/forward.ts';
import { type LinkNetworkOptions, linkNetwork } from '../../../src/cluster/linkNetwork.ts';
import type { IncomingPeerRequest, ListenOptions, PeerListener } from '../../../src/cluster/peerNetwork.ts';
import {
  type ForwardedRequest,
  type ReceiveHandlers,
  type ReceiveParts,
  receive,
} from '../../../src/cluster/receive.ts';
import { bodyBudgetOf } from '../../../src/http/bodyBudget.ts';
import { dispatch } from '../../../src/http/dispatch.ts';
import { NodeExchange } from '../../../src/http/nodeExchange.ts';
import type { LogEntry } from '../../../src/options.ts';
import { supervisorOf } from '../../../src/supervisor/sessionSupervisor.ts';
import { listen } from '../../support/listen.ts';
import { type ServeOptions, serve } from '../../support/serve.ts';
import { withTimeout } from '../../support/until.ts';

export const SECRET = 'a secret of 32 bytes, that nobody knows';
export const OWNER = 'b#owner';
export const EDGE = 'a#edge';

/** How the owner answers. */
export type OnRequest = (forwarded: ForwardedRequest) => void;

export interface OwnerOptions extends Partial<ReceiveParts> {
  readonly network?: LinkNetworkOptions;
  readonly listen?: Partial<ListenOptions>;
  readonly secrets?: readonly string[];
  readonly now?: () => number;
  readonly terminate?: ReceiveHandlers['terminate'];
}

export interface PeerOwner {
  readonly listener: PeerListener;
  readonly port: number;
  /** What came, whoever sent it. */
  readonly incoming: IncomingPeerRequest[];
  /** What was verified and handed on. */
  readonly forwarded: ForwardedRequest[];
}

/** A peer listener, whose requests are answered by `onRequest`. */
export async function peerOwner(onRequest: OnRequest, options: OwnerOptions = {}): Promise<PeerOwner> {
  const { network = {}, listen: listening = {}, secrets = [SECRET], now, terminate, ...parts } = options;
  const incoming: IncomingPeerRequest[] = [];
  const forwarded: ForwardedRequest[] = [];
  const envelopes = new Envelopes(secrets, now);
  const on: ReceiveHandlers = {
    request: (request) => {
      forwarded.push(request);
      onRequest(request);
    },
    terminate: terminate ?? (async () => 'gone'),
    look: () => undefined,
  };
  const received = { envelopes, life: () => OWNER, ...parts };
  const listener = await linkNetwork(network).listen({ host: '127.0.0.1', port: 0, ...listening }, (request) => {
    incoming.push(request);
    receive(received, request, on);
  });
  onTestFinished(() => withTimeout(listener.close(), { within: 8_000, what: 'the peer listener to close' }));
  return { listener, port: Number(new URL(listener.url).port), incoming, forwarded };
}

/** The same before a real supervisor, whose clients can also reach it directly. */
export async function supervisedOwner(options: ServeOptions = {}, owner: OwnerOptions = {}) {
  const served = await serve(options);
  const core = supervisorOf(served.supervisor);
  const onRequest: OnRequest = ({ exchange, principal }) => {
    core.track(exchange);
    void dispatch(core, { exchange, principal });
  };
  return { ...(await peerOwner(onRequest, { budget: bodyBudgetOf(core), ...owner })), ...served };
}

export interface EdgeOptions extends Partial<ForwardParts> {
  readonly secrets?: readonly string[];
  readonly links?: LinkNetworkOptions;
  readonly maxHeaderSize?: number;
  readonly principal?: string;
  readonly authInfo?: NodeExchange['authInfo'];
  /** Where what is forwarded goes; the owner otherwise. */
  readonly url?: string;
  readonly signal?: AbortSignal;
}

export interface Edge {
  /** `http://127.0.0.1:<port>/mcp` */
  readonly url: string;
  readonly port: number;
  /** How what was forwarded ended, in the order in which it came. */
  readonly results: Promise<ForwardResult>[];
  /** Of its clients. */
  readonly exchanges: NodeExchange[];
  readonly parts: ForwardParts;
  readonly log: LogEntry[];
}

/** A public listener that forwards all that comes; what was not delivered is answered with 599 and the outcome. */
export async function edge(owner: Pick<PeerOwner, 'listener'>, options: EdgeOptions = {}): Promise<Edge> {
  const {
    secrets = [SECRET],
    links = {},
    maxHeaderSize,
    principal,
    authInfo,
    signal,
    url = owner.listener.url,
  } = options;
  const life = { id: OWNER, node: 'b', url };
  const network = linkNetwork(links);
  onTestFinished(() => network.close());
  const parts: ForwardParts = {
    network,
    envelopes: new Envelopes(secrets),
    life,
    from: EDGE,
    ...options,
  };
  const results: Promise<ForwardResult>[] = [];
  const exchanges: NodeExchange[] = [];
  const log: LogEntry[] = [];
  const host = {
    options: { clock: SYSTEM_CLOCK, keepAliveInterval: Number.POSITIVE_INFINITY },
    log: (entry: LogEntry) => void log.push(entry),
  };
  const answer = async (request: IncomingMessage & { auth?: typeof authInfo }, response: ServerResponse) => {
    request.auth = authInfo;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const exchange = new NodeExchange(request, response, undefined, host);
    exchanges.push(exchange);
    const body = request.method === 'POST' ? Buffer.concat(chunks).toString() : undefined;
    const sessionId = String(request.headers['mcp-session-id'] ?? '');
    const forwarding = forward(parts, exchange, { sessionId, principal, body });
    signal?.addEventListener('abort', () => forwarding.abort());
    const { result } = forwarding;
    results.push(result);
    const { outcome, owner: named } = await result;
    if (outcome !== 'answered' && outcome !== 'lost')
      exchange.respond(599, {}, JSON.stringify({ outcome, owner: named }));
  };
  const server = createServer(maxHeaderSize === undefined ? {} : { maxHeaderSize }, (request, response) => {
    void answer(request, response).catch((error: unknown) =>
      log.push({ level: 'error', event: 'request.failed', message: '', error }),
    );
  });
  const listening = await listen(server);
  onTestFinished(listening.close);
  return { ...listening, results, exchanges, parts, log };
}
