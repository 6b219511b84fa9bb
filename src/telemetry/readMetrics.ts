/** The metrics that are read when somebody asks, from `stats()`. With `timedMetrics.ts` the one table of names. */
import { END_REASONS, FORWARD_OUTCOMES, type HandleEndReason, REFUSAL_NAMES, RESTORE_OUTCOMES } from '../index.ts';
import { type Reading, type ReadMetric, SUPERVISOR_STATES } from './metric.ts';

/** One number without labels. */
const one = (value: number): Reading[] => [{ labels: {}, value }];

/** A number for each value of a label, 0 for those that did not happen: so that their first time is seen as a rise. */
function each(
  label: string,
  values: readonly string[],
  counts: Readonly<Record<string, number | undefined>>,
): Reading[] {
  return values.map((value) => ({ labels: { [label]: value }, value: counts[value] ?? 0 }));
}

const STATES = ['initializing', 'restoring', 'active', 'idle', 'parked'] as const;
const SERVER_STATES = ['starting', 'closing'] as const;
const NODE_STATES = ['joining', 'waiting', 'member', 'fenced', 'leaving', 'left'] as const;
const EVICTIONS = ['parked', 'ended'] as const;
const DROPS = ['slow', 'dead'] as const;
const HANDLE_STATES = ['initializing', 'active', 'idle', 'closing'] as const;

/** Typed, so that a reason that is new or gone does not compile. */
const HANDLE_REASONS = Object.keys({
  idle: true,
  lifetime: true,
  deleted: true,
  evicted: true,
  drained: true,
  crashed: true,
  initializeTimeout: true,
} satisfies Record<HandleEndReason, true>) as readonly HandleEndReason[];

const KIND = 'a kind that `supervisor.handles` was told of';

