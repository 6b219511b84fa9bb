/** The command line: its help, and what it makes of the arguments. Runs nothing. */
import { Command, CommanderError } from 'commander';
import { CommandFailure, EXIT_USAGE } from './failure.ts';
import { refuseForeign, refuseIdle } from './flagChecks.ts';
import { FLAGS, type Flags } from './flags.ts';
import { addModelTest, type ModelTestFlags } from './modelTestFlags.ts';
import { afterDashes, isCommand, isProgram } from './programs.ts';
import { printable } from './wording.ts';

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

SIGINT, SIGTERM and SIGHUP drain: new sessions and new calls get 503, calls in flight get --shutdown-timeout. A second
signal exits at once, but during --drain-delay it has the drain begin, and a third one exits; the same one within 0.5s
counts once, since it may reach a process twice. A request whose Host or Origin is refused is told at most once a
second, with the flag that would allow it. An error that escapes a session's own callbacks is logged, and the other sessions go on.

Node 20 looks for --env-file itself, and ends with 9 where there is no such file; -E is left to this command.

Exit code: 0 after a clean drain, 1 for a failure, 2 for wrong usage, 129, 130 or 143 when a second signal came.`;

/**
 * Parses the arguments (without node and script).
 * @throws {CommandFailure} with exit code 2, where they are wrong.
 */
export function parseArguments(argv: readonly string[], version: string): Invocation {
  const [ours, served] = atDashes(argv);
  const parsed = parse(ours, version);
  if (parsed instanceof CommandFailure) throw (served === undefined && forgotten(ours, version)) || parsed;
  if ('kind' in parsed) return parsed;
  const { module, flags } = parsed;
  refuseIdle(flags);
  refuseForeign(flags, served !== undefined);
  return servedBy(module, served, flags);
}

/** A module, if there is one, and what it is to be served with. */
interface Given {
  readonly module: string | undefined;
  readonly flags: Flags;
}

/** What stands before `--`; a failure where it is wrong by itself. */
function parse(ours: readonly string[], version: string): Given | Invocation | CommandFailure {
  let parsed: Given | Invocation | undefined;
  let printed = '';
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
      parsed = { module, flags };
    });
  for (const [heading, options] of Object.entries(FLAGS)) {
    for (const option of options) command.addOption(option.helpGroup(heading));
  }
  addModelTest(command, (flags) => {
    parsed = { kind: 'modelTest', flags };
  });
  try {
    command.parse(withInspectPort(ours), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'print', text: printed };
    return new CommandFailure(usageMessage(error.message), EXIT_USAGE);
  }
  if (parsed === undefined) throw new Error('commander parsed the arguments and called no action');
  return parsed;
}

/** What to say where `--` is missing: a program stands where a module may, and what follows it is none of our flags. */
function forgotten(ours: readonly string[], version: string): CommandFailure | undefined {
  const program = ours.find((word, index) => {
    const before = parse(ours.slice(0, index + 1), version);
    return 'module' in before && before.module === word;
  });
  return program !== undefined && isCommand(program)
    ? new CommandFailure(`${program} is a program: ${afterDashes(program)}`, EXIT_USAGE)
    : undefined;
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
  refuseLine(command[0], flags);
  return { kind: 'serveCommand', command, flags };
}

/** @throws {CommandFailure} over a whole line in one word, which no program is called. */
function refuseLine(word: string, { cwd }: Flags): void {
  const [program, ...rest] = word.trim().split(/\s+/);
  if (program === undefined || rest.length === 0 || isProgram(word, cwd)) return;
  const message = `"${printable(program)} …" after -- is one word, and no program is called so: write its words one by one (-- ${printable(program)} …), or a shell's line as -- sh -c '…'`;
  throw new CommandFailure(message, EXIT_USAGE);
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
