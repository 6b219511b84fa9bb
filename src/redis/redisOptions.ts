/** Options of the stores in Redis: documentation, default, refusal. */
import { checkOptions, invalid, SupervisorError } from '../errors.ts';

/** A client or a cluster made by the package `redis`; connected or not. */
export interface RedisClient {
  // biome-ignore lint/suspicious/noExplicitAny: its options are the package's, which need not be installed to be typed
  duplicate(overrides?: any): unknown;
  sendCommand(...args: never[]): Promise<unknown>;
}

/** Options of `createRedisStores`: `url` or `client`, and a prefix. */
export interface RedisStoresOptions {
  /**
   * `redis://[[user]:password@]host[:port][/database]`, or `rediss://…` for TLS. Of a Redis Cluster: any of its nodes. The
   * password is told in no message.
   */
  url?: string | undefined;
  /**
   * In place of `url`: a client of `createClient`, or a cluster of `createCluster`. The stores connect by themselves, as
   * it would (`duplicate`), because they need other options (no offline queue, no reconnection of its own): it is neither
   * used nor closed, and need not be connected. Its `keyPrefix` does not count.
   */
  client?: RedisClient | undefined;
  /**
   * What all keys begin with: 1 to 64 of `A-Z a-z 0-9 : . _ -`. Default `mcp:`. Stores with the same prefix share their
   * sessions.
   */
  prefix?: string | undefined;
}

export interface ResolvedRedisOptions {
  readonly target: { readonly url: URL } | { readonly client: RedisClient };
  /** Hosts and ports, as messages name them. */
  readonly where: string;
  readonly prefix: string;
}

const NAMES = ['url', 'client', 'prefix'];
const URL_SHAPE = 'a URL like redis://host:6379, or rediss://… for TLS';

/** @throws {SupervisorError} `INVALID_OPTION`, `UNKNOWN_OPTION` or `CONFLICTING_OPTIONS` */
export function resolveRedisOptions(given: RedisStoresOptions): ResolvedRedisOptions {
  checkOptions('The options of createRedisStores', given);
  const stranger = Object.keys(given).find((name) => !NAMES.includes(name));
  if (stranger !== undefined) {
    throw new SupervisorError('UNKNOWN_OPTION', `There is no option ${stranger}; there are ${NAMES.join(', ')}`);
  }
  const { url, client, prefix = 'mcp:' } = given;
  if (url !== undefined && client !== undefined) {
    throw new SupervisorError('CONFLICTING_OPTIONS', 'url and client exclude one another: the client has its own');
  }
  if (typeof prefix !== 'string' || !/^[\w:.-]{1,64}$/.test(prefix)) {
    invalid('prefix', prefix, '1 to 64 letters, digits, colons, dots, underscores or hyphens');
  }
  if (client === undefined) return { target: { url: parseUrl(url) }, where: hostOf(parseUrl(url)), prefix };
  if (typeof client?.duplicate !== 'function' || typeof client.sendCommand !== 'function') {
    invalid('client', client, 'a client of createClient or createCluster of the package redis');
  }
  return { target: { client }, where: whereOf(client), prefix };
}

/** What was given is not repeated, since it may hold a password. */
function parseUrl(given: unknown): URL {
  const url = typeof given === 'string' ? tryUrl(given) : undefined;
  const database = url?.pathname.slice(1) ?? '';
  const fits =
    url !== undefined &&
    isEncoded(url.username) &&
    isEncoded(url.password) &&
    /^rediss?:$/.test(url.protocol) &&
    url.hostname !== '' &&
    /^\d{0,5}$/.test(database);
  if (!fits) throw new SupervisorError('INVALID_OPTION', `url must be ${URL_SHAPE}; what was given is none`);
  return url;
}

function isEncoded(part: string): boolean {
  try {
    decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}

function tryUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

function hostOf({ hostname, port }: { readonly hostname: string; readonly port: string | number }): string {
  return `${hostname}:${port === '' ? 6379 : port}`;
}

interface Addressed {
  readonly options?: { readonly socket?: SocketAddress; readonly url?: string };
  readonly _options?: { readonly rootNodes?: readonly { readonly url?: string; readonly socket?: SocketAddress }[] };
}

interface SocketAddress {
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
}

function whereOf(client: RedisClient): string {
  const { options, _options } = client as Addressed;
  const nodes = _options?.rootNodes ?? [options ?? {}];
  return nodes.map(addressOf).join(', ');
}

function addressOf({ url, socket }: { readonly url?: string; readonly socket?: SocketAddress }): string {
  const parsed = url === undefined ? undefined : tryUrl(url);
  if (parsed !== undefined) return hostOf(parsed);
  return socket?.path ?? hostOf({ hostname: socket?.host ?? 'localhost', port: socket?.port ?? '' });
}
