/** What users' code names: entry points, their exports, codes, events, reasons. A change here is a change for all of them. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { SupervisorErrorCode } from '../src/errors.ts';
import type { HandleEventType } from '../src/supervisor/handleInfo.ts';
import type { SessionEventType, SessionInfo, SessionState } from '../src/supervisor/sessionInfo.ts';
import { serve } from './support/serve.ts';
import { initialize } from './support/wire.ts';

interface Surface {
  /** The file under src/. */
  readonly source: string;
  readonly load: () => Promise<object>;
  readonly values: readonly string[];
  readonly types: readonly string[];
}

const ENTRIES: Readonly<Record<string, Surface>> = {
  '.': {
    source: 'index.ts',
    load: () => import('mcp-session-supervisor'),
    values: [
      'END_REASONS',
      'FORWARD_OUTCOMES',
      'OPERATION_OUTCOMES',
      'REFUSAL_NAMES',
      'RESTORE_OUTCOMES',
      'SupervisorError',
      'createMemoryDirectory',
      'createMemoryEventStore',
      'createMemorySessionStore',
      'createSessionSupervisor',
    ],
    types: [
      'ChangeNotifier',
      'Claimed',
      'ClientInfo',
      'Clock',
      'ClusterOptions',
      'ClusterStats',
      'ClusterTls',
      'ConnectableServer',
      'CorsOptions',
      'Directory',
      'DrainOptions',
      'DrainStats',
      'EndReason',
      'EvictedSession',
      'ExpiredSession',
      'FetchOptions',
      'ForwardOutcome',
      'HandleClosing',
      'HandleContext',
      'HandleEndReason',
      'HandleEvent',
      'HandleEventType',
      'HandleInfo',
      'HandleListener',
      'HandleOpening',
      'HandleOptions',
      'HandleState',
      'HandleStats',
      'Handles',
      'HistoryEvent',
      'HistoryEventName',
      'IncomingPeerRequest',
      'JsonObject',
      'ListenInfo',
      'ListenWish',
      'Loaded',
      'LogEntry',
      'LogEventName',
      'Logger',
      'MemoryDirectoryOptions',
      'MemoryEventStore',
      'MemoryEventStoreOptions',
      'ModernStats',
      'NodeLife',
      'NodeState',
      'NotReadyReason',
      'ObservedEvent',
      'Operation',
      'OperationEnd',
      'OperationObserver',
      'OperationOutcome',
      'OutgoingPeerRequest',
      'ParkOutcome',
      'Parked',
      'Parking',
      'PeerAnswer',
      'PeerExchange',
      'PeerFailure',
      'PeerListener',
      'PeerNetwork',
      'PrincipalResolver',
      'Readiness',
      'RecordChange',
      'RecordedEvent',
      'RefusalName',
      'RestoreOutcome',
      'ServerFactory',
      'ServerWithCleanup',
      'SessionBag',
      'SessionContext',
      'SessionCount',
      'SessionEvent',
      'SessionEventType',
      'SessionInfo',
      'SessionListener',
      'SessionRecord',
      'SessionState',
      'SessionStore',
      'SessionSupervisor',
      'SessionSupervisorOptions',
      'StreamDrop',
      'SupervisorErrorCode',
      'SupervisorObserver',
      'SupervisorStats',
      'TimerClock',
      'Unreadable',
      'UnreadableReason',
      'Used',
    ],
  },
  './node': {
    source: 'node.ts',
    load: () => import('mcp-session-supervisor/node'),
    values: ['toCorsMiddleware', 'toNodeHandler'],
    types: ['CorsMiddleware', 'NodeHandler', 'NodeRequest'],
  },
  './machines': {
    source: 'machines/index.ts',
    load: () => import('mcp-session-supervisor/machines'),
    values: [
      'END_REASONS',
      'childMachine',
      'listenMachine',
      'nodeMachine',
      'partitionMachine',
      'sessionMachine',
      'supervisorMachine',
    ],
    types: [
      'ChildExit',
      'ChildInput',
      'ChildMachineContext',
      'ChildMachineEvent',
      'ChildOutput',
      'EndReason',
      'ListenEndReason',
      'ListenInput',
      'ListenMachineContext',
      'ListenMachineEvent',
      'ListenOutput',
      'NodeInput',
      'NodeMachineContext',
      'NodeMachineEvent',
      'NodeTimes',
      'PartitionEvent',
      'RestartPolicy',
      'SessionInput',
      'SessionMachineContext',
      'SessionMachineEvent',
      'SessionOutput',
      'SessionTimeouts',
      'SupervisorEvent',
      'SupervisorInput',
    ],
  },
  './inspector': {
    source: 'inspector/index.ts',
    load: () => import('mcp-session-supervisor/inspector'),
    values: ['createInspection', 'serveInspector'],
    types: ['InspectedSession', 'Inspection', 'InspectionOptions', 'Inspector', 'InspectorOptions'],
  },
  './admin': {
    source: 'admin/index.ts',
    load: () => import('mcp-session-supervisor/admin'),
    values: ['serveAdmin'],
    types: ['Admin', 'AdminOptions', 'MetricsSource'],
  },
  './lmdb': {
    source: 'lmdb/index.ts',
    load: () => import('mcp-session-supervisor/lmdb'),
    values: ['createLmdbStores'],
    types: ['LmdbEventStore', 'LmdbStores', 'LmdbStoresOptions'],
  },
  './redis': {
    source: 'redis/index.ts',
    load: () => import('mcp-session-supervisor/redis'),
    values: ['createRedisStores'],
    types: ['RedisClient', 'RedisEventStore', 'RedisStores', 'RedisStoresOptions'],
  },
  './stdio': {
    source: 'stdio/index.ts',
    load: () => import('mcp-session-supervisor/stdio'),
    values: ['stdioServer'],
    types: ['RestartPolicy', 'StdioServerFactory', 'StdioServerOptions', 'Variables'],
  },
  './telemetry': {
    source: 'telemetry/index.ts',
    load: () => import('mcp-session-supervisor/telemetry'),
    values: ['instrument', 'prometheusMetrics'],
    types: ['InstrumentOptions', 'Instrumentation', 'MetricOptions', 'PrometheusMetrics'],
  },
  './testing': {
    source: 'testing/index.ts',
    load: () => import('mcp-session-supervisor/testing'),
    values: [
      'ClusterFailure',
      'DiscoveryError',
      'HandleFailure',
      'INVARIANTS',
      'RULES',
      'RestartFailure',
      'SUPERVISOR_RULES',
      'SimulationClock',
      'SimulationFailure',
      'createGatedServer',
      'describePath',
      'directoryConformance',
      'httpDriver',
      'inProcessDriver',
      'modelTest',
      'restartTest',
      'runPaths',
      'runScript',
      'runSupervisorPaths',
      'sessionPaths',
      'sessionStoreConformance',
      'shrinkScript',
      'simulate',
      'simulateCluster',
      'simulateHandles',
      'simulateRestarts',
      'simulationProperty',
      'storeConformance',
      'supervisorPaths',
    ],
    types: [
      'Admission',
      'AdmissionRule',
      'Caps',
      'ClusterSimulationOptions',
      'Coverage',
      'DiscoveryErrorCode',
      'Driver',
      'Expectation',
      'ExpectedSession',
      'Feature',
      'Finding',
      'FoundSupervisorViolation',
      'FoundViolation',
      'GatedServer',
      'GatedServerOptions',
      'GatedSession',
      'HandleSimulationOptions',
      'HoldKind',
      'HttpDriverOptions',
      'InProcessDriverOptions',
      'Invariant',
      'LongCall',
      'ModelEvent',
      'ModelTestOptions',
      'ModelTestReport',
      'OpenedDirectory',
      'OpenedSessionStore',
      'OpenedStore',
      'PathResult',
      'PathStep',
      'PendingTimer',
      'ReportedViolation',
      'RestartReport',
      'RestartRow',
      'RestartSimulationOptions',
      'RestartTestOptions',
      'Rule',
      'RuleName',
      'RunPathsOptions',
      'RunResult',
      'RunSupervisorPathsOptions',
      'SessionPath',
      'SessionPathsOptions',
      'SimulateOptions',
      'SimulationOptions',
      'SimulationPropertyOptions',
      'SimulationResult',
      'SimulationScript',
      'Standing',
      'StartedServer',
      'SteppedClock',
      'StoreCase',
      'StoreTime',
      'SupervisorDriver',
      'SupervisorExpectation',
      'SupervisorModelEvent',
      'SupervisorModelOptions',
      'SupervisorPath',
      'SupervisorPathResult',
      'SupervisorPathsOptions',
      'SupervisorRuleName',
      'SupervisorRunResult',
      'SupervisorStep',
      'TransitionVerdict',
    ],
  },
};

