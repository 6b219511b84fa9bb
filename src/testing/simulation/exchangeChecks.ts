/** Checks of exchanges: that each is answered, once, with what is its own, and not refused for nothing. */

import { modernHasCause, modernWaitsForNothing } from './modernChecks.ts';
import type { Observed, SeenSession } from './observed.ts';
import { MIDST } from './places.ts';
import type { ClientRequest, SimulatedExchange } from './simulatedExchange.ts';
import type { WireMessage } from './simulatedServer.ts';

function sessionOf({ sessions }: Observed, exchange: SimulatedExchange): SeenSession | undefined {
  if (exchange.sessionId !== undefined) return sessions.get(exchange.sessionId);
  for (const session of sessions.values()) if (session.opening === exchange) return session;
  return undefined;
}

/** The server has the request, and has not answered it. */
function isPending(session: SeenSession | undefined, { token }: ClientRequest): boolean {
  return session?.server.serves(token) ?? false;
}

export function answeredOnce({ exchanges, sessions }: Observed): string | undefined {
  for (const { name, sessionId, stream } of exchanges) {
    const server = sessions.get(sessionId ?? '')?.server;
    for (const { id, responses, token } of stream.requests) {
      if (responses.length > 1) return `Request ${id} of ${name} has ${responses.length} answers`;
      const answer = responses[0]?.result?.token ?? '';
      const isIts = token === '' || responses[0]?.result === undefined || answer === token;
      if (!isIts && !server?.twice.has(answer))
        return `Request ${id} of ${name} (${token}) has the answer of ${answer}`;
    }
  }
  return undefined;
}

/** An exchange that goes on although nothing can be seen that it waits for. */
export function unansweredForNothing(observed: Observed): string | undefined {
  for (const exchange of observed.exchanges) {
    const missing = exchange.open ? waitsForNothing(observed, exchange) : endedEmpty(observed, exchange);
    if (missing !== undefined) return `${exchange.name} (${exchange.kind}) ${missing}`;
  }
  return undefined;
}

function waitsForNothing(observed: Observed, exchange: SimulatedExchange): string | undefined {
  const { kind, isStream, reading, status, stream, uploading } = exchange;
  if (uploading || exchange.waitsForTurn || (isStream && !reading) || observed.storeOperations > 0) return undefined;
  if (kind === 'modern') return modernWaitsForNothing(observed, exchange);
  const session = sessionOf(observed, exchange);
  const lives = session !== undefined && session.state !== 'terminated';
  if (kind === 'initialize')
    return lives && session.state === 'initializing' ? undefined : 'waits for its answer, and nothing does so with it';
  if (exchange.isGetStream) {
    if (lives && isStream) return undefined;
    return isStream ? 'is open though its session has ended' : 'gets no stream';
  }
  if (stream.requests.some((request) => isPending(session, request))) return undefined;
  return status === undefined
    ? 'is not answered, though nothing is left to wait for'
    : 'is open, though all is answered';
}

function endedEmpty(observed: Observed, exchange: SimulatedExchange): string | undefined {
  const { cut, hungUp, kind, pipelined, status, stream } = exchange;
  if (cut && !pipelined && !observed.draining) return 'is cut, without an answer';
  if (hungUp || pipelined || stream.wasSlow || (status !== 200 && status !== 204)) return undefined;
  if (observed.settings.eventStore && stream.sentAway) return undefined;
  if (kind === 'resume' && sessionOf(observed, exchange)?.storeFailed) return undefined;
  const missing = stream.requests.find(({ cancelled, responses }) => responses.length === 0 && !cancelled);
  return missing && `has ended, and request ${missing.id} has no answer`;
}

/** How a request may be refused that the embedder's code sends in the midst of a transition. */
const IN_MIDST = [404, 429, 500, 503];

export function causeOfRefusal(observed: Observed, exchange: SimulatedExchange): string | undefined {
  const { admission, error = '', headers, kind, name, status, stream } = exchange;
  if (kind === 'initialize') {
    const opens = status === 200 && stream.requests[0]?.responses[0]?.error === undefined;
    if (headers.has('mcp-session-id') !== opens) return `${name} is answered ${status}, with an id or without one`;
    if (opens && (admission?.full || admission?.principalFull)) return `${name} gets a session though there is no room`;
  }
  if (exchange.oversized && (status === 200 || status === 202)) return `${name} is taken in, too large as it is`;
  return hasCause(observed, exchange)
    ? undefined
    : `${name} (${kind}) is answered ${status} ${error}, which has no cause`;
}

