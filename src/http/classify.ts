/**
 * What a body is, decided once: one message, an initialize, a batch, or something to refuse. Checks the shape of
 * JSON-RPC 2.0 (and MCP's narrower ids); what a method's parameters have to be is its handler's business.
 */
import type { JSONRPCMessage, JSONRPCRequest, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { RefusalName } from '../errors.ts';
import { isModern } from '../protocol/era.ts';
import { type InitializeParams, initializeParams } from '../protocol/initialize.ts';
import { isCancellation, isMessage, isResponse, messageId } from '../protocol/messages.ts';
import { ASSUMED_VERSION, SESSION_VERSIONS } from '../protocol/versions.ts';

/** Messages that one batch may hold. */
const MAX_BATCH_SIZE = 100;

export type Classified =
  | {
      readonly kind: 'initialize';
      readonly message: JSONRPCRequest;
      readonly params: InitializeParams;
      readonly text: string | undefined;
    }
  | {
      readonly kind: 'messages';
      readonly messages: readonly JSONRPCMessage[];
      readonly batch: boolean;
      readonly text: string | undefined;
    }
  | { readonly kind: 'refused'; readonly refusal: RefusalName; readonly id: RequestId | null };

/** `text` is what the body was parsed from, where it was parsed by us. */
export function classify(body: unknown, text?: string): Classified {
  if (!Array.isArray(body)) return classifyOne(body, text);
  if (body.length === 0) return refused('invalidMessage');
  if (body.length > MAX_BATCH_SIZE) return refused('batchTooLarge');
  if (!body.every(isMessage)) return refused('invalidMessage');
  if (body.some((message) => 'method' in message && message.method === 'initialize'))
    return refused('initializeInBatch');
  return { kind: 'messages', messages: body, batch: true, text };
}

function classifyOne(body: unknown, text: string | undefined): Classified {
  if (!isMessage(body)) return refused('invalidMessage', messageId(body));
  if (!('method' in body) || body.method !== 'initialize') {
    return { kind: 'messages', messages: [body], batch: false, text };
  }
  if (!('id' in body)) return refused('invalidMessage');
  const params = initializeParams(body.params);
  if (params === undefined) return refused('invalidInitialize', body.id);
  const initialize = { kind: 'initialize', message: body as JSONRPCRequest, params, text } as const;
  return isModern(params.protocolVersion) ? asOfASession(initialize) : initialize;
}

/**
 * A version without sessions can't be what an initialize comes to: its server is asked for the newest with, because some
 * agree to whatever they are asked for, and their clients would take them for what they are not.
 */
function asOfASession({ kind, message, params }: Classified & { kind: 'initialize' }): Classified {
  const [protocolVersion = ASSUMED_VERSION] = SESSION_VERSIONS;
  const asked = { ...message, params: { ...message.params, protocolVersion } };
  return { kind, message: asked, params: { ...params, protocolVersion }, text: undefined };
}

function refused(refusal: RefusalName, id: RequestId | null = null): Classified {
  return { kind: 'refused', refusal, id };
}

/** Responses and cancellations: what a call in flight may be waiting for, and so is let through in a drain. */
export function finishesCalls(messages: readonly JSONRPCMessage[]): boolean {
  return messages.every((message) => isResponse(message) || isCancellation(message));
}

/** Whether an id is used twice, among these messages or with those in flight. */
export function hasDuplicateId(messages: readonly JSONRPCMessage[], isInFlight: (id: RequestId) => boolean): boolean {
  const seen = new Set<RequestId>();
  return messages.some((message) => {
    if (!('method' in message) || !('id' in message)) return false;
    if (seen.has(message.id) || isInFlight(message.id)) return true;
    seen.add(message.id);
    return false;
  });
}
