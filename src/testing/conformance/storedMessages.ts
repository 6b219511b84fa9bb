/** What the cases of the store contract store: messages that servers send, and every shape that JSON takes. */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

/** A message that can be told from the others. */
export function note(n: number): JSONRPCMessage {
  return { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 't', progress: n } };
}

/** A result whose text is 1 MiB. */
export const LARGE: JSONRPCMessage = {
  jsonrpc: '2.0',
  id: 1,
  result: { content: [{ type: 'text', text: '€'.repeat(350_000) }] },
};

function nested(depth: number): unknown {
  let value: unknown = 'bottom';
  for (let n = 0; n < depth; n++) value = n % 2 === 0 ? { deeper: value } : [value];
  return value;
}

const params = (value: unknown): JSONRPCMessage =>
  ({ jsonrpc: '2.0', method: 'notifications/message', params: { value } }) as JSONRPCMessage;

export const ANY_JSON: readonly JSONRPCMessage[] = [
  { jsonrpc: '2.0', id: 'a string', result: {} },
  { jsonrpc: '2.0', id: 0, error: { code: -32000, message: 'No', data: null } },
  { jsonrpc: '2.0', id: 7, method: 'sampling/createMessage', params: { messages: [], _meta: { progressToken: 1 } } },
  params({ true: true, false: false, null: null, empty: '', '': {}, list: [[], {}, [null]] }),
  params([0, -1, 1.5, 1e-7, 1e300, Number.MAX_SAFE_INTEGER]),
  params('ä€🚀 \u2028\u2029 "\\/ \n\r\t \u007f \u0000 e\u0301 \ud800'),
  params('data: {"jsonrpc":"2.0"}\n\nevent: message\nid: 1\n\n'),
  params(nested(100)),
  // As JSON.parse makes them: members like any other.
  JSON.parse('{"jsonrpc":"2.0","method":"m","params":{"__proto__":{"polluted":true},"constructor":1,"toString":"x"}}'),
  // The supervisor notes on each message which stream of which session it belongs to.
  Object.assign(note(1), { 'mcp-session-supervisor/stream': 'session:0' }),
  // And stores an event that has nothing else, so that a client can resume from before the first message.
  { 'mcp-session-supervisor/stream': 'session:0' } as unknown as JSONRPCMessage,
];