function hasCause(observed: Observed, exchange: SimulatedExchange): boolean {
  // Sent in the midst of a transition, it may find its session, or no room, for that reason alone.
  if (exchange.within !== undefined && MIDST.includes(exchange.within) && IN_MIDST.includes(exchange.status ?? 0))
    return true;
  if (exchange.kind === 'modern') return modernHasCause(observed, exchange);
  const { clock, draining, settings } = observed;
  const { admission, error = '', kind, sentAt, sessionId, status, stream } = exchange;
  const session = sessionOf(observed, exchange);
  const ended = session === undefined || session.state === 'terminated';
  const waited = clock.now() - sentAt;
  switch (status) {
    case 200:
      return (
        kind === 'delete' ||
        kind === 'initialize' ||
        kind === 'listen' ||
        stream.requests.length > 0 ||
        stream.lastEventId !== undefined
      );
    case 202:
      return kind === 'post' && stream.requests.length === 0 && !exchange.nonsense;
    case 204:
      return (
        kind === 'resume' &&
        stream.requests.every((request) => request.responses.length > 0 || !isPending(session, request))
      );
    case 400:
      if (exchange.nonsense) return true;
      if (error.includes('batches')) return stream.requests.length > 1;
      if (error.includes('id is in flight'))
        return !exchange.idIsFree && stream.requests.some(({ repeated }) => repeated);
      return error.includes('Last-Event-ID') && kind === 'resume' && (ended || session.storeFailed);
    case 403:
      return exchange.denied;
    case 404:
      return sessionId !== undefined && (!exchange.found || ended);
    case 408:
      return draining || waited >= settings.requestBodyTimeout;
    case 413:
      return exchange.oversized;
    case 429:
      return kind === 'initialize' && (admission?.principalFull ?? true);
    case 500:
      return (
        kind === 'initialize' &&
        (session === undefined ? observed.idFailed : session.server.failed || session.causes.has('crashed'))
      );
    case 503:
      if (error.includes('shutting down')) return draining || session?.causes.has('drained') === true;
      if (error.includes('too many servers'))
        return kind === 'initialize' && (exchange.pipelined || observed.crowded || observed.embedder.lately);
      if (error.includes('too many sessions')) return kind === 'initialize' && (admission?.full ?? true);
      if (error.includes('before it was initialized')) return kind === 'initialize' && ended;
      return error.includes('store does not answer') && kind === 'resume' && session?.storeFailed === true;
    case 504:
      return kind === 'initialize' && (waited >= settings.initializeTimeout || waited >= settings.maxSessionLifetime);
    default:
      return false;
  }
}

/**
 * A message that is no response belongs to the stream on which it comes, and comes next on it. With several GET streams
 * the messages of none come one after the other.
 */
export function expectedMessage(
  observed: Observed,
  exchange: SimulatedExchange,
  message: WireMessage,
): string | undefined {
  const { name, sessionId, stream } = exchange;
  if (exchange.kind === 'modern') return observed.modern.received(exchange, message);
  const token = message.params?.token;
  if (token === undefined) return `${name} gets a response to nothing that it asked: ${JSON.stringify(message)}`;
  const session = observed.sessions.get(sessionId ?? '');
  const server = session?.server;
  const sent = [...stream.requests.map((request) => server?.told.get(request.token) ?? []), server?.pushed ?? []];
  const list = sent.find((tokens) => tokens.includes(token));
  if (list === undefined || stream.requests.length > 0 !== (list !== server?.pushed))
    return `${name} gets ${token}, which belongs to another stream`;
  const last = stream.tokens.findLast((other) => list.includes(other));
  const next = last === undefined ? undefined : list[list.indexOf(last) + 1];
  const isFirst = last === undefined && (list === server?.pushed || list[0] === token);
  stream.tokens.push(token);
  const others = session?.gets.filter((other) => other !== stream) ?? [];
  if (list === server?.pushed && others.length > 0) {
    if (others.some(({ tokens }) => tokens.includes(token)))
      return `${name} gets ${token}, which came on another stream`;
    return last === undefined || list.indexOf(token) > list.indexOf(last)
      ? undefined
      : `${name} gets ${token} after ${last}`;
  }
  return isFirst || next === token ? undefined : `${name} gets ${token}, and ${next ?? list[0]} would be next`;
}
