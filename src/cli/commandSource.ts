/** A command that speaks stdio as the source of servers: what its processes get is what the flags say. */
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { stdioServer } from '../stdio/index.ts';
import { CommandFailure, describeError, EXIT_USAGE, isSupervisorError } from './failure.ts';
import type { Flags, GivenVariable } from './flags.ts';
import type { Journal } from './journal.ts';
import type { ServerSource } from './serverSource.ts';

/** How many sessions there may be, each a process, unless `--max-sessions` says otherwise. */
const MAX_PROCESSES = 64;

/**
 * Makes the factory of a command. What it is called with is nobody's to read but the process's: arguments may be secrets.
 * @throws {CommandFailure} for an environment that can't be.
 */
export function commandSource(command: readonly string[], flags: Flags, journal: Journal): ServerSource {
  const [program = '', ...args] = command;
  const { cwd, inheritEnv, restart, maxRestarts, maxSeconds, warm, showStderr } = flags;
  const given = flags.env ?? [];
  const filed = fromFile(flags.envFile);
  const isThere = (name: string) => process.env[name] !== undefined || filed[name] !== undefined;
  const missing = given.filter(({ name, value }) => value === undefined && !isThere(name));
  for (const { name } of missing) {
    const message = `--env ${name}: there is no such variable here, so no server gets it`;
    journal.write({ level: 'warn', event: 'env.missing', message });
  }
  try {
    const factory = stdioServer({
      command: program,
      args,
      cwd,
      env: { ...filed, ...valuesOf(given) },
      inheritEnv: inheritEnv ? 'all' : given.flatMap(({ name, value }) => (value === undefined ? [name] : [])),
      restart,
      maxRestarts,
      maxSeconds,
      warm,
      showStderr,
      logger: (entry) => journal.write(entry),
    });
    const label = args.length === 0 ? program : `${program} …`;
    return { label, factory, processes: { maxSessions: MAX_PROCESSES, warm: warm ?? 0 } };
  } catch (error) {
    if (isSupervisorError(error)) throw new CommandFailure(describeError(error), EXIT_USAGE);
    throw error;
  }
}

function valuesOf(given: readonly GivenVariable[]): Record<string, string> {
  return Object.fromEntries(given.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])));
}

function fromFile(path: string | undefined): Record<string, string> {
  if (path === undefined) return {};
  try {
    return parseEnv(readFileSync(path, 'utf8')) as Record<string, string>;
  } catch (error) {
    const { code = 'unreadable' } = error as NodeJS.ErrnoException;
    throw new CommandFailure(`cannot read the file of --env-file ${path} (${code})`, EXIT_USAGE);
  }
}
