/** Who can be measured. A new contender is a module in `servers/` that calls `listen`, and a line here. */
import type { Program } from './child.ts';

export interface Contender extends Program {
  readonly label: string;
}

const server = (label: string, file: string, ...args: string[]): Contender => ({
  label,
  module: new URL(`./servers/${file}.js`, import.meta.url),
  args,
});

export const CONTENDERS = {
  supervisor: server('mcp-session-supervisor', 'supervisor'),
  durable: server('with sessions on LMDB', 'supervisor', '--durable'),
  stateful: server('with three tools', 'supervisor', '--stateful'),
  statefulDurable: server('with three tools, on LMDB', 'supervisor', '--stateful', '--durable'),
  modern: server('without sessions', 'modern'),
  sdkModern: server('SDK v2 behind its Node adapter', 'modern', '--sdk'),
  sdkMap: server('SDK in a Map', 'sdkMap'),
  sdkMapParsed: server('SDK in a Map, body parsed before', 'sdkMap', '--parse-bodies'),
  floor: server('JSON-RPC by hand', 'floor'),
} as const satisfies Record<string, Contender>;

export type ContenderName = keyof typeof CONTENDERS;
