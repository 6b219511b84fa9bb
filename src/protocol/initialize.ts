/** What a client says of itself in an initialize. */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { isObject } from './messages.ts';
import { ASSUMED_VERSION } from './versions.ts';

/** Who the client says it is: `clientInfo` of its initialize (MCP 2025-11-25, Lifecycle). */
export interface ClientInfo {
  readonly name: string;
  readonly version: string;
  readonly [key: string]: unknown;
}

/** The checked parameters of an initialize (MCP 2025-11-25, Lifecycle). */
export interface InitializeParams {
  readonly protocolVersion: string;
  readonly clientInfo: ClientInfo;
}

/** The parameters of an initialize; undefined if they are not what the protocol asks for. */
export function initializeParams(params: unknown): InitializeParams | undefined {
  if (!isObject(params) || typeof params['protocolVersion'] !== 'string') return undefined;
  const { protocolVersion, clientInfo, capabilities } = params;
  if (!isObject(capabilities) || !isObject(clientInfo)) return undefined;
  if (typeof clientInfo['name'] !== 'string' || typeof clientInfo['version'] !== 'string') return undefined;
  return { protocolVersion, clientInfo: clientInfo as unknown as ClientInfo };
}

/** Who a client says it is; undefined for what does not say it. */
export function clientOf(value: unknown): ClientInfo | undefined {
  const named = isObject(value) && typeof value['name'] === 'string' && typeof value['version'] === 'string';
  return named ? (value as unknown as ClientInfo) : undefined;
}

/** What a client calls itself, fit for a line of a log: no breaks, nothing invisible, and not at any length. */
export function describeClient({ name, version }: ClientInfo): string {
  const plain = (text: string, length: number) =>
    text
      .slice(0, length)
      .replace(/[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]+/gu, ' ')
      .trim();
  return `${plain(name, 100)} ${plain(version, 50)}`;
}

/** What is known of a client that has no session. */
export function clientInfoOf(
  message: JSONRPCMessage | undefined,
  headers: Record<string, string | string[] | undefined>,
): {
  readonly clientInfo: ClientInfo | undefined;
  readonly protocolVersion: string;
} {
  const initialize = message !== undefined && 'method' in message && message.method === 'initialize';
  const params = initialize ? initializeParams(message.params) : undefined;
  const header = headers['mcp-protocol-version'];
  return {
    clientInfo: params?.clientInfo,
    protocolVersion: params?.protocolVersion ?? (typeof header === 'string' ? header : ASSUMED_VERSION),
  };
}