const read = (path: string): Promise<string> => readFile(new URL(`../${path}`, import.meta.url), 'utf8');

describe('entry points', () => {
  test('are these, and each has its types', async () => {
    const { exports } = JSON.parse(await read('package.json')) as {
      exports: Record<string, string | { types: string; default: string }>;
    };
    expect(exports['./package.json']).toBe('./package.json');
    const built = Object.entries(ENTRIES).map(([name, { source }]) => {
      const path = `./dist/${source.slice(0, -'.ts'.length)}`;
      return [name, { types: `${path}.d.ts`, default: `${path}.js` }];
    });
    expect(exports).toEqual({ ...Object.fromEntries(built), './package.json': './package.json' });
  });

  test.each(Object.entries(ENTRIES))(
    '%s exports these values and types',
    async (_, { source, load, values, types }) => {
      expect(Object.keys(await load()).sort()).toEqual(values);
      const named = exportsOf(await read(`src/${source}`));
      expect(named.filter((name) => !values.includes(name)).sort()).toEqual(types);
    },
  );
});

/** The names that a module exports, types included; it re-exports nothing as a whole. */
function exportsOf(source: string): string[] {
  expect(source).not.toMatch(/^export (default|\*)/m);
  const lists = [...source.matchAll(/^export (?:type )?\{(.*?)\}/gms)].flatMap(([, list = '']) => list.split(','));
  const declared = [...source.matchAll(/^export (?:\w+ )*?(?:function|const|class|interface|type) (\w+)/gm)];
  const names = lists.map((item) =>
    item
      .trim()
      .replace(/^type /, '')
      .replace(/^.* as /, ''),
  );
  return [...names, ...declared.map(([, name = '']) => name)].filter((name) => name !== '');
}

