/** Every public function, called with what nobody should: it throws or rejects with an error of ours that says what is expected. */
import { describe, expect, test } from 'vitest';
import * as admin from '../src/admin/index.ts';
import * as root from '../src/index.ts';
import * as inspector from '../src/inspector/index.ts';
import * as lmdb from '../src/lmdb/index.ts';
import * as node from '../src/node.ts';
import * as redis from '../src/redis/index.ts';
import * as stdio from '../src/stdio/index.ts';
import * as telemetry from '../src/telemetry/index.ts';
import { TinyServer } from './support/tinyServer.ts';
import { withTimeout } from './support/until.ts';

const NOTHING = Object.create(null) as object;
const NONSENSE = {
  undefined,
  null: null,
  'a number': 42,
  NaN: Number.NaN,
  'a text': 'nonsense',
  'a boolean': true,
  'a bigint': 1n,
  'a symbol': Symbol('nonsense'),
  'an object': { nonsense: true },
  'an object without a prototype': NOTHING,
  'a list': [],
  'a function': () => {},
  'a date': new Date(0),
} as const;
type Kind = keyof typeof NONSENSE;

interface Row {
  readonly call: (given: never) => unknown;
  /** What is no nonsense here. */
  readonly takes?: readonly Kind[];
  readonly code?: readonly string[];
}

const OPTIONS = ['INVALID_OPTION', 'UNKNOWN_OPTION'];
const supervise = () => root.createSessionSupervisor({ server: () => new TinyServer(), logger: () => {} });
const supervisor = supervise();
const handler = node.toNodeHandler(supervisor);
const cors = node.toCorsMiddleware(supervisor);
const request = { headers: {}, rawHeaders: [], on: () => {} } as never;
const response = { writeHead: () => {}, prependListener: () => {} } as never;

/** By module, and name of the export; further lines are other arguments of it, or what it returns. */
const ROWS: Readonly<Record<string, Row>> = {
  'root createSessionSupervisor': { call: root.createSessionSupervisor, code: OPTIONS },
  'root createMemoryEventStore': {
    call: root.createMemoryEventStore,
    takes: ['undefined', 'an object without a prototype', 'a date'],
    code: OPTIONS,
  },
  'root SupervisorError': { call: () => supervisor.on(NOTHING as never, () => {}) },
  'stdio stdioServer': { call: stdio.stdioServer, code: OPTIONS },
  'node toNodeHandler': { call: node.toNodeHandler, code: ['NOT_A_SUPERVISOR'] },
  'node toNodeHandler, its request': { call: (given) => handler(given, response) },
  'node toNodeHandler, its response': { call: (given) => handler(request, given) },
  'node toCorsMiddleware': { call: node.toCorsMiddleware, code: ['NOT_A_SUPERVISOR'] },
  'node toCorsMiddleware, its request': { call: (given) => cors(given, response, () => {}) },
  'node toCorsMiddleware, its response': { call: (given) => cors(request, given, () => {}) },
  'node toCorsMiddleware, its next': { call: (given) => cors(request, response, given), takes: ['a function'] },
  'inspector createInspection': {
    call: inspector.createInspection,
    takes: ['undefined', 'an object without a prototype', 'a date'],
    code: OPTIONS,
  },
  'inspector serveInspector': { call: inspector.serveInspector, code: ['NOT_A_SUPERVISOR'] },
  'inspector serveInspector, its options': {
    call: (given) => inspector.serveInspector(supervisor, given),
    takes: ['undefined', 'an object without a prototype', 'a date'],
    code: OPTIONS,
  },
  'admin serveAdmin': { call: admin.serveAdmin, code: ['NOT_A_SUPERVISOR'] },
  'admin serveAdmin, its options': {
    call: (given) => admin.serveAdmin(supervisor, given),
    takes: ['undefined', 'an object without a prototype', 'a date'],
    code: OPTIONS,
  },
  'telemetry prometheusMetrics': { call: telemetry.prometheusMetrics, code: ['NOT_A_SUPERVISOR'] },
  'telemetry prometheusMetrics, its options': {
    call: (given) => telemetry.prometheusMetrics(supervisor, given),
    takes: ['undefined', 'an object without a prototype', 'a date'],
    code: OPTIONS,
  },
  'telemetry instrument': { call: telemetry.instrument, code: ['NOT_A_SUPERVISOR'] },
  'telemetry instrument, its options': {
    call: (given) => telemetry.instrument(supervise(), given),
    takes: ['undefined', 'an object without a prototype', 'a date'],
    code: OPTIONS,
  },
  'root createMemoryDirectory': {
    call: root.createMemoryDirectory,
    takes: ['undefined', 'an object without a prototype', 'a date'],
    code: OPTIONS,
  },
  'lmdb createLmdbStores': { call: lmdb.createLmdbStores, code: OPTIONS },
  'lmdb createLmdbStores, its path': { call: (path) => lmdb.createLmdbStores({ path }), takes: ['a text'] },
  'redis createRedisStores': { call: redis.createRedisStores, code: OPTIONS },
  'redis createRedisStores, its url': { call: (url) => redis.createRedisStores({ url }) },
  'redis createRedisStores, its client': {
    call: (client) => redis.createRedisStores({ client }),
    code: OPTIONS,
  },
  'supervisor session': { call: supervisor.session, takes: ['a text'] },
  'supervisor server': { call: supervisor.server, takes: ['a text'] },
  'supervisor record': { call: supervisor.record, takes: ['a text'] },
  'supervisor terminate': { call: supervisor.terminate, takes: ['a text'] },
  'supervisor terminate, its reason': { call: (given) => supervisor.terminate('x', given), takes: ['undefined'] },
  'supervisor on': { call: (given) => supervisor.on(given, () => {}) },
  'supervisor on, its listener': { call: (given) => supervisor.on('session.idle', given), takes: ['a function'] },
  'supervisor park': { call: supervisor.park, takes: ['a text'] },
  'supervisor drain, its delay': {
    call: (given) => supervise().drain({ delay: given }),
    takes: ['undefined', 'a number'],
  },
  'supervisor observe': { call: supervisor.observe, takes: ['an object', 'an object without a prototype', 'a date'] },
  'supervisor observe, its operation': {
    call: (operation) => supervisor.observe({ operation }),
    takes: ['undefined', 'a function'],
  },
  'supervisor observe, its event': {
    call: (event) => supervisor.observe({ event }),
    takes: ['undefined', 'a function'],
  },
  'supervisor notify': { call: supervisor.notify.resourceUpdated, takes: ['a text'] },
  'supervisor drain': {
    call: (given) => supervise().drain(given),
    takes: ['undefined', 'an object', 'an object without a prototype', 'a function', 'a date'],
  },
  'supervisor drain, its timeout': {
    call: (given) => supervise().drain({ timeout: given }),
    takes: ['undefined', 'a number'],
  },
  'supervisor handles': {
    call: (given) => supervise().handles(given, { open: () => 1, close: () => {} }),
    takes: ['a text'],
  },
  'supervisor handles, its options': { call: (given) => supervise().handles('thing', given), code: OPTIONS },
  'supervisor fetch': { call: (given) => supervisor.fetch(given) },
  'supervisor fetch, its options': {
    call: (given) => supervisor.fetch(new Request('http://localhost/'), given),
    takes: ['undefined', 'null', 'an object', 'an object without a prototype', 'a list', 'a function', 'a date'],
  },
};

