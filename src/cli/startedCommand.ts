/**
 * A command of the user's that is started and killed again: with a group of its own, so that nothing of it is left. One that
 * ends by itself is told of, with what it said.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CommandFailure, EXIT_USAGE } from './failure.ts';
import { escaped, plural } from './wording.ts';

/** What is kept of what it says, in characters: of its beginning, where mostly stands what is wrong, and of its end. */
const KEPT = 2_000;

/** How often it is looked whether what it has started lives, once it has exited with 0, in ms. */
const LOOK = 100;

/** How long what it wrote before its end is waited for, in ms. */
const LAST_WORDS = 100;

export interface StartedCommand {
  /** Rejects when it has ended, and nothing that it started is left to serve; never resolves. */
  readonly ended: Promise<never>;
  /** Ends it and whatever it has started, without a word. Resolves when it is gone. */
  kill(): Promise<void>;
}

/** Starts a command line by the shell; `tell` gets the lines that one said which ended by itself. */
export function startCommand(line: string, tell: (line: string) => void): StartedCommand {
  const child = spawn(line, { shell: true, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = new Said();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => said.add(text));
  }
  let killed = false;
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const ended = (async (): Promise<never> => {
    const [code, signal] = await exited;
    // One that leaves its server in the background has ended well.
    while (code === 0 && hasMembers(child.pid) && !killed) await pause(LOOK);
    if (!killed) await pause(LAST_WORDS);
    // Whoever killed it knows.
    if (killed) return new Promise<never>(() => {});
    for (const each of said.lines()) tell(`  ${each}`);
    const how = signal === null ? `exit code ${code}` : signal;
    throw new CommandFailure(`the command of --restart ended by itself (${how})`, EXIT_USAGE);
  })();
  ended.catch(() => {}); // it may end when nobody waits for it any more
  return {
    ended,
    kill: async () => {
      killed = true;
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It is gone already.
      }
      child.stdout.destroy();
      child.stderr.destroy();
      await exited;
    },
  };
}

/** The beginning and the end of a text that comes in pieces. */
class Said {
  #head = '';
  #tail = '';
  #cut = 0;

  add(text: string): void {
    const room = KEPT - this.#head.length;
    this.#head += text.slice(0, room);
    const tail = this.#tail + text.slice(room);
    this.#cut += Math.max(0, tail.length - KEPT);
    this.#tail = tail.slice(-KEPT);
  }

  lines(): string[] {
    const between = this.#cut === 0 ? '' : `\n… ${plural(this.#cut, 'character')} left out …\n`;
    return `${this.#head}${between}${this.#tail}`
      .split(/\r?\n/)
      .filter((line) => line.trim() !== '')
      .map(escaped);
  }
}

function hasMembers(group: number | undefined): boolean {
  try {
    return group !== undefined && process.kill(-group, 0);
  } catch {
    return false;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
