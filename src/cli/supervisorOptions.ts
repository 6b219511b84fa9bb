/** What the flags mean to the supervisor: its options, with the defaults that depend on where the command listens. */
import { createMemoryEventStore, type SessionSupervisorOptions } from '../index.ts';
import type { Flags } from './program.ts';

/** The supervisor's own defaults, in ms, where the command speaks of them. */
export const DEFAULT_IDLE_TIMEOUT = 1_800_000;
export const DEFAULT_SHUTDOWN_TIMEOUT = 10_000;

/** Where the command listens, as far as it decides who may ask. */
export interface Binding {
  readonly host: string;
  /** The real port, never 0. */
  readonly port: number;
}

type FlagOptions = Omit<SessionSupervisorOptions, 'server' | 'logger'>;

/** The options that the flags ask for; what no flag names is left to the supervisor's own defaults. */
export function toSupervisorOptions(flags: Flags, binding: Binding): FlagOptions {
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
    eventStore: flags.resumable && createMemoryEventStore(),
    retryInterval: flags.retryInterval,
    keepAliveInterval: flags.keepAliveInterval,
    maxRequestBodySize: flags.maxRequestBodySize,
    requestBodyTimeout: flags.requestBodyTimeout,
    maxStreamBuffer: flags.maxStreamBuffer,
    resumeTimeout: flags.resumeTimeout,
    allowedHosts: allowedHosts(flags, binding),
    allowedOrigins: allowedOrigins(flags, binding),
    cors: flags.cors,
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** A warning, when other machines can reach the server and nobody said by which names. */
export function uncheckedHosts({ host, allowedHosts: given }: Flags): string | undefined {
  if (isLoopback(host) || given !== undefined) return undefined;
  return `${host} is not loopback, and without --allowed-hosts any Host header is accepted`;
}

/** Says whether a host to bind is reachable from this machine only. */
function isLoopback(host: string): boolean {
  return host.toLowerCase() === 'localhost' || host === '::1' || /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/i.test(host);
}

/** A host as a URL names it: an IPv6 address in brackets. */
export function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** The names by which this machine reaches itself, and the one it was bound by. */
function loopbackNames(host: string): string[] {
  return [...new Set(['localhost', '127.0.0.1', '[::1]', urlHost(host)])];
}

// A server on loopback is reached by every web page whose name was made to resolve to 127.0.0.1 (DNS rebinding);
// only the Host and Origin headers tell. Behind a public address the names are the operator's to give.
function allowedHosts({ allowedHosts: given }: Flags, { host }: Binding): readonly string[] | undefined {
  if (given !== undefined) return given === '*' ? undefined : given;
  return isLoopback(host) ? loopbackNames(host) : undefined;
}

function allowedOrigins(
  { allowedOrigins: given, cors }: Flags,
  { host, port }: Binding,
): readonly string[] | undefined {
  if (given !== undefined) return given === '*' ? undefined : given;
  // An origin that may read the answers may also ask.
  if (!isLoopback(host) || cors === '*') return undefined;
  return [...loopbackNames(host).map((name) => new URL(`http://${name}:${port}`).origin), ...(cors ?? [])];
}
