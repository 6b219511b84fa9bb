/** What is compared with what, and which ratio is promised. A later comparison is one more line here. */
import type { ContenderName } from './contenders.ts';
import { CLUSTERED, type ClusterEffort, HANDED_OVER, TAKEN_OVER } from './measures/cluster.ts';
import type { CrowdEffort } from './measures/crowd.ts';
import type { IdleEffort } from './measures/idleSession.ts';
import { FROZEN, INSPECTED, type InspectorEffort } from './measures/inspector.ts';
import type { RequestEffort } from './measures/requests.ts';
import { type StdioEffort, WARM } from './measures/stdio.ts';

/** Which of the measures, and which of its series. */
export type Metric =
  | 'echo.cpu'
  | 'echo.rate'
  | 'handshake.cpu'
  | 'handshake.rate'
  | 'state.cpu'
  | 'restore.cpu'
  | 'modern.cpu'
  | 'modern.rate'
  | 'idle.heap'
  | 'idle.rss'
  | 'crowd.open'
  | 'crowd.use'
  | 'crowd.end'
  | 'crowd.endAny'
  | 'inspector.cpu'
  | 'inspector.rate'
  | 'inspector.held'
  | 'stdio.cpu'
  | 'stdio.rate'
  | 'stdio.rss'
  | 'stdio.start'
  | 'cluster.cpu'
  | 'cluster.takeover'
  | 'cluster.handover';

export const MEASURES = [
  'echo',
  'handshake',
  'modern',
  'idle',
  'crowd',
  'inspector',
  'durable',
  'stdio',
  'cluster',
] as const;
export type MeasureName = (typeof MEASURES)[number];

/** `subject ÷ baseline` of one metric. With a target, missing it fails the run; without, it is for information. */
export interface Comparison {
  readonly title: string;
  readonly metric: Metric;
  readonly subject: string;
  readonly baseline: string;
  /** The ratio must not be above it. */
  readonly target?: number;
}

/** How much work a run does. */
export interface Effort {
  readonly name: 'full' | 'quick';
  readonly echo: RequestEffort;
  readonly handshake: RequestEffort;
  readonly idle: IdleEffort;
  readonly crowd: CrowdEffort;
  readonly inspector: InspectorEffort;
  /** Sessions that outlive their process: calls that set state, handshakes and echo calls; and restores. */
  readonly durable: RequestEffort;
  readonly restore: RequestEffort;
  readonly stdio: StdioEffort;
  readonly cluster: ClusterEffort;
  /** How many sessions a small, a middling and a large crowd are. */
  readonly crowds: { readonly small: number; readonly middle: number; readonly large: number };
}

// Many short rounds rather than few long ones: what else a machine does comes in bursts, and hits fewer of them.
export const FULL: Effort = {
  name: 'full',
  echo: { rounds: 40, batch: 1_000, warmUp: 8_000 },
  handshake: { rounds: 30, batch: 600, warmUp: 4_000 },
  idle: { rounds: 3, sessions: 2_000, warmUp: 500 },
  crowd: { rounds: 15, batch: 1_000, warmUp: 8_000 },
  inspector: { rounds: 20, batch: 4_000, warmUp: 8_000, sessions: 10_000 },
  durable: { rounds: 30, batch: 600, warmUp: 4_000 },
  restore: { rounds: 15, batch: 500, warmUp: 2_000 },
  stdio: { rounds: 5, batch: 4_000, warmUp: 8_000, sessions: 300, weighings: 3, starts: 20 },
  cluster: { rounds: 20, batch: 1_000, warmUp: 6_000, takeovers: 5, handovers: 5 },
  crowds: { small: 100, middle: 1_000, large: 100_000 },
};

export const QUICK: Effort = {
  name: 'quick',
  echo: { rounds: 15, batch: 600, warmUp: 4_000 },
  handshake: { rounds: 15, batch: 300, warmUp: 4_000 },
  idle: { rounds: 1, sessions: 2_000, warmUp: 500 },
  crowd: { rounds: 7, batch: 600, warmUp: 4_000 },
  inspector: { rounds: 9, batch: 3_000, warmUp: 4_000, sessions: 3_000 },
  durable: { rounds: 15, batch: 300, warmUp: 4_000 },
  restore: { rounds: 5, batch: 300, warmUp: 1_000 },
  stdio: { rounds: 3, batch: 2_000, warmUp: 4_000, sessions: 300, weighings: 1, starts: 7 },
  cluster: { rounds: 9, batch: 600, warmUp: 3_000, takeovers: 3, handovers: 1 },
  crowds: { small: 100, middle: 1_000, large: 20_000 },
};

/** Everyone who takes part in the measures of requests; the floor only shows how far down there is to go. */
export const REQUEST_CONTENDERS: readonly ContenderName[] = [
  'supervisor',
  'durable',
  'sdkMap',
  'sdkMapParsed',
  'floor',
];
/** Those that serve requests without sessions. */
export const MODERN_CONTENDERS: readonly ContenderName[] = ['modern', 'sdkModern'];
/** Servers with three tools: with sessions on LMDB, and without. */
export const STATEFUL_CONTENDERS: readonly ContenderName[] = ['stateful', 'statefulDurable'];
/** What a restore may cost, as if it were a contender. */
export const ONE_MILLISECOND = '1 ms';
/** What a session may weigh whose server is a process, and how long an initialize may take that finds a spare. */
export const WEIGHT = '120 KB';
export const SOON = '50 ms';
/** How long a node may take to hand over. */
export const FIVE_SECONDS = '5 s';

