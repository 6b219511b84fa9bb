/** JSON-RPC 2.0 messages as MCP narrows them: whether something is one, and which kind. */
import type {
  JSONRPCErrorResponse,
  JSONRPCMessage,
  JSONRPCRequest,
  JSONRPCResultResponse,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';

export type ResponseMessage = JSONRPCResultResponse | JSONRPCErrorResponse;

export function isRequest(message: JSONRPCMessage): message is JSONRPCRequest {
  return 'method' in message && 'id' in message;
}

export function isResponse(message: JSONRPCMessage): message is ResponseMessage {
  return !('method' in message);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The longest id of a request, in characters; it is kept while the request is in flight. */
const MAX_ID_LENGTH = 1_024;

function isId(id: unknown): id is RequestId {
  return typeof id === 'string' ? id.length <= MAX_ID_LENGTH : Number.isSafeInteger(id);
}

/** Whether a parsed body has the shape of a message; what its parameters have to be is its handler's business. */
export function isMessage(value: unknown): value is JSONRPCMessage {
  if (!isObject(value) || value['jsonrpc'] !== '2.0') return false;
  const { method, params, id, result, error } = value;
  if (Object.hasOwn(value, 'method')) {
    if (typeof method !== 'string') return false;
    if (Object.hasOwn(value, 'params') && !isObject(params)) return false;
    return !Object.hasOwn(value, 'id') || isId(id);
  }
  if (Object.hasOwn(value, 'result') === Object.hasOwn(value, 'error')) return false;
  if (Object.hasOwn(value, 'result')) return isId(id) && isObject(result);
  return (
    (!Object.hasOwn(value, 'id') || isId(id)) &&
    isObject(error) &&
    Number.isSafeInteger(error['code']) &&
    typeof error['message'] === 'string'
  );
}
