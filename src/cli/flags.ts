/**
 * The flags of the command: every option of the supervisor that a command line can express is one, of the same name in
 * kebab case.
 */
import { Option } from 'commander';
import { ADMIN_FLAGS, type AdminFlags } from './adminFlags.ts';
import {
  type ListOrAll,
  type PeerAddress,
  parseCount,
  parseDuration,
  parseDurationOrInfinity,
  parseDurationOrZero,
  parseHeaderNames,
  parseList,
  parseNode,
  parseOrigins,
  parsePath,
  parsePeerAddress,
  parsePeerUrl,
  parsePort,
  parseRestart,
  parseSize,
  parseStoreLocation,
  parseWholeNumber,
  type StoreLocation,
} from './quantities.ts';

/** The flags, parsed: durations in ms, sizes in bytes. What was not given is not there, unless it has a default. */
export interface Flags extends AdminFlags {
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly httpKeepAliveTimeout?: number;
  readonly sessionIdleTimeout?: number;
  readonly initializeTimeout?: number;
  readonly maxSessionLifetime?: number;
  readonly maxSessions?: number;
  readonly whenFull?: 'evict-idle' | 'reject';
  readonly maxSessionsPerPrincipal?: number;
  readonly stateless?: true;
  readonly shutdownTimeout?: number;
  readonly historySize?: number;
  readonly sessionStore?: StoreLocation;
  readonly parkAfter?: number;
  readonly maxParkedSessions?: number;
  readonly restoreTimeout?: number;
  readonly maxStateSize?: number;
  /** The name of this process among the nodes of a cluster. */
  readonly node?: string;
  readonly peerListen?: PeerAddress;
  readonly peerUrl?: string;
  /** One file, or two. */
  readonly clusterSecretFile?: readonly string[];
  readonly modern?: 'refuse' | 'serve' | 'off';
  readonly maxModernRequests?: number;
  readonly maxModernRequestsPerPrincipal?: number;
  /** The port of the inspector, 0 for any. */
  readonly inspect?: number;
  readonly inspectAllowTerminate?: true;
  readonly jsonResponse?: true;
  readonly resumable?: true;
  readonly retryInterval?: number;
  readonly keepAliveInterval?: number;
  readonly maxRequestBodySize?: number;
  readonly maxInitializeSize?: number;
  readonly requestBodyTimeout?: number;
  readonly maxStreamBuffer?: number;
  readonly resumeTimeout?: number;
  readonly allowedHosts?: ListOrAll;
  readonly allowedOrigins?: ListOrAll;
  readonly cors?: ListOrAll;
  readonly corsHeaders?: readonly string[];
  /** Of a server that is a command. */
  readonly env?: readonly GivenVariable[];
  readonly envFile?: string;
  readonly inheritEnv?: true;
  readonly cwd?: string;
  readonly restart?: 'temporary' | 'transient' | 'permanent';
  readonly maxRestarts?: number;
  /** In seconds. */
  readonly maxSeconds?: number;
  readonly warm?: number;
  readonly showStderr?: true;
  readonly logFormat: 'text' | 'json';
  readonly quiet?: true;
  readonly verbose?: true;
}

/** An environment variable of `--env`: without a value it is ours. */
export interface GivenVariable {
  readonly name: string;
  readonly value: string | undefined;
}

/** `NAME` or `NAME=value`, which may come again. What is wrong with it is told where no value can be: not here. */
function parseVariable(text: string, before: readonly GivenVariable[] = []): readonly GivenVariable[] {
  const at = text.indexOf('=');
  const variable =
    at === -1 ? { name: text, value: undefined } : { name: text.slice(0, at), value: text.slice(at + 1) };
  return [...before, variable];
}

/** A file, which may come again. */
function parseFile(file: string, before: readonly string[] = []): readonly string[] {
  return [...before, file];
}

