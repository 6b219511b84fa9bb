/** What the flags mean to the supervisor: its options, with the defaults that depend on where the command listens. */
import { isLoopback } from '../door/addresses.ts';
import type { Directory, SessionSupervisorOptions } from '../index.ts';
import { toClusterOptions } from './clusterOptions.ts';
import type { Flags } from './flags.ts';

/** Where the command listens, as far as it decides who may ask. */
export interface Binding {
  /** As the command line names it. */
  readonly host: string;
  /** What that turned out to be: the address of the listening socket. */
  readonly address: string;
  /** The real port, never 0. */
  readonly port: number;
}

type FlagOptions = Omit<SessionSupervisorOptions, 'server' | 'logger'>;

/** The stores that the flags ask for, once they are open. */
export interface StoreOptions extends Pick<SessionSupervisorOptions, 'sessionStore' | 'eventStore'> {
  /** Which nodes live that share them; undefined where nobody else can have them. */
  readonly directory?: Directory | undefined;
}

/** The options that the flags ask for; what no flag names is left to the supervisor's own defaults. */
export function toSupervisorOptions(flags: Flags, binding: Binding, stores: StoreOptions = {}): FlagOptions {
  const options: FlagOptions = {
    sessionIdleTimeout: flags.sessionIdleTimeout,
    initializeTimeout: flags.initializeTimeout,
    maxSessionLifetime: flags.maxSessionLifetime,
    maxSessions: flags.maxSessions,
    whenFull: flags.whenFull,
    maxSessionsPerPrincipal: flags.maxSessionsPerPrincipal,
    stateless: flags.stateless,
    shutdownTimeout: flags.shutdownTimeout,
    historySize: flags.historySize,
    enableJsonResponse: flags.jsonResponse,
    eventStore: stores.eventStore,
    sessionStore: stores.sessionStore,
    parkAfter: flags.parkAfter,
    maxParkedSessions: flags.maxParkedSessions,
    restoreTimeout: flags.restoreTimeout,
    maxStateSize: flags.maxStateSize,
    cluster: toClusterOptions(flags, stores),
    modern: flags.modern,
    maxModernRequests: flags.maxModernRequests,
    maxModernRequestsPerPrincipal: flags.maxModernRequestsPerPrincipal,
    retryInterval: flags.retryInterval,
    keepAliveInterval: flags.keepAliveInterval,
    maxRequestBodySize: flags.maxRequestBodySize,
    maxInitializeSize: flags.maxInitializeSize,
    requestBodyTimeout: flags.requestBodyTimeout,
    maxStreamBuffer: flags.maxStreamBuffer,
    resumeTimeout: flags.resumeTimeout,
    allowedHosts: allowedHosts(flags, binding),
    allowedOrigins: allowedOrigins(flags, binding),
    cors: corsOf(flags),
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function corsOf({ cors: origins, corsHeaders: headers }: Flags): FlagOptions['cors'] {
  return origins === undefined || headers === undefined ? origins : { origins, headers };
}

/** A warning, when other machines can reach the server and nobody said by which names. */
export function uncheckedHosts({ allowedHosts: given }: Flags, { host, address }: Binding): string | undefined {
  if (isLoopback(address) || given !== undefined) return undefined;
  const bound = host === address ? host : `${host || 'no host'} (${address})`;
  return `${bound} is not loopback, and without --allowed-hosts any Host header is accepted`;
}

/** Shorter idle timeouts are warned of, in ms: few clients are that quick, and people think in seconds. */
const SHORT_IDLE_TIMEOUT = 1_000;

/** A warning, when sessions end sooner than most clients send their next request. */
export function shortIdleTimeout({ sessionIdleTimeout }: Flags): string | undefined {
  if (sessionIdleTimeout === undefined || sessionIdleTimeout >= SHORT_IDLE_TIMEOUT) return undefined;
  return `--session-idle-timeout ${sessionIdleTimeout}ms ends sessions between two requests of most clients`;
}

/** A host as a URL names it: an IPv6 address in brackets. */
export function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** The names by which this machine reaches itself, and those it was bound by, as written and as URLs write them. */
function loopbackNames({ host, address }: Binding): string[] {
  const bound = [host, address].filter((name) => name !== '').map(urlHost);
  const inUrls = bound
    .filter((name) => URL.canParse(`http://${name}`))
    .map((name) => new URL(`http://${name}`).hostname);
  return [...new Set(['localhost', '127.0.0.1', '[::1]', ...bound, ...inUrls])];
}

// A server on loopback is reached by every web page whose name was made to resolve to 127.0.0.1 (DNS rebinding);
// only the Host and Origin headers tell. Behind a public address the names are the operator's to give.
function allowedHosts({ allowedHosts: given }: Flags, binding: Binding): readonly string[] | undefined {
  if (given !== undefined) return given === '*' ? undefined : given;
  return isLoopback(binding.address) ? loopbackNames(binding) : undefined;
}

function allowedOrigins({ allowedOrigins: given, cors }: Flags, binding: Binding): readonly string[] | undefined {
  if (given !== undefined) return given === '*' ? undefined : given;
  // An origin that may read the answers may also ask.
  if (!isLoopback(binding.address) || cors === '*') return undefined;
  const origins = loopbackNames(binding)
    .map((name) => `http://${name}:${binding.port}`)
    .filter((url) => URL.canParse(url))
    .map((url) => new URL(url).origin);
  return [...new Set([...origins, ...(cors ?? [])])];
}
