/** Has a build attacked in a process of its own, and hears what comes of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Told } from './told.ts';

const SCRIPT = fileURLToPath(new URL('./attack.js', import.meta.url));

/** How long one attack may take, in ms; on what nothing is wrong with it takes a fraction of it. */
const LIMIT = 120_000;

export interface Outcome {
  /** The name of the last attack. */
  readonly by: string | undefined;
  /** What it found; undefined when no attack found anything. */
  readonly finding: string | undefined;
  /** Why nobody knows whether there is something to find: the attacks failed themselves. */
  readonly failure: string | undefined;
  /** How long it all took. */
  readonly ms: number;
}

/** Attacks a build with the kit of another; with the attack of the name `first` before all others, if there is one. */
export async function attack(kit: string, subject: string, first: string | undefined): Promise<Outcome> {
  const begin = performance.now();
  // What goes wrong on purpose is warned of, thousands of times.
  const env = { ...process.env, NODE_NO_WARNINGS: '1' };
  const all = [SCRIPT, kit, subject, ...(first === undefined ? [] : [first])];
  const child = spawn(process.execPath, all, { env, stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
  let by: string | undefined;
  let verdict: string | null | undefined;
  let isHung = false;
  const silence = setTimeout(() => {
    isHung = child.kill('SIGKILL');
  }, LIMIT);
  createInterface({ input: child.stdio[3] as Readable }).on('line', (line) => {
    silence.refresh();
    const told = JSON.parse(line) as Told;
    if ('begins' in told) by = told.begins;
    else verdict = told.finding;
  });
  let errors = '';
  child.stderr?.on('data', (data: Buffer) => {
    errors = (errors + data.toString()).slice(-2_000);
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(silence);
  const ms = performance.now() - begin;
  if (verdict !== undefined) return { by, finding: verdict ?? undefined, failure: undefined, ms };
  if (isHung && by !== undefined) return { by, finding: `goes on for ${LIMIT / 1_000} s`, failure: undefined, ms };
  return { by, finding: undefined, failure: `${signal ?? `exit code ${code}`}, no verdict. ${errors}`, ms };
}
