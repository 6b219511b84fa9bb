/** How a session that was given its place again gets its server back, as it was; or does not. */
import { isCoded, type RefusalName, SupervisorError } from '../errors.ts';
import type { LogEntry } from '../options.ts';
import { covers } from '../protocol/coverage.ts';
import type { SessionRecord } from '../stores/sessionRecord.ts';
import type { ExchangeInfo } from '../transport/exchange.ts';
import type { Replayed } from '../transport/replay.ts';
import type { Session } from './session.ts';

/**
 * Resolves to the session, which is held until `letGo`; or to the refusal for whoever waits for it. What the server's
 * author throws is told.
 */
export async function restore(
  session: Session,
  record: SessionRecord,
  info: ExchangeInfo,
  log: (entry: LogEntry) => void,
): Promise<Session | RefusalName> {
  try {
    // The version that was negotiated is asked for, so that a server that knows it answers the same.
    const said = { ...record, initialize: { ...record.initialize, protocolVersion: record.protocolVersion } };
    if (session.hasLeft) return session.refusal;
    const left = session.departure.whenLeft().then(() => undefined);
    const replayed = await Promise.race([session.putBack(said, info), left]);
    if (replayed === undefined || session.hasLeft) return session.refusal;
    judge(record, replayed, log);
    if (session.restored()) return session;
    if (!session.hasLeft) session.release('crashed', new Error('The session was not to be restored when it was'));
  } catch (error) {
    if (isCoded(error, 'NOT_RESTORABLE')) void session.terminate('unrestorable', error);
    else session.drop(error);
  }
  return session.refusal;
}

/**
 * Whether a server that was put back is what its client takes it for.
 * @throws {SupervisorError} `NOT_RESTORABLE`
 */
function judge(
  { capabilities, id, protocolVersion }: SessionRecord,
  { result, refused }: Replayed,
  log: (entry: LogEntry) => void,
): void {
  if (result['protocolVersion'] !== protocolVersion || !covers(result['capabilities'], capabilities)) {
    const message = 'The server has other capabilities, or another protocol version, than its client was told';
    throw new SupervisorError('NOT_RESTORABLE', message);
  }
  if (refused.length === 0) return;
  const message = `The server did not take back ${refused.length === 1 ? refused[0] : `${refused.length} things`}`;
  log({ level: 'warn', event: 'session.restoredInPart', message, sessionId: id });
}
