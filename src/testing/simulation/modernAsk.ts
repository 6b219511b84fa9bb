/** What requests of MCP 2026-07-28 ask for in a simulation: without a session, each says who sends it and what it speaks. */

const MODERN_VERSION = '2026-07-28';

/** What is wrong with one: each has to be refused, with this status. */
export const SPOILS = {
  method: 400,
  name: 400,
  claim: 400,
  header: 400,
  version: 400,
  unknown: 404,
} as const;
export type Spoil = keyof typeof SPOILS;

/** What a listen stream wants to hear of: the list of tools, and these resources. */
export interface Wants {
  readonly tools: boolean;
  readonly uris: readonly string[];
}

export interface ModernAsk {
  readonly what: 'discover' | 'call' | 'listen';
  /** What of its server takes its time, as bits of `HOLD`. */
  readonly holds: number;
  /** Of a listen stream. */
  readonly wants?: Wants | undefined;
  /** What is wrong with it. */
  readonly spoil?: Spoil | undefined;
}

/** A request as it is sent. */
export interface WrittenAsk {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const METHODS = { discover: 'server/discover', call: 'tools/call', listen: 'subscriptions/listen' } as const;
const CLAIM = 'io.modelcontextprotocol/protocolVersion';

/** The headers and the body that say it; `how` is what its handler is to do, as in `CallManner`. */
export function written({ what, spoil, wants }: ModernAsk, id: number, token: string, how: number): WrittenAsk {
  const version = spoil === 'version' ? '2099-01-01' : MODERN_VERSION;
  const method = spoil === 'unknown' ? 'tools/guess' : METHODS[what];
  const _meta = {
    ...(spoil !== 'claim' && { [CLAIM]: version }),
    'io.modelcontextprotocol/clientInfo': { name: 'simulated', version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const isCall = method === METHODS.call;
  const params = {
    ...(isCall && { name: 'work', arguments: { token, how } }),
    ...(wants && { notifications: { toolsListChanged: wants.tools, resourceSubscriptions: wants.uris } }),
    _meta,
  };
  return {
    headers: {
      ...(spoil !== 'header' && { 'MCP-Protocol-Version': version }),
      'Mcp-Method': spoil === 'method' ? 'tools/list' : method,
      ...(isCall && { 'Mcp-Name': spoil === 'name' ? 'play' : 'work' }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id, method, params }),
  };
}
