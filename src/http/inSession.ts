/**
 * The way of a request whose session was found: it is claimed, the body read, and delivered; or the session ends. Where
 * somebody else may have the session by now, the caller says what becomes of the request.
 */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { RefusalName } from '../errors.ts';
import { BATCH_VERSION } from '../protocol/versions.ts';
import type { Session } from '../supervisor/session.ts';
import type { Shelf, ShelvedRecord } from '../supervisor/shelf.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { Exchange } from '../transport/exchange.ts';
import type { Hold } from '../transport/hold.ts';
import { refuse } from '../transport/refuse.ts';
import { finishesCalls, hasDuplicateId } from './classify.ts';
import { single } from './guards.ts';
import { contradicts } from './modern.ts';
import { type ReadMessages, readMessages } from './readMessages.ts';

/** What is done with a request whose session is not to be had here any more; nothing of it was delivered. */
export type Moved = (body: ReadMessages | undefined) => Promise<void> | void;

/** Why a session is not to be had here, though it may be elsewhere. */
const HAS_MOVED: ReadonlySet<RefusalName> = new Set<RefusalName>(['draining', 'restoreFailed']);

/** A request for a session that lives here. `body` is that of a POST, where it was read already. */
export function inSession(
  supervisor: Supervisor,
  session: Session,
  exchange: Exchange,
  body?: ReadMessages,
  moved?: Moved,
): Promise<void> | void {
  if (exchange.method === 'DELETE') return remove(supervisor, session, exchange, moved);
  if (exchange.method === 'GET' && !supervisor.accepting) return moved ? moved(body) : refuse(exchange, 'draining');
  const hold = session.claim(exchange);
  if (typeof hold === 'string') return moved && HAS_MOVED.has(hold) ? moved(body) : refuse(exchange, hold);
  return exchange.method === 'GET'
    ? get(supervisor, session, exchange, hold)
    : body === undefined
      ? post(supervisor, session, exchange, hold, moved)
      : deliver(supervisor, session, exchange, hold, body, moved);
}

/** The id of the first request of a body. */
export function firstId(body: ReadMessages | undefined): string | number | null {
  return idOf(body?.kind === 'messages' ? body.messages[0] : body?.message);
}

/** A POST in a session. */
async function post(
  supervisor: Supervisor,
  session: Session,
  exchange: Exchange,
  hold: Hold,
  moved: Moved | undefined,
): Promise<void> {
  const body = await readMessages(supervisor, exchange);
  if (body !== undefined) await deliver(supervisor, session, exchange, hold, body, moved);
}

function deliver(
  supervisor: Supervisor,
  session: Session,
  exchange: Exchange,
  hold: Hold,
  body: ReadMessages,
  moved: Moved | undefined,
): Promise<void> | void {
  const { messages, batch } = body.kind === 'initialize' ? { messages: [body.message], batch: false } : body;
  const refusal = checkMessages(supervisor, session, messages, batch);
  if (refusal !== undefined && moved !== undefined && HAS_MOVED.has(refusal)) {
    hold.release();
    return moved(body);
  }
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

async function remove(
  { shelf }: Supervisor,
  session: Session,
  exchange: Exchange,
  moved: Moved | undefined,
): Promise<void> {
  if (shelf === undefined) {
    void session.terminate('deleted');
    return exchange.respond(200, {});
  }
  // What was answered to be gone is gone for good, wherever the session has gone on meanwhile.
  const outcome = await session.endStored('deleted');
  if (outcome === 'removed') return exchange.respond(200, {});
  if (outcome === 'storeUnavailable') return refuse(exchange, outcome);
  if (moved !== undefined) return moved(undefined);
  const record = await shelf.find(session.id, session.principal);
  if (typeof record === 'string') return refuse(exchange, record);
  await removeRecord(shelf, record, exchange);
}

export async function removeRecord(shelf: Shelf, record: ShelvedRecord, exchange: Exchange): Promise<void> {
  const outcome = await shelf.end(record, 'deleted');
  if (outcome === 'removed') exchange.respond(200, {});
  else refuse(exchange, outcome === 'gone' ? 'sessionNotFound' : outcome);
}

/** The id of a request. */
export function idOf(message: JSONRPCMessage | undefined): string | number | null {
  return message !== undefined && 'method' in message && 'id' in message ? message.id : null;
}
