/**
 * The one table of metrics: name, kind, unit, help, labels with the values that they can have, and where the numbers come
 * from. The OpenTelemetry meter and the text for Prometheus are both made from it; docs/telemetry.md is compared with it.
 */
import { END_REASONS, type HandleEndReason, REFUSAL_NAMES, type SupervisorStats } from '../index.ts';

/** One number, and what it is of. */
export interface Reading {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Values that a label can have: all of them, or in words where others name them. */
export type LabelValues = readonly string[] | string;

interface Described {
  /** As OpenTelemetry has it; Prometheus' name follows from it. */
  readonly name: string;
  /** In UCUM: `s`, `By`, `{session}`. */
  readonly unit: string;
  readonly help: string;
  readonly labels: Readonly<Record<string, LabelValues>>;
}

/** A metric that is read when somebody asks: `counter` only grows, `gauge` is how it is now. */
export interface ReadMetric extends Described {
  readonly kind: 'counter' | 'gauge';
  /** Undefined where this supervisor has no such thing. */
  read(stats: SupervisorStats): readonly Reading[] | undefined;
}

/** A metric of durations, each of which is told when it is over. */
export interface TimedMetric extends Described {
  readonly kind: 'histogram';
  /** Upper bounds of the buckets, in seconds. */
  readonly bounds: readonly number[];
}

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

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const KIND = 'a kind that `supervisor.handles` was told of';

export const READ_METRICS: readonly ReadMetric[] = [
  {
    name: 'mcp.supervisor.sessions',
    kind: 'gauge',
    unit: '{session}',
    help: 'Sessions there are now, by their state; parked is what the session store said last.',
    labels: { state: STATES },
    read: ({ sessions }) => each('state', STATES, sessions),
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
    name: 'mcp.supervisor.session.restored',
    kind: 'counter',
    unit: '{session}',
    help: 'How often a session was brought back.',
    labels: {},
    read: ({ restored }) => one(restored),
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

export const SESSION_DURATION: TimedMetric = {
  name: 'mcp.supervisor.session.duration',
  kind: 'histogram',
  unit: 's',
  help: 'How long sessions lived, from their initialize to their end, by reason; those that were never opened included.',
  labels: { reason: END_REASONS },
  bounds: [1, 10, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, 12 * HOUR, DAY, 3 * DAY, 7 * DAY],
};
