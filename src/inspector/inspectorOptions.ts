/** The options of `serveInspector`: documentation, defaults, refusals. */

import { checkTypes } from '../door/optionTypes.ts';
import { isToken, randomToken, TOKEN_RULE } from '../door/token.ts';
import { SupervisorError } from '../index.ts';
import type { Inspection } from './inspection.ts';

/** Options of `serveInspector`. */
export interface InspectorOptions {
  /** The port to listen on. Default 0, which takes a free one. */
  readonly port?: number | undefined;
  /** The name or address to bind. Default `127.0.0.1`: whoever can reach it and knows the token can look. */
  readonly host?: string | undefined;
  /** What a viewer has to know: at least 16 characters that can stand in a URL. Default: 32 random bytes. */
  readonly token?: string | undefined;
  /** Whether a viewer may end sessions. Default false. */
  readonly allowTerminate?: boolean | undefined;
  /** Whether viewers are told session ids, which are what a client is known by. Default false: keys stand for them. */
  readonly revealIds?: boolean | undefined;
  /** Whether viewers are told who owns a session. Default false: names stand for them, the same for the same owner. */
  readonly revealPrincipals?: boolean | undefined;
  /** How many viewers there may be, of the page and of Stately's inspector together; beyond it 503. Default 100. */
  readonly maxViewers?: number | undefined;
  /** How many ended sessions are kept, with their black boxes, and of those parked last as many. Default 1 000. */
  readonly maxEnded?: number | undefined;
  /** What may be waiting for one viewer that reads too slowly, in bytes; beyond it frames are left out. Default 512 KiB. */
  readonly maxViewerBuffer?: number | undefined;
  /** How often viewers are told what has changed, in ms. Default 250. */
  readonly interval?: number | undefined;
  /** How often viewers are asked whether they are still there, in ms. Default 15 000. */
  readonly pingInterval?: number | undefined;
  /** Host names, besides those of loopback, the bound one and any address, that requests may be sent to. Default none. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Exact origins, besides its own, whose pages may connect. Default none. */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** What viewers in Stately's inspector see. Default: `createInspection()`, attached while there is such a viewer. */
  readonly inspection?: Inspection | undefined;
  /** The time, in ms since the epoch: for a supervisor with a clock of its own. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

type Resolved = Required<{ [K in keyof InspectorOptions]: Exclude<InspectorOptions[K], undefined> }>;

/** The options with their defaults; `inspection` stays as it was given. */
export type ResolvedInspectorOptions = Omit<Resolved, 'inspection'> & Pick<InspectorOptions, 'inspection'>;

const TYPES = {
  port: 'number',
  host: 'string',
  token: 'string',
  allowTerminate: 'boolean',
  revealIds: 'boolean',
  revealPrincipals: 'boolean',
  maxViewers: 'number',
  maxEnded: 'number',
  maxViewerBuffer: 'number',
  interval: 'number',
  pingInterval: 'number',
  allowedHosts: 'strings',
  allowedOrigins: 'strings',
  inspection: 'object',
  now: 'function',
} as const;

/** Checks the options and fills in the defaults. @throws {SupervisorError} `INVALID_OPTION` or `UNKNOWN_OPTION`. */
export function resolveInspectorOptions(options: InspectorOptions): ResolvedInspectorOptions {
  checkTypes('serveInspector', options, TYPES);
  const resolved: ResolvedInspectorOptions = {
    port: options.port ?? 0,
    host: options.host ?? '127.0.0.1',
    token: options.token ?? randomToken(),
    allowTerminate: options.allowTerminate ?? false,
    revealIds: options.revealIds ?? false,
    revealPrincipals: options.revealPrincipals ?? false,
    maxViewers: options.maxViewers ?? 100,
    maxEnded: options.maxEnded ?? 1_000,
    maxViewerBuffer: options.maxViewerBuffer ?? 512 * 1024,
    interval: options.interval ?? 250,
    pingInterval: options.pingInterval ?? 15_000,
    allowedHosts: options.allowedHosts ?? [],
    allowedOrigins: options.allowedOrigins ?? [],
    inspection: options.inspection,
    now: options.now ?? Date.now,
  };
  if (!isToken(resolved.token)) refuse('token', TOKEN_RULE);
  if (resolved.port > 65_535) refuse('port', 'a whole number from 0 to 65535');
  const least = { port: 0, maxViewers: 1, maxEnded: 0, maxViewerBuffer: 1_024, interval: 10, pingInterval: 10 };
  for (const [name, minimum] of Object.entries(least) as [keyof typeof least, number][]) {
    if (!(Number.isSafeInteger(resolved[name]) && resolved[name] >= minimum && resolved[name] < 2 ** 31)) {
      refuse(name, `a whole number from ${minimum}`);
    }
  }
  for (const origin of resolved.allowedOrigins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) refuse('allowedOrigins', 'exact origins');
  }
  return resolved;
}

function refuse(name: string, allowed: string): never {
  throw new SupervisorError('INVALID_OPTION', `${name} must be ${allowed}`);
}
