/** Has durations recorded: of operations, sessions, restores, stores and forwarded requests. */
import type { ObservedEvent, SupervisorObserver } from '../index.ts';
import type { TimedMetric } from './metric.ts';
import { Names, type NamesOfServer } from './names.ts';
import { type Labels, learn, NETWORK, operationLabels, versionLabel } from './operationLabels.ts';
import { isFailure, TIMED } from './timedMetrics.ts';

/** Takes in a duration, in seconds. */
export type Record = (metric: TimedMetric, seconds: number, labels: Labels) => void;

export function newNames(max: number): NamesOfServer {
  return { tools: new Names(max), prompts: new Names(max) };
}

/** An observer that records. Names on labels are among `names`, which it adds to. */
export function measuring(names: NamesOfServer, record: Record): SupervisorObserver {
  return {
    operation: (operation) => ({
      end: (end) => {
        learn(operation, end, names);
        const metric = operation.side === 'server' ? TIMED.serverOperation : TIMED.clientOperation;
        record(metric, end.duration / 1_000, operationLabels(operation, end, names));
      },
    }),
    event: (event) => measureEvent(event, record),
  };
}

function measureEvent(event: ObservedEvent, record: Record): void {
  switch (event.type) {
    case 'session.ended': {
      const { reason, duration, opened, protocolVersion } = event;
      record(TIMED.session, duration / 1_000, { reason });
      if (!opened) return;
      const error = isFailure(reason) ? reason : undefined;
      const labels = { 'error.type': error, 'mcp.protocol.version': versionLabel(protocolVersion), ...NETWORK };
      return record(TIMED.serverSession, duration / 1_000, labels);
    }
    case 'session.restore':
      return record(TIMED.restore, event.duration / 1_000, { outcome: event.outcome });
    case 'store.operation': {
      const { store, operation, outcome, duration } = event;
      return record(TIMED.store, duration / 1_000, { store, operation, outcome });
    }
    case 'request.forwarded':
      return record(TIMED.forward, event.duration / 1_000, { outcome: event.outcome });
  }
}
