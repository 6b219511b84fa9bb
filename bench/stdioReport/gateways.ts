/** Who is compared: what serves a command on stdio over Streamable HTTP, configured as its documentation recommends. */
import { fileURLToPath } from 'node:url';
import { NEWER_NODE, PEERS_FOLDER } from '../peerReport/peerProcess.ts';
import { ROOT } from '../root.ts';

/** What a case may ask for. A gateway that has no such thing is started without, unless that makes the case pointless. */
export interface Wishes {
  /** How long an initialize may take, in ms. */
  readonly initializeTimeout?: number;
  readonly idleTimeout?: number;
  readonly maxSessions?: number;
  /** It logs what it logs by default; without, as little as it can. */
  readonly logs?: true;
  readonly restart?: 'temporary' | 'transient' | 'permanent';
  readonly warm?: number;
  /** The name of a variable that is to be passed on. */
  readonly env?: string;
}

export interface Gateway {
  readonly name: string;
  readonly served: string;
  /** Its package in bench/peers; ours is the root. */
  readonly package: string | undefined;
  readonly newerNode?: true;
  /** Each session has a process; else all sessions have one. */
  readonly perSession: boolean;
  /** What is run for a command; the first is the executable. */
  readonly run: (command: readonly string[], port: number, wishes: Wishes) => readonly string[];
}

const inPeers = (path: string) => fileURLToPath(new URL(`node_modules/${path}`, PEERS_FOLDER));

/** A word of a shell's line. */
const quoted = (word: string) => (/^[\w./:=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

const flag = (name: string, value: string | number | undefined, suffix = '') =>
  value === undefined ? [] : [name, `${value}${suffix}`];

export const OURS: Gateway = {
  name: 'mcp-session-supervisor',
  served: 'The built command, `mcp-session-supervisor -- <command>`.',
  package: undefined,
  perSession: true,
  run: (command, port, { initializeTimeout, idleTimeout, maxSessions, logs, restart, warm, env }) => [
    ...[process.execPath, fileURLToPath(new URL('dist/cli/main.js', ROOT)), '--port', String(port)],
    ...flag('--initialize-timeout', initializeTimeout, 'ms'),
    ...flag('--session-idle-timeout', idleTimeout, 'ms'),
    ...flag('--max-sessions', maxSessions),
    ...flag('--restart', restart),
    ...flag('--warm', warm),
    ...flag('--env', env),
    ...(logs ? [] : ['--quiet']),
    ...['--', ...command],
  ],
};

export const SUPERGATEWAY: Gateway = {
  name: 'supergateway',
  served: 'As its README starts it for sessions: `--stdio "<command>" --outputTransport streamableHttp --stateful`.',
  package: 'supergateway',
  perSession: true,
  run: (command, port, { idleTimeout, logs }) => [
    ...[process.execPath, inPeers('supergateway/dist/index.js'), '--stdio', command.map(quoted).join(' ')],
    ...['--outputTransport', 'streamableHttp', '--stateful', '--port', String(port)],
    ...flag('--sessionTimeout', idleTimeout ?? 60_000),
    ...(logs ? [] : ['--logLevel', 'none']),
  ],
};

export const MCP_PROXY: Gateway = {
  name: 'mcp-proxy',
  served: 'As its README starts it: `mcp-proxy --server stream -- <command>`. One process serves all sessions.',
  package: 'mcp-proxy',
  newerNode: true,
  perSession: false,
  run: (command, port, { initializeTimeout, idleTimeout }) => [
    ...[fileURLToPath(NEWER_NODE), inPeers('mcp-proxy/dist/bin/mcp-proxy.mjs')],
    ...['--host', '127.0.0.1', '--port', String(port), '--server', 'stream'],
    ...flag('--connectionTimeout', initializeTimeout),
    ...flag('--sessionIdleTimeout', idleTimeout),
    ...['--', ...command],
  ],
};

export const GATEWAYS: readonly Gateway[] = [OURS, SUPERGATEWAY, MCP_PROXY];
