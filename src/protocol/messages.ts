/** JSON-RPC 2.0 messages as MCP narrows them: whether something is one, and which kind. */
import type {
  JSONRPCErrorResponse,
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResultResponse,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';

export type ResponseMessage = JSONRPCResultResponse | JSONRPCErrorResponse;

export function isRequest(message: JSONRPCMessage): message is JSONRPCRequest {
  return 'method' in message && 'id' in message;
}

/** Whether a body is an initialize, or would be one. */
export function isInitialize(body: unknown): body is JSONRPCMessage {
  return isObject(body) && body['method'] === 'initialize';
}

export function requestsAmong(messages: readonly JSONRPCMessage[]): number {
  let count = 0;
  for (const message of messages) if (isRequest(message)) count++;
  return count;
}

export function isResponse(message: JSONRPCMessage): message is ResponseMessage {
  return !('method' in message);
}

/** A client's word that it wants no answer to a request any more. */
export function isCancellation(message: JSONRPCMessage): message is JSONRPCNotification {
  return 'method' in message && message.method === 'notifications/cancelled' && !('id' in message);
}

/** The token under which a request wants to hear of progress (MCP 2025-11-25, Progress), where it is one. */
export function progressTokenOf(params: JSONRPCRequest['params']): RequestId | undefined {
  const token: unknown = params?._meta?.progressToken;
  return typeof token === 'string' || typeof token === 'number' ? token : undefined;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The longest id of a request, and progress token, in characters; both are kept while the request is in flight. */
const MAX_ID_LENGTH = 1_024;

export function isId(id: unknown): id is RequestId {
  return typeof id === 'string' ? id.length <= MAX_ID_LENGTH : Number.isSafeInteger(id);
}

/**
 * The id of a request, well-formed or not, where it can be read; else null. That of what looks like a response is left
 * out: whoever sent it could take a refusal with that id for the answer to a request of its own.
 */
export function messageId(value: unknown): RequestId | null {
  if (!isObject(value) || !Object.hasOwn(value, 'id')) return null;
  if (!Object.hasOwn(value, 'method') && (Object.hasOwn(value, 'result') || Object.hasOwn(value, 'error'))) return null;
  return isId(value['id']) ? value['id'] : null;
}

/** What each kind of message may consist of; the SDKs' servers answer nothing that has more. */
const REQUEST = new Set(['jsonrpc', 'id', 'method', 'params']);
const RESULT = new Set(['jsonrpc', 'id', 'result']);
const ERROR = new Set(['jsonrpc', 'id', 'error']);

function consistsOf(value: Record<string, unknown>, members: ReadonlySet<string>): boolean {
  for (const name in value) if (!members.has(name)) return false;
  return true;
}

const RELATED_TASK = 'io.modelcontextprotocol/related-task';

/** Parameters or a result: an object, whose `_meta` is what the protocol says. The SDKs' servers answer no other. */
function isPayload(value: unknown): boolean {
  if (!isObject(value)) return false;
  if (!Object.hasOwn(value, '_meta')) return true;
  const meta = value['_meta'];
  if (!isObject(meta)) return false;
  if (Object.hasOwn(meta, 'progressToken') && !isId(meta['progressToken'])) return false;
  if (!Object.hasOwn(meta, RELATED_TASK)) return true;
  const task = meta[RELATED_TASK];
  return isObject(task) && typeof task['taskId'] === 'string';
}

/** Whether a parsed body has the shape of a message; what its parameters have to be is its handler's business. */
export function isMessage(value: unknown): value is JSONRPCMessage {
  if (!isObject(value) || value['jsonrpc'] !== '2.0') return false;
  const { method, params, id, result, error } = value;
  if (Object.hasOwn(value, 'method')) {
    if (typeof method !== 'string' || !consistsOf(value, REQUEST)) return false;
    if (Object.hasOwn(value, 'params') && !isPayload(params)) return false;
    return !Object.hasOwn(value, 'id') || isId(id);
  }
  if (Object.hasOwn(value, 'result')) return isId(id) && isPayload(result) && consistsOf(value, RESULT);
  return (
    consistsOf(value, ERROR) &&
    (!Object.hasOwn(value, 'id') || isId(id)) &&
    isObject(error) &&
    Number.isSafeInteger(error['code']) &&
    typeof error['message'] === 'string'
  );
}
