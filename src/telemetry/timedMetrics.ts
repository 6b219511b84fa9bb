/** The metrics of durations, which are told when something is over. With `readMetrics.ts` the one table of names. */
import { END_REASONS, type EndReason, FORWARD_OUTCOMES, RESTORE_OUTCOMES } from '../index.ts';
import { CODES, METHODS, VERSIONS } from './methods.ts';
import type { TimedMetric } from './metric.ts';
import { ERROR_TYPES } from './operationLabels.ts';

/** The methods of both stores' contracts, as far as they are called. */
const STORE_OPERATIONS = [
  ...['create', 'load', 'claim', 'update', 'park', 'remove', 'expired', 'count'],
  ...['storeEvent', 'replayEventsAfter', 'getStreamIdForEventId', 'forget'],
];

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Upper bounds that the conventions have for all of theirs. */
const CONVENTIONAL = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];

/** For what is to be done while a request waits. */
const QUICK = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

const NAMED = 'names that a server has listed, or that were used with success, 200 at most; else `_OTHER`';

/** Reasons for which a session ends that are failures of ours. */
const FAILURES: readonly EndReason[] = ['crashed', 'initializeTimeout', 'unrestorable'];

export function isFailure(reason: EndReason): boolean {
  return FAILURES.includes(reason);
}

const OVER_HTTP = { 'network.transport': ['tcp'], 'network.protocol.name': ['http'] };

const OPERATION = {
  'mcp.method.name': [...METHODS, '_OTHER'],
  'error.type': [...ERROR_TYPES, '_OTHER'],
  'rpc.response.status_code': [...CODES, '_OTHER'],
  'gen_ai.operation.name': ['execute_tool'],
  'gen_ai.tool.name': NAMED,
  'gen_ai.prompt.name': NAMED,
  'mcp.protocol.version': [...VERSIONS, '_OTHER'],
  ...OVER_HTTP,
};

/** What is told when it is over. The first three are the conventions'. */
export const TIMED = {
  serverOperation: {
    name: 'mcp.server.operation.duration',
    kind: 'histogram',
    unit: 's',
    help: 'How long requests and notifications of clients took, from their arrival to their end.',
    labels: OPERATION,
    bounds: CONVENTIONAL,
  },
  clientOperation: {
    name: 'mcp.client.operation.duration',
    kind: 'histogram',
    unit: 's',
    help: 'How long requests of servers to their clients took, until they were answered or never will be.',
    labels: OPERATION,
    bounds: CONVENTIONAL,
  },
  serverSession: {
    name: 'mcp.server.session.duration',
    kind: 'histogram',
    unit: 's',
    help: 'How long sessions lived that were opened, from their initialize to their end.',
    labels: {
      'error.type': FAILURES,
      'mcp.protocol.version': [...VERSIONS, '_OTHER'],
      ...OVER_HTTP,
    },
    bounds: CONVENTIONAL,
  },
  session: {
    name: 'mcp.supervisor.session.duration',
    kind: 'histogram',
    unit: 's',
    help: 'How long sessions lived, by the reason why they ended; those that were never opened included.',
    labels: { reason: END_REASONS },
    bounds: [1, 10, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, 12 * HOUR, DAY, 3 * DAY, 7 * DAY],
  },
  restore: {
    name: 'mcp.supervisor.restore.duration',
    kind: 'histogram',
    unit: 's',
    help: 'How long it took to bring a session back, or to fail to, from when it was first asked for.',
    labels: { outcome: RESTORE_OUTCOMES },
    bounds: QUICK,
  },
  store: {
    name: 'mcp.supervisor.store.operation.duration',
    kind: 'histogram',
    unit: 's',
    help: 'How long stores took for what they were asked to do.',
    labels: { store: ['session', 'event'], operation: STORE_OPERATIONS, outcome: ['ok', 'failed'] },
    bounds: QUICK,
  },
  forward: {
    name: 'mcp.supervisor.forward.duration',
    kind: 'histogram',
    unit: 's',
    help: 'How long requests were with another node of the cluster, by what became of them.',
    labels: { outcome: FORWARD_OUTCOMES },
    bounds: CONVENTIONAL,
  },
} as const satisfies Record<string, TimedMetric>;

export const TIMED_METRICS: readonly TimedMetric[] = Object.values(TIMED);
