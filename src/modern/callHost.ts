/** What one request without a session needs of all of them. */
import type { JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import type { McpHttpHandler } from '@modelcontextprotocol/server';
import type { ServerCount } from '../supervisor/serverCount.ts';
import type { Exchange } from '../transport/exchange.ts';
import type { Listening } from './listening.ts';
import type { ModernHost } from './modernHost.ts';
import type { ModernSdk } from './sdk.ts';

export interface CallHost extends Omit<ModernHost, 'accepting' | 'actor'> {
  readonly servers: ServerCount;
  /** The SDK, and its handler of calls. */
  loaded(): Promise<{ readonly sdk: ModernSdk; readonly handler: McpHttpHandler }>;
  /** Makes the listen stream of a request. */
  listen(sdk: ModernSdk, exchange: Exchange, principal: string | undefined, request: JSONRPCRequest): Listening;
  /** The factory built a server that can't serve such requests. */
  unservable(): void;
}
