/**
 * The way of a request that was let in: session, body, messages, transport. It needs no more than the exchange and whose
 * it is, wherever that was found out.
 */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { RefusalName } from '../errors.ts';
import { isModern } from '../protocol/era.ts';
import { ASSUMED_VERSION, BATCH_VERSION } from '../protocol/versions.ts';
import type { ModernEra } from '../supervisor/modernEra.ts';
import type { Session } from '../supervisor/session.ts';
import type { Shelf, ShelvedRecord } from '../supervisor/shelf.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { Exchange } from '../transport/exchange.ts';
import type { Hold } from '../transport/hold.ts';
import { refuse } from '../transport/refuse.ts';
import type { AdmittedRequest } from './admitRequest.ts';
import { finishesCalls, hasDuplicateId } from './classify.ts';
import { single } from './guards.ts';
import { answerModern, answerUnnamed, contradicts, isOfNoSession } from './modern.ts';
import { type ReadMessages, readMessages } from './readMessages.ts';

/** Has a request answered that was let in. */
export function dispatch(supervisor: Supervisor, { exchange, principal }: AdmittedRequest): Promise<void> | void {
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
  const session = id === null ? undefined : supervisor.find(id, principal);
  if (session !== undefined) return inSession(supervisor, session, exchange);
  if (id === null || supervisor.shelf === undefined) return refuse(exchange, 'sessionNotFound');
  return wake(supervisor, supervisor.shelf, exchange, id, principal);
}

/** A request for a session that lives here. `body` is that of a POST, where it was read already. */
function inSession(
  supervisor: Supervisor,
  session: Session,
  exchange: Exchange,
  body?: ReadMessages,
): Promise<void> | void {
  if (exchange.method === 'DELETE') return remove(supervisor, session, exchange);
  if (exchange.method === 'GET' && !supervisor.accepting) return refuse(exchange, 'draining');
  const hold = session.claim(exchange);
  if (typeof hold === 'string') return refuse(exchange, hold);
  return exchange.method === 'GET'
    ? get(supervisor, session, exchange, hold)
    : body === undefined
      ? post(supervisor, session, exchange, hold)
      : deliver(supervisor, session, exchange, hold, body);
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

function firstId(body: ReadMessages | undefined): string | number | null {
  return idOf(body?.kind === 'messages' ? body.messages[0] : body?.message);
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
  const session = supervisor.admit({ principal, ...params });
  if (typeof session === 'string') return refuse(exchange, session, message.id);
  await session.open(exchange, message, text);
}

/** A POST in a session. */
async function post(supervisor: Supervisor, session: Session, exchange: Exchange, hold: Hold): Promise<void> {
  const body = await readMessages(supervisor, exchange);
  if (body !== undefined) deliver(supervisor, session, exchange, hold, body);
}

function deliver(supervisor: Supervisor, session: Session, exchange: Exchange, hold: Hold, body: ReadMessages): void {
  const { messages, batch } = body.kind === 'initialize' ? { messages: [body.message], batch: false } : body;
  const refusal = checkMessages(supervisor, session, messages, batch);
  if (refusal !== undefined) return refuse(exchange, refusal, idOf(messages[0]));
  session.transport.deliver(exchange, messages, batch, hold, body.text);
}

function checkMessages(
  supervisor: Supervisor,
  session: Session,
  messages: readonly JSONRPCMessage[],
  batch: boolean,
): RefusalName | undefined {
  if (!supervisor.accepting && !finishesCalls(messages)) return 'draining';
  if (session.hasLeft) return session.lateRefusal; // while the body was coming
  if (contradicts(supervisor, messages)) return 'headerMismatch';
  if (messages.some((message) => 'method' in message && message.method === 'initialize')) return 'alreadyInitialized';
  if (batch && session.protocolVersion !== BATCH_VERSION) return 'batchNotAllowed';
  if (!session.transport.hasRoomFor(messages)) return 'tooManyCalls';
  const inFlight = (id: string | number) => session.transport.isAwaited(id);
  if (hasDuplicateId(messages, inFlight)) return 'duplicateRequestId';
  if (messages.some((message) => 'method' in message && 'id' in message)) session.used = true;
  return undefined;
}

/** A GET: the session's stream, or one that is resumed. */
async function get(supervisor: Supervisor, session: Session, exchange: Exchange, hold: Hold): Promise<void> {
  const lastEventId = single(exchange.headers, 'last-event-id');
  if (lastEventId === undefined || supervisor.options.eventStore === undefined) {
    return session.transport.listen(exchange);
  }
  try {
    const resumed = lastEventId !== null && (await session.transport.resume(exchange, lastEventId, hold));
    if (!resumed) refuse(exchange, session.hasLeft ? session.lateRefusal : 'eventNotFound');
  } catch (error) {
    session.incarnation.storeFailed(error);
    refuse(exchange, 'storeUnavailable');
  }
}

async function remove({ shelf }: Supervisor, session: Session, exchange: Exchange): Promise<void> {
  if (shelf === undefined) {
    void session.terminate('deleted');
    return exchange.respond(200, {});
  }
  // What was answered to be gone is gone for good, wherever the session has gone on meanwhile.
  const outcome = await session.endStored('deleted');
  if (outcome === 'removed') return exchange.respond(200, {});
  if (outcome === 'storeUnavailable') return refuse(exchange, outcome);
  const record = await shelf.find(session.id, session.principal);
  if (typeof record === 'string') return refuse(exchange, record);
  await removeRecord(shelf, record, exchange);
}

async function removeRecord(shelf: Shelf, record: ShelvedRecord, exchange: Exchange): Promise<void> {
  const outcome = await shelf.end(record, 'deleted');
  if (outcome === 'removed') exchange.respond(200, {});
  else refuse(exchange, outcome === 'gone' ? 'sessionNotFound' : outcome);
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

function idOf(message: JSONRPCMessage | undefined): string | number | null {
  return message !== undefined && 'method' in message && 'id' in message ? message.id : null;
}