/** All of them, by the heading under which `--help` has them. */
export const FLAGS: Readonly<Record<string, readonly Option[]>> = {
  'Where it listens:': [
    new Option('-p, --port <port>', '0 takes a free port').argParser(parsePort).default(3000),
    new Option('--host <host>', 'name or address to bind').default('127.0.0.1'),
    new Option('--path <path>', 'path of the MCP endpoint, with or without a slash at its end')
      .argParser(parsePath)
      .default('/mcp'),
    new Option(
      '--http-keep-alive-timeout <duration>',
      'keep a connection without a request for so long; more than the load balancer in front does (default: 65s)',
    ).argParser(parseDuration),
  ],
  'Sessions:': [
    new Option('--session-idle-timeout <duration>', 'end a session with nothing in flight for so long (default: 30m)')
      .argParser(parseDurationOrInfinity)
      .conflicts('stateless'),
    new Option('--initialize-timeout <duration>', 'bound of an initialize (default: 1m)').argParser(parseDuration),
    new Option('--max-session-lifetime <duration>', 'end a session at this age (default: infinity)')
      .argParser(parseDurationOrInfinity)
      .conflicts('stateless'),
    new Option(
      '--max-sessions <count>',
      'how many there may be; with --stateless: calls at a time (default: 10000)',
    ).argParser(parseCount),
    new Option('--when-full <policy>', 'at --max-sessions (default: evict-idle)')
      .choices(['evict-idle', 'reject'])
      .conflicts('stateless'),
    new Option('--max-sessions-per-principal <count>', 'default: infinity')
      .argParser(parseCount)
      .conflicts('stateless'),
    new Option('--stateless', 'a fresh server for each request, no sessions'),
    new Option('--shutdown-timeout <duration>', 'what calls in flight get at the end (default: 10s)').argParser(
      parseDuration,
    ),
    new Option('--history-size <count>', 'events that each session remembers (default: 64)')
      .argParser(parseWholeNumber)
      .conflicts('stateless'),
  ],
  'Sessions that are kept:': [
    new Option(
      '--session-store <store>',
      'memory; a directory: there sessions outlive the process, however it ends; or redis://…, which several processes share (default: none)',
    )
      .argParser(parseStoreLocation)
      .conflicts('stateless'),
    new Option(
      '--park-after <duration>',
      'with --session-store: close the server of a session that is idle for so long, until it is asked for; less than --session-idle-timeout (default: infinity)',
    ).argParser(parseDurationOrInfinity),
    new Option(
      '--max-parked-sessions <count>',
      'with --session-store: beyond it the longest parked session ends (default: 1000000)',
    ).argParser(parseCount),
    new Option(
      '--restore-timeout <duration>',
      'with --session-store: how long a request waits for its session to be brought back (default: 10s)',
    ).argParser(parseDuration),
    new Option('--max-state-size <size>', 'what session.state may have as JSON, at most 512kb (default: 64kb)')
      .argParser(parseSize)
      .conflicts('stateless'),
  ],
  'Several nodes, each of which answers for any session:': [
    new Option(
      '--node <name>',
      'be a node of this name, which no other has; with a --session-store that all nodes share',
    )
      .argParser(parseNode)
      .conflicts('stateless'),
    new Option('--peer-listen <host:port>', 'where the other nodes connect to').argParser(parsePeerAddress),
    new Option(
      '--peer-url <url>',
      'where they reach it, http://host:port (default: what --peer-listen binds)',
    ).argParser(parsePeerUrl),
    new Option(
      '--cluster-secret-file <file>',
      'what only the nodes know: one or two lines of 16 bytes or more; the first one signs, both are believed; may be repeated, for a file of each',
    ).argParser(parseFile),
  ],
  'Requests without sessions (MCP 2026-07-28):': [
    new Option(
      '--modern <policy>',
      'refuse has clients open sessions; serve builds a server of SDK v2 for each request; off applies the rules of sessions (default: refuse)',
    ).choices(['refuse', 'serve', 'off']),
    new Option(
      '--max-modern-requests <count>',
      'with --modern serve: requests and listen streams at a time (default: 1024)',
    ).argParser(parseCount),
    new Option(
      '--max-modern-requests-per-principal <count>',
      'with --modern serve: those of one principal (default: infinity)',
    ).argParser(parseCount),
  ],
  'Requests and streams:': [
    new Option('--json-response', 'answer with JSON instead of an event stream (enableJsonResponse)'),
    new Option(
      '--resumable',
      'keep what streams send for 5 minutes, in memory or where --session-store has the sessions, so that clients can resume them',
    ).conflicts('stateless'),
    new Option(
      '--resume-timeout <duration>',
      'with --resumable: how long a disconnected call holds its session (default: 5m)',
    ).argParser(parseDuration),
    new Option(
      '--retry-interval <duration>',
      'when clients whose stream has ended are to come back, the SSE retry field (default: 4s to 6s, by session)',
    )
      .argParser(parseDurationOrZero)
      .conflicts('stateless'),
    new Option('--keep-alive-interval <duration>', 'between comments on an open stream (default: 15s)').argParser(
      parseDurationOrInfinity,
    ),
    new Option('--max-request-body-size <size>', 'beyond it 413 (default: 4mb)').argParser(parseSize),
    new Option(
      '--max-initialize-size <size>',
      'beyond it 413; sessions keep what a client says there (default: 64kb)',
    ).argParser(parseSize),
    new Option('--request-body-timeout <duration>', 'beyond it 408 (default: 30s)').argParser(parseDuration),
    new Option('--max-stream-buffer <size>', 'what a stream may hold for a slow reader (default: 1mb)').argParser(
      parseSize,
    ),
  ],
  'Who may ask:': [
    new Option(
      '--allowed-hosts <names>',
      'accepted Host names, a,b or * (default on loopback: loopback names)',
    ).argParser(parseList),
    new Option(
      '--allowed-origins <origins>',
      'accepted Origins, a,b or * (default on loopback: loopback origins of the port, and those of --cors)',
    ).argParser(parseOrigins),
    new Option('--cors <origins>', 'origins of browser clients, a,b or * (default: off)').argParser(parseOrigins),
    new Option(
      '--cors-headers <names>',
      'with --cors: request headers that they may send besides those of MCP, a,b (default: none)',
    ).argParser(parseHeaderNames),
  ],
  'A server that is a command (after --):': [
    new Option(
      '--env <variable>',
      'NAME passes a variable on, NAME=value sets it; may be repeated (default: HOME, LANG, LC_*, LOGNAME, PATH, SHELL, TERM, TMPDIR, TZ, USER)',
    ).argParser(parseVariable),
    // Node 20 looks for the long one itself, wherever it stands.
    new Option('-E, --env-file <file>', 'variables, one NAME=value a line; --env goes before them'),
    new Option('--inherit-env', 'pass all variables on, secrets included'),
    new Option('--cwd <directory>', 'where it is started (default: here)'),
    new Option(
      '--restart <policy>',
      'start it again when it ends by itself: never, when it failed, or always (default: temporary)',
    )
      .choices(['temporary', 'transient', 'permanent'])
      .argParser(parseRestart),
    new Option('--max-restarts <count>', 'with --restart: more of them end the session (default: 3)').argParser(
      parseWholeNumber,
    ),
    new Option('--max-seconds <count>', 'with --restart: within so many seconds (default: 30)').argParser(parseCount),
    new Option('--warm <count>', 'processes that are kept ready for the next sessions (default: 0)').argParser(
      parseWholeNumber,
    ),
    new Option('--show-stderr', 'tell clients the last lines of stderr of a server that failed'),
  ],
  'The sessions, live:': [
    new Option('--inspect [port]', 'serve a page that shows them, on loopback; prints its URL (default port: any free)')
      .preset('0')
      .argParser(parsePort)
      .conflicts('stateless'),
    new Option('--inspect-allow-terminate', 'the page may end them; implies --inspect').implies({ inspect: 0 }),
  ],
  'For the operator:': ADMIN_FLAGS,
  'Output:': [
    new Option('--log-format <format>', 'json is one object per line').choices(['text', 'json']).default('text'),
    new Option('--quiet', 'only warnings and errors').conflicts('verbose'),
    new Option('--verbose', 'also refused requests, and the stack of each error'),
  ],
};
