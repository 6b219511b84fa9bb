/** What a client told its server that has to be told again to the server of a later incarnation. */
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';

export type Note =
  | { readonly what: 'initialized' }
  | { readonly what: 'logLevel'; readonly level: string }
  | { readonly what: 'subscribed' | 'unsubscribed'; readonly uri: string };

/** What a request is about, once its server has granted it. */
export function noteOf({ method, params }: JSONRPCRequest): Note | undefined {
  const text = (name: string) => (typeof params?.[name] === 'string' ? (params[name] as string) : undefined);
  if (method === 'logging/setLevel') {
    const level = text('level');
    return level === undefined ? undefined : { what: 'logLevel', level };
  }
  if (method !== 'resources/subscribe' && method !== 'resources/unsubscribe') return undefined;
  const uri = text('uri');
  if (uri === undefined) return undefined;
  return { what: method === 'resources/subscribe' ? 'subscribed' : 'unsubscribed', uri };
}

export function isInitialized(message: JSONRPCMessage): boolean {
  return 'method' in message && message.method === 'notifications/initialized';
}
