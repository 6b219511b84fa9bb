/**
 * The way of a request that was let in: session, body, messages, transport. It needs no more than the exchange and whose
 * it is, wherever that was found out.
 */
import { isModern } from '../protocol/era.ts';
import { ASSUMED_VERSION, BATCH_VERSION } from '../protocol/versions.ts';
import type { ForwardedRequest } from '../supervisor/clusterNode.ts';
import type { ModernEra } from '../supervisor/modernEra.ts';
import type { Shelf } from '../supervisor/shelf.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { Exchange } from '../transport/exchange.ts';
import { refuse } from '../transport/refuse.ts';
import type { AdmittedRequest } from './admitRequest.ts';
import { finishesCalls, hasDuplicateId } from './classify.ts';
import { single } from './guards.ts';
import { inCluster } from './inCluster.ts';
import { firstId, idOf, inSession, removeRecord } from './inSession.ts';
import { answerModern, answerUnnamed, contradicts, isOfNoSession } from './modern.ts';
import { type ReadMessages, readMessages } from './readMessages.ts';

/** Has a request answered that was let in: here, or by the node of a cluster that has sent it here as `forwarded`. */
export function dispatch(
  supervisor: Supervisor,
  { exchange, principal }: AdmittedRequest,
  forwarded?: ForwardedRequest,
): Promise<void> | void {
  if (supervisor.modern !== undefined && isModern(exchange.headers['mcp-protocol-version'])) {
    if (exchange.method === 'POST') return postModern(supervisor, supervisor.modern, exchange, principal);
  }
  if (supervisor.options.stateless) return postStateless(supervisor, exchange, principal);

  const id = single(exchange.headers, 'mcp-session-id');
  if (id === undefined) {
    return exchange.method === 'POST'
      ? postFirst(supervisor, exchange, principal)
      : refuse(exchange, 'sessionRequired');
  }
  if (id !== null && supervisor.cluster !== undefined) {
    return inCluster(supervisor, supervisor.cluster, { exchange, principal, id, forwarded });
  }
  const session = id === null ? undefined : supervisor.find(id, principal);
  if (session !== undefined) return inSession(supervisor, session, exchange);
  if (id === null || supervisor.shelf === undefined) return refuse(exchange, 'sessionNotFound');
  return wake(supervisor, supervisor.shelf, exchange, id, principal);
}

/**
 * A request for a session that has no incarnation here, if there is such a session. Whose it is, and what is wanted of it, is
 * known before anything is brought back.
 */
async function wake(
  supervisor: Supervisor,
  shelf: Shelf,
  exchange: Exchange,
  id: string,
  principal: string | undefined,
): Promise<void> {
  const record = await shelf.find(id, principal);
  if (typeof record === 'string') return refuse(exchange, record);
  if (exchange.method === 'DELETE') return removeRecord(shelf, record, exchange);
  let body: ReadMessages | undefined;
  if (exchange.method === 'POST') {
    body = await readMessages(supervisor, exchange);
    if (body === undefined) return;
  }
  // It may have been brought back while the body came.
  const live = supervisor.find(id, principal);
  if (live !== undefined) return inSession(supervisor, live, exchange, body);
  if (body?.kind === 'messages' && contradicts(supervisor, body.messages)) {
    return refuse(exchange, 'headerMismatch', firstId(body)); // before anything is brought back for it
  }
  if (body?.kind === 'messages' && finishesCalls(body.messages)) {
    const still = await shelf.records.find(id, principal); // it may have ended while the body came
    if (typeof still === 'string') return refuse(exchange, still);
    return exchange.respond(202, { 'Mcp-Session-Id': id }); // it is about a call that there is not any more
  }
  if (!supervisor.accepting) return refuse(exchange, 'draining', firstId(body));
  const session = await shelf.restore(record, exchange, exchange.method === 'GET');
  if (typeof session === 'string') return refuse(exchange, session, firstId(body));
  return inSession(supervisor, session, exchange, body);
}

/** A POST whose header names a revision without sessions; an initialize opens a session all the same. */
async function postModern(
  supervisor: Supervisor,
  modern: ModernEra,
  exchange: Exchange,
  principal: string | undefined,
): Promise<void> {
  const initialize = await answerModern(supervisor, modern, exchange, principal);
  if (initialize === undefined) return;
  if (supervisor.options.stateless) await postStateless(supervisor, exchange, principal, initialize);
  else await postFirst(supervisor, exchange, principal, initialize);
}

/** A POST without a session id: an initialize, or nothing that we could answer. */
async function postFirst(
  supervisor: Supervisor,
  exchange: Exchange,
  principal: string | undefined,
  given?: ReadMessages,
): Promise<void> {
  if (!supervisor.accepting) return refuse(exchange, 'draining');
  const body = given ?? (await readMessages(supervisor, exchange));
  if (body === undefined) return;
  if (isOfNoSession(supervisor, body)) return answerUnnamed(supervisor, exchange, principal, body);
  if (body.kind === 'messages') return refuse(exchange, 'sessionRequired', idOf(body.messages[0]));
  const { message, params, text } = body;
  if (supervisor.owner === null && (await supervisor.cluster?.whenOwner()) === undefined) {
    return refuse(exchange, supervisor.accepting ? 'notJoined' : 'draining', message.id);
  }
  const session = supervisor.admit({ principal, ...params });
  if (typeof session === 'string') return refuse(exchange, session, message.id);
  await session.open(exchange, message, text);
}

async function postStateless(
  supervisor: Supervisor,
  exchange: Exchange,
  principal: string | undefined,
  given?: ReadMessages,
): Promise<void> {
  if (!supervisor.accepting) return refuse(exchange, 'draining');
  const body = given ?? (await readMessages(supervisor, exchange));
  if (body === undefined) return;
  if (!supervisor.accepting) return refuse(exchange, 'draining');
  if (isOfNoSession(supervisor, body)) return answerUnnamed(supervisor, exchange, principal, body);
  const { messages, batch } = body.kind === 'initialize' ? { messages: [body.message], batch: false } : body;
  const version = exchange.headers['mcp-protocol-version'] ?? ASSUMED_VERSION;
  if (batch && version !== BATCH_VERSION) return refuse(exchange, 'batchNotAllowed');
  if (hasDuplicateId(messages, () => false)) return refuse(exchange, 'duplicateRequestId');
  const call = supervisor.stateless.admit(exchange);
  if (typeof call === 'string') return refuse(exchange, call, idOf(messages[0]));
  await call.answer(messages, batch, principal);
}
