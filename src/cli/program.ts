/**
 * The command line: its flags, its help, and what it makes of the arguments. Runs nothing.
 * Every option of the supervisor that a command line can express is a flag of the same name in kebab case.
 */
import { Command, CommanderError, Option } from 'commander';
import { CommandFailure, EXIT_USAGE } from './failure.ts';
import { addModelTest, type ModelTestFlags } from './modelTestFlags.ts';
import {
  type ListOrAll,
  parseCount,
  parseDuration,
  parseDurationOrInfinity,
  parseDurationOrZero,
  parseHeaderNames,
  parseList,
  parseOrigins,
  parsePath,
  parsePort,
  parseSize,
  parseWholeNumber,
} from './quantities.ts';

/** The flags, parsed: durations in ms, sizes in bytes. What was not given is not there, unless it has a default. */
export interface Flags {
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
  readonly logFormat: 'text' | 'json';
  readonly quiet?: true;
  readonly verbose?: true;
}

/** What the command is to do. */
export type Invocation =
  | { readonly kind: 'serve'; readonly module: string; readonly flags: Flags }
  | { readonly kind: 'modelTest'; readonly flags: ModelTestFlags }
  /** `--help` or `--version`, or one of them in short: only print. */
  | { readonly kind: 'print'; readonly text: string };

const FLAGS: Readonly<Record<string, readonly Option[]>> = {
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
  'Requests and streams:': [
    new Option('--json-response', 'answer with JSON instead of an event stream (enableJsonResponse)'),
    new Option(
      '--resumable',
      'keep what streams send, in memory and for 5 minutes, so that clients can resume them',
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
  'The sessions, live:': [
    new Option('--inspect [port]', 'serve a page that shows them, on loopback; prints its URL (default port: any free)')
      .preset('0')
      .argParser(parsePort)
      .conflicts('stateless'),
    new Option('--inspect-allow-terminate', 'the page may end them; implies --inspect').implies({ inspect: 0 }),
  ],
  'Output:': [
    new Option('--log-format <format>', 'json is one object per line').choices(['text', 'json']).default('text'),
    new Option('--quiet', 'only warnings and errors').conflicts('verbose'),
    new Option('--verbose', 'also refused requests, and the stack of each error'),
  ],
};

const NOTES = `
Durations are written 500ms, 30s, 30m or 2h, some also "infinity"; sizes 512b, 64kb or 4mb.

The module exports a function that builds one MCP server for one session, as its default export or as createServer.
It may be async, and may return { server, cleanup }. It is named by a path, a file URL, or a package specifier, which
is looked up from the current directory first. Before listening, the command opens two sessions on it at a time (one
with --max-sessions 1) and ends them again, so that a broken factory is told at once; their client is named
mcp-session-supervisor.

SIGINT, SIGTERM and SIGHUP drain: new sessions get 503, calls in flight get --shutdown-timeout. A second signal exits at
once; the same one within 0.5s of the first counts once, since it may reach a process twice. A request whose Host or
Origin is refused is told at most once a second, with the flag that would allow it. An error that escapes a session's
own callbacks is logged, and the other sessions go on.

Exit code: 0 after a clean drain, 1 for a failure, 2 for wrong usage, 129, 130 or 143 when a second signal came.`;

/**
 * Parses the arguments (without node and script).
 * @throws {CommandFailure} with exit code 2, where they are wrong.
 */
export function parseArguments(argv: readonly string[], version: string): Invocation {
  let invocation: Invocation | undefined;
  let printed = '';
  const command = new Command('mcp-session-supervisor')
    .description(
      'Serves an MCP server over Streamable HTTP: every session supervised, ended when idle, never mid-call.',
    )
    .argument('<module>', 'module with the server factory')
    .version(version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this')
    .helpCommand(false)
    // A flag of the one command must not be taken for a flag of the other.
    .enablePositionalOptions()
    .usage('<module> [options]\n       mcp-session-supervisor model-test --url <url> [options]')
    .addHelpText('after', NOTES)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        printed += text;
      },
      // Told by the caller, in one line.
      writeErr: () => {},
    })
    .action((module: string, flags: Flags) => {
      refuseIdle(flags);
      invocation = { kind: 'serve', module, flags };
    });
  for (const [heading, options] of Object.entries(FLAGS)) {
    for (const option of options) command.addOption(option.helpGroup(heading));
  }
  addModelTest(command, (flags) => {
    invocation = { kind: 'modelTest', flags };
  });
  try {
    command.parse(withInspectPort(argv), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'print', text: printed };
    throw new CommandFailure(usageMessage(error.message), EXIT_USAGE);
  }
  if (invocation === undefined) throw new Error('commander parsed the arguments and called no action');
  return invocation;
}

/**
 * Commander gives an option with an optional value whatever follows; of `--inspect` only a number is the port, and
 * anything else is the module.
 */
function withInspectPort(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.map((argument, index) => {
    if (argument !== '--inspect' || (end !== -1 && index > end)) return argument;
    return /^\d+$/.test(argv[index + 1] ?? '') ? argument : '--inspect=0';
  });
}

/** Flags that mean something beside another one only. */
const DEPENDENT: readonly (readonly [name: keyof Flags, flag: string, needed: keyof Flags, neededFlag: string])[] = [
  ['resumeTimeout', '--resume-timeout <duration>', 'resumable', '--resumable'],
  ['corsHeaders', '--cors-headers <names>', 'cors', '--cors <origins>'],
];

/** @throws {CommandFailure} over a flag that would do nothing: whoever gave it expects something. */
function refuseIdle(flags: Flags): void {
  for (const [name, flag, needed, neededFlag] of DEPENDENT) {
    if (flags[name] === undefined || flags[needed] !== undefined) continue;
    throw new CommandFailure(`option '${flag}' has no effect without option '${neededFlag}'`, EXIT_USAGE);
  }
}

/** Commander's message as one sentence: without its prefix, its line breaks and the short names of options. */
function usageMessage(message: string): string {
  return message
    .replace(/^error: /, '')
    .replaceAll(/'-\w, --/g, "'--")
    .replaceAll('\n', ' ');
}
