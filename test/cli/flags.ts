/** Flags as the command line parses them, for tests. */
import type { Flags } from '../../src/cli/flags.ts';
import { parseArguments } from '../../src/cli/program.ts';

export function flagsOf(...argv: string[]): Flags {
  const invocation = parseArguments(['./server.js', ...argv], '1.2.3');
  if (invocation.kind !== 'serve') throw new Error(`parsed as ${invocation.kind}`);
  return invocation.flags;
}