/** The literals of a union type, as its source has them. */
async function unionOf(path: string, type: string): Promise<string[]> {
  const code = (await read(path)).replaceAll(/\/\*.*?\*\//gs, '');
  const [, union = ''] = new RegExp(`type ${type} =([^;]*);`).exec(code) ?? [];
  return [...union.matchAll(/'([\w.]+)'/g)].map(([, literal = '']) => literal);
}

// Typed, so that one that is new or gone fails to compile as well.
const CODES = {
  INVALID_OPTION: true,
  UNKNOWN_OPTION: true,
  CONFLICTING_OPTIONS: true,
  SUPERVISOR_STOPPED: true,
  NOT_A_SUPERVISOR: true,
  INVALID_SERVER: true,
  INVALID_SESSION_ID: true,
  SESSION_CLOSED: true,
  NO_STREAM: true,
  EVENT_STORE_FAILED: true,
  INVALID_RECORD: true,
  STORE_IN_USE: true,
  STORE_CLOSED: true,
  STORE_FAILED: true,
  NOT_RESTORABLE: true,
  INVALID_STATE: true,
  COMMAND_NOT_FOUND: true,
  SPAWN_UNAVAILABLE: true,
  SERVER_ENDED: true,
  HANDLE_NOT_FOUND: true,
  HANDLES_FULL: true,
  HANDLE_NOT_OPENED: true,
  NO_PRINCIPAL: true,
  PACKAGE_MISSING: true,
  CANNOT_LISTEN: true,
  UNSUPPORTED_XSTATE: true,
} satisfies Record<SupervisorErrorCode, true>;

const EVENTS = {
  'session.opened': true,
  'session.active': true,
  'session.idle': true,
  'session.terminated': true,
  'session.parked': true,
  'session.restored': true,
} satisfies Record<SessionEventType, true>;

const HANDLE_EVENTS = {
  'handle.opened': true,
  'handle.active': true,
  'handle.idle': true,
  'handle.terminated': true,
} satisfies Record<HandleEventType, true>;

const STATES = {
  initializing: true,
  restoring: true,
  active: true,
  idle: true,
  parked: true,
  terminated: true,
} satisfies Record<SessionState, true>;

test.each([
  ['SupervisorErrorCode', 'src/errors.ts', CODES],
  ['SessionEventType', 'src/supervisor/sessionInfo.ts', EVENTS],
  ['HandleEventType', 'src/supervisor/handleInfo.ts', HANDLE_EVENTS],
  ['SessionState', 'src/supervisor/sessionInfo.ts', STATES],
])('%s is one of these', async (type, path, literals) => {
  expect(await unionOf(path, type)).toEqual(Object.keys(literals));
});

test('a session ends for one of these reasons', async () => {
  const { END_REASONS } = await import('../src/index.ts');
  expect(END_REASONS).toEqual([
    'idle',
    'deleted',
    'evicted',
    'lifetime',
    'initializeTimeout',
    'crashed',
    'drained',
    'terminated',
    'closed',
    'unrestorable',
  ]);
});

const INFO = {
  id: true,
  state: true,
  inFlight: true,
  calls: true,
  openStreams: true,
  createdAt: true,
  lastActiveAt: true,
  principal: true,
  clientInfo: true,
  protocolVersion: true,
  epoch: true,
  history: true,
} satisfies Record<keyof SessionInfo, true>;

test('a supervisor, what it tells of a session, and an event have these members', async () => {
  const { supervisor, events, url } = await serve();
  const { sessionId } = await initialize(url);
  const face = [
    'session',
    'sessions',
    'terminate',
    'drain',
    'on',
    'observe',
    'handles',
    'openHandles',
    'stats',
    'server',
    'record',
    'fetch',
    'actor',
    'listenStreams',
    'notify',
    'park',
    'readiness',
  ];
  expect(Object.keys(supervisor).sort()).toEqual(face.sort());
  expect(Object.keys(supervisor.session(sessionId) ?? {})).toEqual(Object.keys(INFO));
  await supervisor.terminate(sessionId);
  expect(Object.keys(events.at(-1) ?? {})).toEqual(['type', 'session', 'reason']);
});