export const READ_METRICS: readonly ReadMetric[] = [
  {
    name: 'mcp.supervisor.state',
    kind: 'gauge',
    unit: '1',
    help: 'How the supervisor stands: 1 for its state, 0 for the others.',
    labels: { state: SUPERVISOR_STATES },
    read: (_, state) => each('state', SUPERVISOR_STATES, { [state]: 1 }),
  },
  {
    name: 'mcp.supervisor.drain.remaining',
    kind: 'gauge',
    unit: '{session}',
    help: 'Sessions and requests without one that a drain waits for; 0 while there is no drain.',
    labels: {},
    read: ({ sessions: { initializing, restoring, active, idle }, modern }, state) =>
      one(state === 'draining' ? initializing + restoring + active + idle + (modern?.open ?? 0) : 0),
  },
  {
    name: 'mcp.supervisor.sessions',
    kind: 'gauge',
    unit: '{session}',
    help: 'Sessions there are now, by their state; parked is what the session store said last.',
    labels: { state: STATES },
    read: ({ sessions }) => each('state', STATES, sessions),
  },
  {
    name: 'mcp.supervisor.session.begun',
    kind: 'counter',
    unit: '{session}',
    help: 'Sessions that were begun, opened or not; each is still there, or parked, or has ended.',
    labels: {},
    read: ({ begun }) => one(begun),
  },
  {
    name: 'mcp.supervisor.session.opened',
    kind: 'counter',
    unit: '{session}',
    help: 'Sessions whose initialize was answered with a result.',
    labels: {},
    read: ({ opened }) => one(opened),
  },
  {
    name: 'mcp.supervisor.restores',
    kind: 'counter',
    unit: '{restore}',
    help: 'How often a session was to be brought back, by what became of that.',
    labels: { outcome: RESTORE_OUTCOMES },
    read: ({ restores }) => each('outcome', RESTORE_OUTCOMES, restores),
  },
  {
    name: 'mcp.supervisor.epochs',
    kind: 'counter',
    unit: '{epoch}',
    help: 'Incarnations of sessions that began here, each of which has an epoch: sessions that were opened, or brought back.',
    labels: {},
    read: ({ opened, restored }) => one(opened + restored),
  },
  {
    name: 'mcp.supervisor.event_store.bytes',
    kind: 'gauge',
    unit: 'By',
    help: 'What the event store holds, where it says so, as that in memory does.',
    labels: {},
    read: ({ eventStore }) => eventStore && one(eventStore.bytes),
  },
  {
    name: 'mcp.supervisor.evictions',
    kind: 'counter',
    unit: '{session}',
    help: 'Idle sessions that made room for others: were parked for that, or ended.',
    labels: { outcome: EVICTIONS },
    read: ({ evicted }) => each('outcome', EVICTIONS, { ...evicted }),
  },
  {
    name: 'mcp.supervisor.session.ended',
    kind: 'counter',
    unit: '{session}',
    help: 'Sessions that have ended, by reason; those that were never opened included.',
    labels: { reason: END_REASONS },
    read: ({ ended }) => each('reason', END_REASONS, ended),
  },
  {
    name: 'mcp.supervisor.refusals',
    kind: 'counter',
    unit: '{request}',
    help: 'Requests that were refused, by the refusal’s name.',
    labels: { refusal: REFUSAL_NAMES },
    read: ({ refused }) => each('refusal', REFUSAL_NAMES, refused),
  },
  {
    name: 'mcp.supervisor.servers',
    kind: 'gauge',
    unit: '{server}',
    help: 'Servers of sessions and requests that are being built, and that are being closed.',
    labels: { state: SERVER_STATES },
    read: ({ servers }) => each('state', SERVER_STATES, { ...servers }),
  },
  {
    name: 'mcp.supervisor.calls',
    kind: 'gauge',
    unit: '{request}',
    help: 'Requests of clients that are not answered.',
    labels: {},
    read: ({ calls }) => one(calls),
  },
  {
    name: 'mcp.supervisor.streams',
    kind: 'gauge',
    unit: '{stream}',
    help: 'SSE responses that are open.',
    labels: {},
    read: ({ streams }) => one(streams),
  },
  {
    name: 'mcp.supervisor.stream.dropped',
    kind: 'counter',
    unit: '{stream}',
    help: 'Streams that were cut off: by a reader that was too slow, or took nothing any more.',
    labels: { cause: DROPS },
    read: ({ dropped }) => each('cause', DROPS, { ...dropped }),
  },
  {
    name: 'mcp.supervisor.modern.requests',
    kind: 'counter',
    unit: '{request}',
    help: 'Requests without sessions (2026-07-28) that were let in.',
    labels: {},
    read: ({ modern }) => modern && one(modern.admitted),
  },
  {
    name: 'mcp.supervisor.modern.open',
    kind: 'gauge',
    unit: '{request}',
    help: 'Requests without sessions that are being served, listen streams included.',
    labels: {},
    read: ({ modern }) => modern && one(modern.open),
  },
  {
    name: 'mcp.supervisor.modern.listening',
    kind: 'gauge',
    unit: '{stream}',
    help: 'Listen streams that are open.',
    labels: {},
    read: ({ modern }) => modern && one(modern.listening),
  },
  {
    name: 'mcp.supervisor.handles',
    kind: 'gauge',
    unit: '{handle}',
    help: 'Handles there are now, by kind and state; closing are those that have ended and are not closed yet.',
    labels: { kind: KIND, state: HANDLE_STATES },
    read: ({ handles }) => {
      if (handles === undefined) return undefined;
      return Object.entries(handles).flatMap(([kind, stats]) =>
        HANDLE_STATES.map((state) => ({ labels: { kind, state }, value: stats[state] })),
      );
    },
  },
  {
    name: 'mcp.supervisor.handle.opened',
    kind: 'counter',
    unit: '{handle}',
    help: 'Handles that were opened in time, by kind.',
    labels: { kind: KIND },
    read: ({ handles }) =>
      handles && Object.entries(handles).map(([kind, { opened }]) => ({ labels: { kind }, value: opened })),
  },
  {
    name: 'mcp.supervisor.handle.ended',
    kind: 'counter',
    unit: '{handle}',
    help: 'Handles that have ended, by kind and reason; those that were never opened included.',
    labels: { kind: KIND, reason: HANDLE_REASONS },
    read: ({ handles }) => {
      if (handles === undefined) return undefined;
      return Object.entries(handles).flatMap(([kind, { ended }]) =>
        HANDLE_REASONS.map((reason) => ({ labels: { kind, reason }, value: ended[reason] ?? 0 })),
      );
    },
  },
  {
    name: 'mcp.supervisor.node.state',
    kind: 'gauge',
    unit: '1',
    help: 'How this node of a cluster stands: 1 for its state, 0 for the others.',
    labels: { state: NODE_STATES },
    read: ({ cluster }) => cluster && each('state', NODE_STATES, { [cluster.state]: 1 }),
  },
  {
    name: 'mcp.supervisor.node.forwarded',
    kind: 'gauge',
    unit: '{request}',
    help: 'Requests that are with other nodes now.',
    labels: {},
    read: ({ cluster }) => cluster && one(cluster.forwarded),
  },
  {
    name: 'mcp.supervisor.forwards',
    kind: 'counter',
    unit: '{request}',
    help: 'Requests that were with other nodes, by what became of them.',
    labels: { outcome: FORWARD_OUTCOMES },
    read: ({ cluster }) => cluster && each('outcome', FORWARD_OUTCOMES, cluster.forwards),
  },
  {
    name: 'mcp.supervisor.lease.remaining',
    kind: 'gauge',
    unit: 's',
    help: 'For how long the lease of this node is certain still; 0 while it has none.',
    labels: {},
    read: ({ cluster }) => cluster && one(cluster.leaseRemaining / 1_000),
  },
  {
    name: 'mcp.supervisor.node.held',
    kind: 'gauge',
    unit: '{request}',
    help: 'Requests that wait for a session whose owner can’t be reached, or for this node to join.',
    labels: {},
    read: ({ cluster }) => cluster && one(cluster.held),
  },
  {
    name: 'mcp.supervisor.node.taken_over',
    kind: 'counter',
    unit: '{session}',
    help: 'Sessions that were taken over from nodes that had gone.',
    labels: {},
    read: ({ cluster }) => cluster && one(cluster.takenOver),
  },
  {
    name: 'mcp.supervisor.node.fenced',
    kind: 'counter',
    unit: '{fencing}',
    help: 'How often this node gave up all that it had, because its lease was not certain any more.',
    labels: {},
    read: ({ cluster }) => cluster && one(cluster.fenced),
  },
];
