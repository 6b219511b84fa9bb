/** The flags of `model-test`, and what they mean to the test. Runs nothing. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Coverage, ModelTestOptions } from '../testing/index.ts';
import { parseDuration, parseWholeNumber } from './quantities.ts';

/** The flags, parsed: durations in ms. What was not given is not there, unless it has a default. */
export interface ModelTestFlags {
  readonly url: string;
  readonly idleTimeout?: number;
  readonly grace?: number;
  readonly coverage: Coverage;
  readonly seed: number;
  readonly maxInFlight: number;
  readonly concurrency: number;
  readonly slowCall?: string;
  /** `false`: told not to. */
  readonly streams: boolean;
  readonly deletes: boolean;
  readonly header?: Readonly<Record<string, string>>;
  readonly strict?: true;
  readonly restart?: string;
  readonly json?: true;
}

const COVERAGES: readonly Coverage[] = ['transitions', 'pairs', 'random'];

const FLAGS: readonly Option[] = [
  new Option('--url <url>', 'the MCP endpoint').argParser(parseUrl).makeOptionMandatory(),
  new Option('--idle-timeout <duration>', "the server's idle timeout; without it nothing that takes time is driven")
    .argParser(parseDuration)
    .conflicts('restart'),
  new Option('--grace <duration>', 'how much longer a session may live (default: 1.5 times as long)')
    .argParser(parseDuration)
    .conflicts('restart'),
  new Option('--coverage <which>', 'which paths are walked')
    .choices(COVERAGES)
    .default('transitions')
    .conflicts('restart'),
  new Option('--seed <number>', 'seed of --coverage random')
    .argParser(parseWholeNumber)
    .default(1)
    .conflicts('restart'),
  new Option('--max-in-flight <count>', 'the most in flight in one session')
    .argParser(parsePositive)
    .default(2)
    .conflicts('restart'),
  new Option('--concurrency <count>', 'sessions driven at a time')
    .argParser(parsePositive)
    .default(16)
    .conflicts('restart'),
  new Option('--slow-call <call>', 'a call that lasts, as \'sleep:{"ms":$MS}\' ($S: in seconds)'),
  new Option('--no-streams', 'leave GET streams alone').conflicts('restart'),
  new Option('--no-deletes', 'leave DELETE alone').conflicts('restart'),
  new Option('--header <header>', "sent with every request, as 'Name: value'; may be repeated").argParser(parseHeader),
  new Option('--strict', 'what the protocol leaves to the server has to be as the model says, too').conflicts(
    'restart',
  ),
  new Option('--restart <command>', 'start the server by this command, kill it, and see what of its sessions is left'),
  new Option('--json', 'print the report as one JSON object'),
];

const NOTES = `
Opens many sessions on a running server and walks them along the statechart of a session. What is checked is what a
client sees: statuses, answers, streams and ids. The server may offer what it likes: GET and DELETE may be answered with
405, calls with JSON or a stream, and there may be no idle timeout.

A call that lasts is looked for in the list of tools: one that needs nothing but a duration (ms, seconds, delay, …) and
does not say that it destroys something. Up to three such tools are called to see whether they last. --slow-call names
one instead.

With --restart the server is not running yet: its command is started, used, killed without a word (kill -9), started
again, and asked what it still knows. What survives and what is lost is printed as a table. Of the other flags --url,
--slow-call, --header and --json go with it. A command that ends by itself, before or while anybody else answers at the
URL, is told of with what it said; one that exits with 0 may leave its server in the background.

Exit code: 0 when nothing is wrong, 1 with violations, 2 for wrong usage or a server that can't be tested.`;

/** Adds the command to its program. */
export function addModelTest(program: Command, action: (flags: ModelTestFlags) => void): void {
  const command = program
    .command('model-test')
    .description('test any running server on Streamable HTTP against the statechart of a session')
    .addHelpText('after', NOTES)
    .action(action);
  for (const flag of FLAGS) command.addOption(flag);
}

/** What the flags ask for. */
export function toModelTestOptions(flags: ModelTestFlags): ModelTestOptions {
  const { streams, deletes, header, json: _, restart: __, ...options } = flags;
  return {
    ...options,
    headers: header,
    streams: streams ? undefined : false,
    deletes: deletes ? undefined : false,
  };
}

function parseUrl(text: string): string {
  const isHttp = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  if (isHttp) return text;
  throw new InvalidArgumentError('Write it as http://127.0.0.1:3000/mcp.');
}

function parsePositive(text: string): number {
  const count = parseWholeNumber(text);
  if (count > 0) return count;
  throw new InvalidArgumentError('It must be at least 1.');
}

function parseHeader(text: string, previous: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name = '', value = ''] = /^([^\s:]+):\s*(.*)$/.exec(text) ?? [];
  try {
    new Headers({ [name]: value });
  } catch {
    throw new InvalidArgumentError("Write it as 'Authorization: Bearer …'.");
  }
  return { ...previous, [name]: value };
}
