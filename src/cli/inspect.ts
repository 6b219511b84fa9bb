/** The live view of the sessions, where the command line asks for one. */
import type { SessionSupervisor } from '../index.ts';
import type { Inspector } from '../inspector/index.ts';
import { CommandFailure, describeError } from './failure.ts';
import type { Flags } from './flags.ts';

/**
 * Serves the inspector on loopback, if `--inspect` was given.
 * @throws {CommandFailure} when its port can't be had.
 */
export async function inspect(
  supervisor: SessionSupervisor,
  { inspect: port, inspectAllowTerminate: allowTerminate }: Flags,
): Promise<Inspector | undefined> {
  if (port === undefined) return undefined;
  // Loaded only where it is wanted.
  const { serveInspector } = await import('../inspector/index.ts');
  try {
    return await serveInspector(supervisor, { port, ...(allowTerminate && { allowTerminate }) });
  } catch (error) {
    const inUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const why = inUse ? `port ${port} is in use; without a port it takes any free one` : describeError(error);
    throw new CommandFailure(`cannot serve --inspect: ${why}`);
  }
}
