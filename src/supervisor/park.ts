/** Parks a session for the embedder, where nothing of it is needed now. */
import { SupervisorError } from '../errors.ts';
import type { Supervisor } from './supervisor.ts';

/** What came of `supervisor.park(id)`. */
export type ParkOutcome =
  /** It lives on as its record alone; or it did so before. */
  | 'parked'
  /** It has something in flight, a handler of it runs, or it is being opened or restored. Nothing was done. */
  | 'busy'
  /** There is no session store that could keep it. Nothing was done. */
  | 'noStore'
  /** No session of this id is in this process, and none is parked. */
  | 'notFound';

const NOT_WRITTEN =
  'The session store did not write that the session is parked: its server is closed, and it is brought back when it is asked for and the store works';
const NOBODY_KNOWS = 'The session store does not say whether there is such a session, so none was parked';

/** @throws {SupervisorError} `STORE_FAILED` */
export async function park({ registry, shelf }: Supervisor, id: string): Promise<ParkOutcome> {
  const session = registry.get(id);
  if (shelf === undefined) return session === undefined ? 'notFound' : 'noStore';
  if (session === undefined) {
    const record = await shelf.records.read(id);
    if (record === 'storeUnavailable') throw new SupervisorError('STORE_FAILED', NOBODY_KNOWS);
    // One that is not parked has an incarnation elsewhere, or had one in a process that is gone.
    return record === 'sessionNotFound' || record.parkedAt === null ? 'notFound' : 'parked';
  }
  if (session.state !== 'idle' || !session.nothingRuns) return 'busy';
  await session.park();
  const written = await session.memory?.written;
  if (written === 'storeUnavailable') throw new SupervisorError('STORE_FAILED', NOT_WRITTEN);
  // Somebody who was told may have ended it; or it has gone on elsewhere.
  return session.reason === undefined && written === 'done' ? 'parked' : 'notFound';
}
