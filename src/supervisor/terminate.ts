/** Ends a session for the embedder, wherever it is. */
import type { EndReason } from '../machines/reasons.ts';
import { notRemoved } from './shelf.ts';
import type { Supervisor } from './supervisor.ts';

/** Resolves to whether there was such a session. @throws {SupervisorError} `STORE_FAILED` */
export async function terminate(supervisor: Supervisor, id: string, reason: EndReason): Promise<boolean> {
  const session = supervisor.registry.get(id);
  if (session === undefined) return terminateElsewhere(supervisor, id, reason);
  if (!(await session.terminate(reason))) return false;
  const written = await session.memory?.written;
  if (written === 'storeUnavailable') throw notRemoved();
  // It had gone on elsewhere: then it is ended there.
  return written === 'fenced' ? terminateElsewhere(supervisor, id, reason) : true;
}

async function terminateElsewhere({ shelf, cluster }: Supervisor, id: string, reason: EndReason): Promise<boolean> {
  if (cluster !== undefined && shelf?.isWaking(id) !== true) return cluster.terminate(id, reason);
  return (await shelf?.terminate(id, reason)) ?? false;
}