export const IDLE_CONTENDERS: readonly ContenderName[] = ['supervisor', 'sdkMap'];

export function comparisons({ crowds }: Effort): readonly Comparison[] {
  const [small, middle, large] = [crowds.small, crowds.middle, crowds.large].map(String) as [string, string, string];
  const ours = { subject: 'supervisor', baseline: 'sdkMap' };
  const parsed = { subject: 'supervisor', baseline: 'sdkMapParsed' };
  const [off, on, watched] = INSPECTED;
  const modern = { subject: 'modern', baseline: 'sdkModern' };
  const [onRedis, atOwner, atOther] = CLUSTERED;
  const floor = { subject: 'supervisor', baseline: 'floor' };
  return [
    { title: 'echo call, CPU', metric: 'echo.cpu', ...ours, target: 0.4 },
    { title: 'handshake, CPU', metric: 'handshake.cpu', ...ours, target: 0.45 },
    { title: 'echo call without a session, CPU', metric: 'modern.cpu', ...modern, target: 0.8 },
    { title: 'idle session, heap', metric: 'idle.heap', ...ours, target: 0.35 },
    { title: 'open a session', metric: 'crowd.open', subject: large, baseline: middle, target: 1.5 },
    { title: 'use a session', metric: 'crowd.use', subject: large, baseline: small, target: 1.5 },
    { title: 'end the oldest session', metric: 'crowd.end', subject: large, baseline: small, target: 1.5 },
    { title: 'call, CPU', metric: 'inspector.cpu', subject: on, baseline: off, target: 1.05 },
    // A server that is busy with nothing else then serves 70 % of what it served before.
    { title: 'call, CPU', metric: 'inspector.cpu', subject: watched, baseline: off, target: 1.43 },
    // What a viewer that does not read makes the server hold is bounded, and small beside 10 000 sessions.
    { title: 'held in memory', metric: 'inspector.held', subject: FROZEN, baseline: watched, target: 1.2 },
    { title: 'echo call, CPU', metric: 'echo.cpu', subject: 'durable', baseline: 'supervisor', target: 1.1 },
    { title: 'handshake, CPU', metric: 'handshake.cpu', subject: 'durable', baseline: 'supervisor', target: 1.3 },
    {
      title: 'call that sets state, CPU',
      metric: 'state.cpu',
      subject: 'statefulDurable',
      baseline: 'stateful',
      target: 2,
    },
    { title: 'restore, CPU', metric: 'restore.cpu', subject: 'statefulDurable', baseline: ONE_MILLISECOND, target: 1 },
    {
      title: 'call of a server on stdio, CPU',
      metric: 'stdio.cpu',
      subject: 'mcp-session-supervisor',
      baseline: 'supergateway',
      target: 0.25,
    },
    {
      title: 'session of a server on stdio, RSS',
      metric: 'stdio.rss',
      subject: 'mcp-session-supervisor',
      baseline: WEIGHT,
      target: 1,
    },
    { title: 'call in a cluster, CPU', metric: 'cluster.cpu', subject: atOwner, baseline: onRedis, target: 1.1 },
    { title: 'forwarded call, CPU', metric: 'cluster.cpu', subject: atOther, baseline: atOwner, target: 2.2 },
    { title: 'takeover', metric: 'cluster.takeover', subject: TAKEN_OVER, baseline: SOON, target: 1 },
    { title: 'handover', metric: 'cluster.handover', subject: HANDED_OVER, baseline: FIVE_SECONDS, target: 1 },
    { title: 'initialize with a spare', metric: 'stdio.start', subject: WARM, baseline: SOON, target: 1 },
    ...(['supergateway', 'mcp-proxy'] as const).flatMap((baseline): Comparison[] => [
      { title: 'initialize', metric: 'stdio.start', subject: WARM, baseline },
      { title: 'initialize', metric: 'stdio.start', subject: 'mcp-session-supervisor', baseline },
      { title: 'session of a server on stdio, RSS', metric: 'stdio.rss', subject: 'mcp-session-supervisor', baseline },
      {
        title: 'calls of a server on stdio a second',
        metric: 'stdio.rate',
        subject: 'mcp-session-supervisor',
        baseline,
      },
    ]),
    {
      title: 'call of a server on stdio, CPU',
      metric: 'stdio.cpu',
      subject: 'mcp-session-supervisor',
      baseline: 'mcp-proxy',
    },
    { title: 'calls a second', metric: 'inspector.rate', subject: watched, baseline: off },
    { title: 'end any session', metric: 'crowd.endAny', subject: large, baseline: small },
    { title: 'idle session, RSS', metric: 'idle.rss', ...ours },
    { title: 'echo calls without a session a second', metric: 'modern.rate', ...modern },
    { title: 'echo calls a second', metric: 'echo.rate', ...ours },
    { title: 'handshakes a second', metric: 'handshake.rate', ...ours },
    { title: 'echo call, CPU', metric: 'echo.cpu', ...parsed },
    { title: 'handshake, CPU', metric: 'handshake.cpu', ...parsed },
    { title: 'echo call, CPU', metric: 'echo.cpu', ...floor },
    { title: 'handshake, CPU', metric: 'handshake.cpu', ...floor },
  ];
}
