/** The options of `serveAdmin`: documentation, defaults, refusals. */
import { checkTypes } from '../door/optionTypes.ts';
import { isToken, randomToken, TOKEN_RULE } from '../door/token.ts';
import { type Logger, type SessionSupervisor, SupervisorError } from '../index.ts';
import { readTokenFile } from './tokenFile.ts';

/** What `/metrics` is answered with: Prometheus text, for instance. */
export interface MetricsSource {
  /** The content type of the text. */
  readonly contentType: string;
  /** Has 5 s; what fails, or takes longer, is answered 503 and logged. */
  text(): string | Promise<string>;
}

/** Options of `serveAdmin`. */
export interface AdminOptions {
  /** The name or address to bind. Default `127.0.0.1`. Any address that is not loopback needs `token` or `tokenFile`. */
  readonly host?: string | undefined;
  /** The port to listen on. Default 0, which takes a free one. */
  readonly port?: number | undefined;
  /** A unix socket to listen on instead, of mode 0600: its path, of 107 bytes at most (103 on macOS). */
  readonly path?: string | undefined;
  /** What opens more than health and metrics: at least 16 characters that can stand in a URL. Default: 32 random bytes. */
  readonly token?: string | undefined;
  /** The file that has the token as its one line, readable for its owner, and at most its group. Read once. */
  readonly tokenFile?: string | undefined;
  /** Whether sessions may be ended and parked, and the supervisor drained. Needs `logger`. Default false. */
  readonly allowChanges?: boolean | undefined;
  /** Gets a line for each change (`admin.changed`), and for requests that are refused (`admin.refused`). Default none. */
  readonly logger?: Logger | undefined;
  /** What `POST /drain` does. It is answered at once; what this throws or rejects with is logged. Default: `drain()`. */
  readonly drain?: (() => unknown) | undefined;
  /** Whether session ids are told, which are what a client is known by. Default false: keys stand for them. */
  readonly revealIds?: boolean | undefined;
  /** Whether it is told who owns a session. Default false: names stand for them, the same for the same owner. */
  readonly revealPrincipals?: boolean | undefined;
  /** Whether the inspector's page is at `/inspector/`, with the same token. Default false. */
  readonly inspector?: boolean | undefined;
  /** What `/metrics` is answered with; `false` for nothing, which is 404. Default: `prometheusMetrics(supervisor)`. */
  readonly metrics?: MetricsSource | false | undefined;
  /** How late the event loop may be for `/livez` to be 200: the most within the last 10 s, in ms. Default 5 000. */
  readonly maxLoopLag?: number | undefined;
  /** Host names, besides those of loopback, the bound one and any address, that requests may be sent to. Default none. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Exact origins, besides its own, whose pages may ask. Default none. */
  readonly allowedOrigins?: readonly string[] | undefined;
}

/** Where it is to listen. */
export type Place = { readonly path: string } | { readonly host: string; readonly port: number };

/** The options with their defaults. */
export interface ResolvedAdminOptions {
  readonly place: Place;
  readonly token: string;
  /** Somebody chose it, as a token or a file. */
  readonly tokenIsGiven: boolean;
  readonly allowChanges: boolean;
  readonly logger: Logger;
  readonly drain: () => unknown;
  readonly revealIds: boolean;
  readonly revealPrincipals: boolean;
  readonly inspector: boolean;
  readonly metrics: MetricsSource | false | undefined;
  readonly maxLoopLag: number;
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
}

const TYPES = {
  host: 'string',
  port: 'number',
  path: 'string',
  token: 'string',
  tokenFile: 'string',
  allowChanges: 'boolean',
  logger: 'function',
  drain: 'function',
  revealIds: 'boolean',
  revealPrincipals: 'boolean',
  inspector: 'boolean',
  maxLoopLag: 'number',
  allowedHosts: 'strings',
  allowedOrigins: 'strings',
} as const;

/** The longest lag that is a bound at all: what is later than the window that is looked at. */
const LONGEST_LAG = 10_000;

/** Checks the options and fills in the defaults. @throws {SupervisorError} */
export function resolveAdminOptions(supervisor: SessionSupervisor, options: AdminOptions): ResolvedAdminOptions {
  checkTypes('serveAdmin', options, { ...TYPES, metrics: options?.metrics === false ? 'boolean' : 'object' });
  const { token, tokenFile, allowChanges = false, logger, maxLoopLag = 5_000, metrics } = options;
  if (token !== undefined && tokenFile !== undefined) conflict('Give token or tokenFile, not both');
  if (token !== undefined && !isToken(token)) refuse('token', TOKEN_RULE);
  if (allowChanges && logger === undefined) conflict('allowChanges needs logger: each change is a line there');
  if (!(Number.isFinite(maxLoopLag) && maxLoopLag >= 1 && maxLoopLag <= LONGEST_LAG)) {
    refuse('maxLoopLag', `a number of milliseconds from 1 to ${LONGEST_LAG}`);
  }
  if (typeof metrics === 'object' && (typeof metrics.text !== 'function' || typeof metrics.contentType !== 'string')) {
    refuse('metrics', 'false, or an object with contentType and text()');
  }
  const { allowedOrigins = [] } = options;
  for (const origin of allowedOrigins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) refuse('allowedOrigins', 'exact origins');
  }
  for (const name of options.allowedHosts ?? []) {
    if (!/^(?:[a-z\d._-]+|\[[\da-f:.]+\])$/i.test(name))
      refuse('allowedHosts', 'names of hosts, without scheme and port');
  }
  return {
    place: placeOf(options),
    token: token ?? (tokenFile === undefined ? randomToken() : readTokenFile(tokenFile)),
    tokenIsGiven: token !== undefined || tokenFile !== undefined,
    allowChanges,
    logger: logger ?? (() => {}),
    drain: options.drain ?? (() => supervisor.drain()),
    revealIds: options.revealIds ?? false,
    revealPrincipals: options.revealPrincipals ?? false,
    inspector: options.inspector ?? false,
    metrics,
    maxLoopLag,
    allowedHosts: options.allowedHosts ?? [],
    allowedOrigins,
  };
}

/** The longest path that the kernel takes for a socket, in bytes. */
const LONGEST_PATH = process.platform === 'darwin' ? 103 : 107;

function placeOf({ host, port, path }: AdminOptions): Place {
  if (path === undefined) {
    if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
      refuse('port', 'a whole number from 0 to 65535');
    }
    if (host === '') refuse('host', 'a name or an address, such as 127.0.0.1');
    return { host: host ?? '127.0.0.1', port: port ?? 0 };
  }
  if (host !== undefined || port !== undefined) conflict('Give path or host and port, not both');
  if (path === '' || path.includes('\0')) refuse('path', 'the path of a unix socket');
  const bytes = Buffer.byteLength(path);
  if (bytes > LONGEST_PATH) {
    refuse(
      'path',
      `at most ${LONGEST_PATH} bytes long, as sockets' paths are; this one has ${bytes}: use a shorter folder`,
    );
  }
  return { path };
}

function refuse(name: string, allowed: string): never {
  throw new SupervisorError('INVALID_OPTION', `${name} must be ${allowed}`);
}

function conflict(message: string): never {
  throw new SupervisorError('CONFLICTING_OPTIONS', message);
}
