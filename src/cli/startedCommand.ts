/** A command of the user's that is started and killed again: with a group of its own, so that nothing of it is left. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CommandFailure, EXIT_USAGE } from './failure.ts';
import { printable } from './wording.ts';

/** What is kept of what it says, in characters: its end. */
const KEPT = 2_000;

/** How long a command has to end at once, where it can't be run, in ms. */
const FIRST = 300;

export interface StartedCommand {
  /** Ends it and whatever it has started, without a word. Resolves when it is gone. */
  kill(): Promise<void>;
}

/**
 * Starts a command line by the shell.
 * @throws {CommandFailure} where it ends at once.
 */
export async function startCommand(line: string): Promise<StartedCommand> {
  const child = spawn(line, { shell: true, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-KEPT);
  });
  const gone = once(child, 'close').catch((error: unknown) => [error]);
  const early = await Promise.race([
    gone,
    new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), FIRST)),
  ]);
  if (early !== undefined) {
    const why = said.trim() === '' ? '' : `: ${printable(said.trim().split('\n').slice(-3).join(' '))}`;
    throw new CommandFailure(`The command of --restart ended at once (${String(early[0])})${why}`, EXIT_USAGE);
  }
  return {
    kill: async () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It is gone already.
      }
      await gone;
    },
  };
}
