/** A session that has no incarnation, as an embedder sees it: by its record alone. */
import type { EndReason } from '../machines/reasons.ts';
import { initializeParams } from '../protocol/initialize.ts';
import type { SessionRecord } from '../stores/sessionRecord.ts';
import { type HistoryEvent, isHistoryEvent } from './history.ts';
import type { SessionInfo } from './sessionInfo.ts';

/** As it is at `now`; with the reason why it ended, where it has. */
export function infoOf(
  record: SessionRecord,
  state: 'parked' | 'terminated',
  now: number,
  reason?: EndReason,
): SessionInfo {
  const end: HistoryEvent[] = reason === undefined ? [] : [{ at: now, event: 'terminated', inFlight: 0, reason }];
  return {
    id: record.id,
    state,
    inFlight: 0,
    calls: 0,
    openStreams: 0,
    createdAt: record.createdAt,
    lastActiveAt: record.lastActiveAt,
    principal: record.principal ?? undefined,
    clientInfo: initializeParams(record.initialize)?.clientInfo,
    protocolVersion: record.protocolVersion,
    epoch: record.epoch,
    history: [...historyOf(record), ...end],
  };
}

/** The lines of a record's history that mean something here. */
function historyOf({ createdAt, history }: SessionRecord): HistoryEvent[] {
  const events: HistoryEvent[] = [];
  for (const [elapsed, event, inFlight] of history) {
    if (isHistoryEvent(event)) events.push({ at: createdAt + elapsed, event, inFlight });
  }
  return events;
}
