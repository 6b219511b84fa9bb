/** The option `cluster`: what makes this process one node of several. */
import { Buffer } from 'node:buffer';
import { checkOptions, invalid, SupervisorError } from '../errors.ts';
import type { Directory } from '../stores/directory.ts';
import { type Check, methods } from './checks.ts';
import { refuseUnknown } from './unknownOption.ts';

/** Certificates of the listener for peers, in PEM; the same are shown to peers that ask for one. */
export interface ClusterTls {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
  /** Who signs the certificates of peers. Default: whom Node trusts. */
  readonly ca?: string | Buffer | undefined;
  /** Only peers with a certificate of `ca` may connect. Default false. */
  readonly requestCert?: boolean | undefined;
  /** The name in the certificates of peers, where that is not the host of their URLs. */
  readonly servername?: string | undefined;
}

/** Several processes that answer for the same sessions, each under a name. */
export interface ClusterOptions {
  /** Which nodes live: that of `createRedisStores`, or `createMemoryDirectory()` where all nodes are in one process. */
  readonly directory: Directory;
  /** The name of this node, which no other one has: `[A-Za-z0-9_-]{1,32}`. Ids of sessions that begin here begin with it. */
  readonly node: string;
  /**
   * Where peers connect to; port 0 takes a free one. The host has no default, because binding all addresses is a decision:
   * `0.0.0.0` and `::` do that, and need a `url`. Nobody but peers has to reach it.
   */
  readonly listen: { readonly host: string; readonly port: number; readonly tls?: ClusterTls | undefined };
  /** Where peers reach this node. Default: `http`, or `https` with `tls`, and what `listen` was bound to. */
  readonly url?: string | undefined;
  /**
   * One or two secrets that all nodes have, of 16 bytes and more: the first one signs ids and what nodes say to one another,
   * each of them is believed. For a rotation give the new one second everywhere, then first, then alone.
   */
  readonly secrets: readonly (string | Uint8Array)[];
  /**
   * For how long a node that says nothing goes on, in ms: so long its sessions wait when it dies. 100 to 600 000; less than
   * `restoreTimeout`, or no request waits long enough. Default 5 000.
   */
  readonly leaseTime?: number | undefined;
  /** What carries requests between nodes, a `PeerNetwork`; for tests. Default: HTTP over sockets of Node. */
  readonly network?: object | undefined;
}

/** The same with its defaults. */
export interface ResolvedClusterOptions extends ClusterOptions {
  readonly leaseTime: number;
}

const NAMES = ['directory', 'node', 'listen', 'url', 'secrets', 'leaseTime', 'network'];
const LISTEN_NAMES = ['host', 'port', 'tls'];
const TLS_NAMES = ['key', 'cert', 'ca', 'requestCert', 'servername'];

const LEASE_TIME = 5_000;
const SHORTEST_LEASE = 100;
const LONGEST_LEASE = 600_000;
const SHORTEST_SECRET = 16;

/** Addresses that nobody can be reached at. */
const WILDCARDS = new Set(['0.0.0.0', '::', '[::]', '']);

const directory: Check<Directory> = methods('join', 'renew', 'leave', 'find', 'named', 'lives');
const networkOf: Check<object> = methods<{ listen: unknown; send: unknown }>('listen', 'send');

/** @throws {SupervisorError} `INVALID_OPTION` or `UNKNOWN_OPTION` */
export const cluster: Check<ResolvedClusterOptions> = (name, value) => {
  const given = membersOf(name, value, NAMES);
  const listen = listenOf(`${name}.listen`, given['listen']);
  const url = given['url'] === undefined ? undefined : urlOf(`${name}.url`, given['url']);
  if (url === undefined && WILDCARDS.has(listen.host)) {
    invalid(`${name}.url`, undefined, `given where ${name}.listen binds all addresses: peers need one that leads here`);
  }
  return {
    directory: directory(`${name}.directory`, given['directory']),
    node: nodeOf(`${name}.node`, given['node']),
    listen,
    url,
    secrets: secretsOf(`${name}.secrets`, given['secrets']),
    leaseTime: given['leaseTime'] === undefined ? LEASE_TIME : leaseOf(`${name}.leaseTime`, given['leaseTime']),
    network: given['network'] === undefined ? undefined : networkOf(`${name}.network`, given['network']),
  };
};

function membersOf(name: string, value: unknown, known: readonly string[]): Readonly<Record<string, unknown>> {
  checkOptions(name, value);
  for (const member of Object.keys(value as object)) if (!known.includes(member)) refuseUnknown(member, known);
  return value as Readonly<Record<string, unknown>>;
}

const nodeOf: Check<string> = (name, value) =>
  typeof value === 'string' && /^[A-Za-z0-9_-]{1,32}$/.test(value)
    ? value
    : invalid(name, value, '1 to 32 letters, digits, - and _');

const listenOf: Check<ClusterOptions['listen']> = (name, value) => {
  const { host, port, tls } = membersOf(name, value, LISTEN_NAMES);
  if (typeof host !== 'string') return invalid(`${name}.host`, host, 'a name or an address to bind');
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 0 || port > 65_535) {
    return invalid(`${name}.port`, port, 'a whole number from 0 to 65535');
  }
  return { host, port, ...(tls !== undefined && { tls: tlsOf(`${name}.tls`, tls) }) };
};

const tlsOf: Check<ClusterTls> = (name, value) => {
  const given = membersOf(name, value, TLS_NAMES);
  for (const member of ['key', 'cert', 'ca']) {
    const pem = given[member];
    if (member === 'ca' && pem === undefined) continue;
    const isPem = (typeof pem === 'string' && pem !== '') || pem instanceof Uint8Array;
    if (!isPem) invalid(`${name}.${member}`, pem, 'PEM, as a string or as bytes');
  }
  return given as unknown as ClusterTls;
};

const urlOf: Check<string> = (name, value) => {
  const allowed = 'http://host:port or https://host:port, without a path';
  if (typeof value !== 'string' || !URL.canParse(value)) return invalid(name, value, allowed);
  const { protocol, origin, username, password, pathname, search, hash } = new URL(value);
  const isPlain = username === '' && password === '' && pathname === '/' && search === '' && hash === '';
  return isPlain && (protocol === 'http:' || protocol === 'https:') ? origin : invalid(name, value, allowed);
};

/** What is given is told to nobody. */
const secretsOf: Check<readonly (string | Uint8Array)[]> = (name, value) => {
  const refuse = (): never => {
    const allowed = `an array of one or two different secrets, each ${SHORTEST_SECRET} bytes or more`;
    throw new SupervisorError('INVALID_OPTION', `${name} must be ${allowed}`);
  };
  if (!Array.isArray(value) || value.length < 1 || value.length > 2) return refuse();
  const bytes = value.map((secret: unknown) =>
    typeof secret === 'string' || secret instanceof Uint8Array ? Buffer.from(secret as string) : Buffer.alloc(0),
  );
  if (bytes.some(({ length }) => length < SHORTEST_SECRET)) return refuse();
  const [first, second] = bytes;
  if (second !== undefined && first?.equals(second)) return refuse();
  return value.map((secret: string | Uint8Array) => (typeof secret === 'string' ? secret : Uint8Array.from(secret)));
};

const leaseOf: Check<number> = (name, value) =>
  typeof value === 'number' && value >= SHORTEST_LEASE && value <= LONGEST_LEASE
    ? value
    : invalid(name, value, `a number of milliseconds from ${SHORTEST_LEASE} to ${LONGEST_LEASE}`);