/** They take nothing. */
const WITHOUT_ARGUMENTS = [
  'createMemorySessionStore',
  'sessions',
  'openHandles',
  'stats',
  'listenStreams',
  'readiness',
];

test('every public function is in the table', () => {
  const functions = Object.entries({ root, node, inspector, admin, lmdb, redis, stdio, supervisor, telemetry }).flatMap(
    ([module, exported]) =>
      Object.entries(exported)
        .filter(([name, value]) => typeof value === 'function' && !WITHOUT_ARGUMENTS.includes(name))
        .map(([name]) => `${module} ${name}`),
  );
  expect(functions.filter((name) => !(name in ROWS))).toEqual([]);
});

describe.each(Object.entries(ROWS))('%s', (_, { call, takes = [], code = ['INVALID_OPTION'] }) => {
  const nonsense = Object.entries(NONSENSE).filter(([kind]) => !takes.includes(kind as Kind));

  test.each(nonsense)('%s', async (_kind, given) => {
    // It throws, or it rejects.
    const outcome = withTimeout((async () => call(given as never))(), { within: 2_000, what: 'an answer' });
    const error: unknown = await outcome.then(
      () => 'It took that',
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(root.SupervisorError);
    const { code: told, message } = error as root.SupervisorError;
    expect(code).toContain(told);
    expect(message).toMatch(/must be|one of|There is no|there are|Expected|has no option/);
  });
});

test('a supervisor that was asked in vain is none the worse for it', async () => {
  expect([...supervisor.sessions()]).toEqual([]);
  expect((await supervisor.fetch(new Request('http://localhost/'))).status).toBe(406);
  await withTimeout(supervisor.drain(), { what: 'the drain' });
});

test('fetch takes a request that is not of this realm', async () => {
  const { method, url, headers, signal } = new Request('http://localhost/', { method: 'DELETE' });
  const other = supervise();
  expect((await other.fetch({ method, url, headers, signal } as Request)).status).toBe(400);
  await other.drain();
});
