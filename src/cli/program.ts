/** The command line: its help, and what it makes of the arguments. Runs nothing. */
import { Command, CommanderError } from 'commander';
import { CommandFailure, EXIT_USAGE } from './failure.ts';
import { FLAGS, type Flags, refuseForeign, refuseIdle } from './flags.ts';
import { addModelTest, type ModelTestFlags } from './modelTestFlags.ts';

/** What the command is to do. */
export type Invocation =
  | { readonly kind: 'serve'; readonly module: string; readonly flags: Flags }
  /** A server that speaks stdio: a program and its arguments. */
  | { readonly kind: 'serveCommand'; readonly command: readonly string[]; readonly flags: Flags }
  | { readonly kind: 'modelTest'; readonly flags: ModelTestFlags }
  /** `--help` or `--version`, or one of them in short: only print. */
  | { readonly kind: 'print'; readonly text: string };

const NOTES = `
Durations are written 500ms, 30s, 30m or 2h, some also "infinity"; sizes 512b, 64kb or 4mb.

The module exports a function that builds one MCP server for one session, as its default export or as createServer.
It may be async, and may return { server, cleanup }. It is named by a path, a file URL, or a package specifier, which
is looked up from the current directory first. Before listening, the command opens two sessions on it at a time (one
with --max-sessions 1) and ends them again, so that a broken factory is told at once; their client is named
mcp-session-supervisor.

After -- stands the command of a server that speaks stdio, with its arguments: it is started once for each session, as it
is, without a shell, and ended with its session. There may be 64 sessions then, unless --max-sessions says otherwise.

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
  const [ours, served] = atDashes(argv);
  const command = new Command('mcp-session-supervisor')
    .description(
      'Serves an MCP server over Streamable HTTP: every session supervised, ended when idle, never mid-call.',
    )
    .argument('[module]', 'module with the server factory')
    .version(version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this')
    .helpCommand(false)
    // A flag of the one command must not be taken for a flag of the other.
    .enablePositionalOptions()
    .usage(
      '<module> [options]\n       mcp-session-supervisor [options] -- <command> [args…]\n       mcp-session-supervisor model-test --url <url> [options]',
    )
    .addHelpText('after', NOTES)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        printed += text;
      },
      // Told by the caller, in one line.
      writeErr: () => {},
    })
    .action((module: string | undefined, flags: Flags) => {
      refuseIdle(flags);
      refuseForeign(flags, served !== undefined);
      invocation = servedBy(module, served, flags);
    });
  for (const [heading, options] of Object.entries(FLAGS)) {
    for (const option of options) command.addOption(option.helpGroup(heading));
  }
  addModelTest(command, (flags) => {
    invocation = { kind: 'modelTest', flags };
  });
  try {
    command.parse(withInspectPort(ours), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'print', text: printed };
    throw new CommandFailure(usageMessage(error.message), EXIT_USAGE);
  }
  if (invocation === undefined) throw new Error('commander parsed the arguments and called no action');
  return invocation;
}

/** The arguments before `--`, and those after it where there is one: a command. */
function atDashes(argv: readonly string[]): [ours: readonly string[], command: readonly string[] | undefined] {
  const at = argv.indexOf('--');
  return at === -1 ? [argv, undefined] : [argv.slice(0, at), argv.slice(at + 1)];
}

function servedBy(module: string | undefined, command: readonly string[] | undefined, flags: Flags): Invocation {
  if (command === undefined) {
    if (module !== undefined) return { kind: 'serve', module, flags };
    throw new CommandFailure("missing required argument 'module'", EXIT_USAGE);
  }
  if (module !== undefined) {
    throw new CommandFailure(`give a module (${module}) or a command after --, not both`, EXIT_USAGE);
  }
  if (command[0] === undefined || command[0] === '')
    throw new CommandFailure('there is no command after --', EXIT_USAGE);
  return { kind: 'serveCommand', command, flags };
}

/**
 * Commander gives an option with an optional value whatever follows; of `--inspect` only a number is the port, and
 * anything else is the module.
 */
function withInspectPort(argv: readonly string[]): string[] {
  return argv.map((argument, index) => {
    if (argument !== '--inspect') return argument;
    return /^\d+$/.test(argv[index + 1] ?? '') ? argument : '--inspect=0';
  });
}

/** Commander's message as one sentence: without its prefix, its line breaks and the short names of options. */
function usageMessage(message: string): string {
  return message
    .replace(/^error: /, '')
    .replaceAll(/'-\w, --/g, "'--")
    .replaceAll('\n', ' ');
}
