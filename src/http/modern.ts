/**
 * Requests without sessions (MCP 2026-07-28), where they are told from those of sessions: by the header
 * `MCP-Protocol-Version` first, by what the body claims where that says something else.
 */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { asksToListen, claimsModern, isFirstOfNoSession, someClaimModern } from '../protocol/era.ts';
import { isInitialize, isMessage, messageId } from '../protocol/messages.ts';
import type { ModernEra } from '../supervisor/modernEra.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { Exchange } from '../transport/exchange.ts';
import { refuse } from '../transport/refuse.ts';
import { accepts } from './guards.ts';
import { isTooLargeToKeep, judge, type ReadMessages, readJson } from './readMessages.ts';

/**
 * Answers a POST whose header names a revision without sessions: its body is judged as that revision has it, and no header
 * that is about a session is looked at. Returns an initialize without a claim instead, since its body is what negotiates.
 */
export async function answerModern(
  supervisor: Supervisor,
  modern: ModernEra,
  exchange: Exchange,
  principal: string | undefined,
): Promise<ReadMessages | undefined> {
  if (!supervisor.accepting) return void refuse(exchange, 'draining');
  const place = modern.admit(exchange, principal);
  if (typeof place === 'string') return void refuse(exchange, place);
  const json = await readJson(supervisor, exchange);
  if (json === undefined) return undefined;
  const { body } = json;
  if (!supervisor.accepting) return void refuse(exchange, 'draining', messageId(body));
  if (asksToListen(body) && !accepts(exchange.headers['accept'], 'text/event-stream')) {
    return void refuse(exchange, 'notAcceptable', messageId(body));
  }
  if (isInitialize(body) && !claimsModern(body)) {
    place.release();
    return judge(supervisor, exchange, json);
  }
  // The SDK takes more for a message than we do, such as ids of any length; it says of batches itself what they are.
  if (!Array.isArray(body) && !isMessage(body)) return void refuse(exchange, 'invalidMessage', messageId(body));
  if (asksToListen(body) && isTooLargeToKeep(json, supervisor.options.maxInitializeSize)) {
    return void refuse(exchange, 'listenTooLarge', messageId(body));
  }
  return void (await place.answer(body));
}

/** Answers a POST without a session that is of none by its body alone. */
export async function answerUnnamed(
  { modern }: Supervisor,
  exchange: Exchange,
  principal: string | undefined,
  body: ReadMessages,
): Promise<void> {
  const message = body.kind === 'initialize' ? body.message : body.messages[0];
  const id = messageId(message);
  if (modern === undefined) return refuse(exchange, 'modernRefused', id);
  const place = modern.admit(exchange, principal);
  if (typeof place === 'string') return refuse(exchange, place, id);
  await place.answer(message);
}

/** Whether a POST without a session is of none by its body. */
export function isOfNoSession({ modern, options }: Supervisor, body: ReadMessages): boolean {
  if (options.modern === 'off') return false;
  if (body.kind === 'initialize') return modern !== undefined && claimsModern(body.message);
  return !body.batch && body.messages.some(isFirstOfNoSession);
}

/** Whether messages of a session claim a revision without sessions, which their header does not name. */
export function contradicts({ options }: Supervisor, messages: readonly JSONRPCMessage[]): boolean {
  return options.modern !== 'off' && someClaimModern(messages);
}
