/** Durations and counts: the same for Prometheus and for OpenTelemetry, from one table, within bounds. */
import { DataPointType, type Histogram as Durations } from '@opentelemetry/sdk-metrics';
import { describe, expect, test } from 'vitest';
import type { Operation, OperationEnd, SupervisorObserver } from '../../src/index.ts';
import { SESSION_VERSIONS } from '../../src/protocol/versions.ts';
import { Histogram } from '../../src/telemetry/histogram.ts';
import { prometheusMetrics } from '../../src/telemetry/index.ts';
import { METHODS, VERSIONS } from '../../src/telemetry/methods.ts';
import { READ_METRICS } from '../../src/telemetry/readMetrics.ts';
import { TIMED_METRICS } from '../../src/telemetry/timedMetrics.ts';
import { ask, serveBoth, toolBody } from '../modern/modernServer.ts';
import { serve, supervise } from '../support/serve.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { until } from '../support/until.ts';
import { call, initialize, post, sessionHeaders } from '../support/wire.ts';
import { traced } from './openTelemetry.ts';
import { durations, numberOf, scrape } from './scrape.ts';

const OPERATIONS = 'mcp_server_operation_duration_seconds';

const labelsOf = (text: string, method: string) =>
  durations(text, OPERATIONS)
    .map(({ labels }) => labels)
    .filter((labels) => labels['mcp_method_name'] === method);

test('a call is counted by method and tool, with the labels of the conventions', async () => {
  const { supervisor, url } = await serve();
  const metrics = prometheusMetrics(supervisor);
  const { sessionId } = await initialize(url);
  await call(url, sessionId, 'echo', { text: 'a' });
  await call(url, sessionId, 'echo', { text: 'b' });
  const [calls] = durations(metrics.text(), OPERATIONS).filter(({ labels }) => 'gen_ai_tool_name' in labels);
  expect(calls?.labels).toEqual({
    mcp_method_name: 'tools/call',
    gen_ai_operation_name: 'execute_tool',
    gen_ai_tool_name: 'echo',
    mcp_protocol_version: '2025-11-25',
    network_transport: 'tcp',
    network_protocol_name: 'http',
  });
  expect(calls?.count).toBe(2);
  expect(metrics.text()).not.toContain(sessionId);
});

test('both eras are counted', async () => {
  const { supervisor, url } = await serveBoth();
  const metrics = prometheusMetrics(supervisor);
  await call(url, (await initialize(url)).sessionId, 'echo', { text: 'a' });
  await ask(url, toolBody('echo', { text: 'a' }));
  await until(() => numberOf(metrics.text(), 'mcp_supervisor_modern_open') === 0, { what: 'it to be over' });
  expect(labelsOf(metrics.text(), 'tools/call').map((labels) => labels['mcp_protocol_version'])).toEqual([
    '2025-11-25',
    '2026-07-28',
  ]);
  expect(numberOf(metrics.text(), 'mcp_supervisor_modern_requests_total')).toBe(1);
});

test('how an operation failed is a label', async () => {
  const { supervisor, url } = await serve();
  const metrics = prometheusMetrics(supervisor);
  const { sessionId } = await initialize(url);
  await call(url, sessionId, 'fail');
  await post(url, { jsonrpc: '2.0', id: 1, method: 'prompts/get', params: { name: 'p' } }, sessionHeaders(sessionId));
  const text = metrics.text();
  expect(labelsOf(text, 'tools/call')).toMatchObject([{ error_type: 'tool_error', gen_ai_tool_name: '_OTHER' }]);
  expect(labelsOf(text, 'prompts/get')).toMatchObject([
    { error_type: '-32601', rpc_response_status_code: '-32601', gen_ai_prompt_name: '_OTHER' },
  ]);
});

test('a tool that was listed has its name also where it fails', async () => {
  const { supervisor, url } = await serve();
  const metrics = prometheusMetrics(supervisor);
  const { sessionId } = await initialize(url);
  await post(url, { jsonrpc: '2.0', id: 1, method: 'tools/list' }, sessionHeaders(sessionId));
  await call(url, sessionId, 'fail');
  expect(labelsOf(metrics.text(), 'tools/call')).toMatchObject([{ gen_ai_tool_name: 'fail' }]);
});

test('a session that was opened has its duration by the conventions', async () => {
  const clock = new SimulatedClock();
  const { supervisor, url } = await serve({ clock });
  const metrics = prometheusMetrics(supervisor);
  const { sessionId } = await initialize(url);
  clock.increment(7_000);
  await supervisor.terminate(sessionId);
  const [life] = durations(metrics.text(), 'mcp_server_session_duration_seconds');
  expect(life).toMatchObject({ count: 1, sum: 7, buckets: { 5: 0, 10: 1, 300: 1 } });
  expect(life?.labels).toMatchObject({ mcp_protocol_version: '2025-11-25' });
});

describe('what clients invent', () => {
  /** An observer without a supervisor, which is told of a hundred thousand operations. */
  const observed = (options = {}) => {
    const { supervisor } = supervise();
    let observer: SupervisorObserver = {};
    const face = {
      ...supervisor,
      observe: (given: SupervisorObserver) => {
        observer = given;
        return () => {};
      },
    };
    const metrics = prometheusMetrics(face, options);
    const tell = (
      method: string,
      name: string,
      end: Partial<OperationEnd>,
      protocolVersion = '2025-11-25',
      side: Operation['side'] = 'server',
    ) => {
      const operation = { side, era: 'session', method, id: 1, params: { name } } as const;
      observer
        .operation?.({ ...operation, sessionId: 's', protocolVersion })
        ?.end?.({ outcome: 'answered', duration: 1, ...end });
    };
    return { metrics, tell };
  };

  test('a hundred thousand methods, names, versions and codes change nothing', () => {
    const { metrics, tell } = observed();
    const some = (from: number, to: number) => {
      for (let n = from; n < to; n++) {
        tell(`method/${n}`, 'a', { outcome: 'error', code: -200_000 - n }, `20${n}`);
        tell('tools/call', `tool ${n}`, { outcome: 'error', code: n });
        tell('prompts/get', `prompt ${n}`, { outcome: 'toolError' });
      }
    };
    some(0, 1_000);
    const { length } = durations(metrics.text(), OPERATIONS);
    some(1_000, 100_000);
    expect(durations(metrics.text(), OPERATIONS)).toHaveLength(length);
    expect(metrics.text().length).toBeLessThan(100_000);
    expect(metrics.text()).not.toContain('tool 1');
  });

  test.each([
    [undefined, 200],
    [3, 3],
  ])('names that turned out to be real are kept apart: with maxNames %o, %i of them', (maxNames, kept) => {
    const { metrics, tell } = observed({ maxNames });
    for (let n = 0; n < 1_000; n++) tell('tools/call', `tool ${n}`, {});
    const names = new Set(labelsOf(metrics.text(), 'tools/call').map((labels) => labels['gen_ai_tool_name']));
    expect(names.size).toBe(kept + 1);
    expect(names).toContain('_OTHER');
  });

  test('a long name is none', () => {
    const { metrics, tell } = observed();
    tell('tools/call', 'x'.repeat(10_000), {});
    expect(labelsOf(metrics.text(), 'tools/call')).toMatchObject([{ gen_ai_tool_name: '_OTHER' }]);
  });

  test.each(['\ud800', 'a\udc00b', ''])('what Prometheus can’t tell from another name is none: %j', (name) => {
    const { metrics, tell } = observed();
    tell('tools/call', name, {});
    tell('tools/list', '', { result: { tools: [{ name }] } });
    tell('tools/call', name, { outcome: 'toolError' });
    const names = labelsOf(metrics.text(), 'tools/call').map((labels) => labels['gen_ai_tool_name']);
    expect(names).toEqual(['_OTHER', '_OTHER']);
  });

  test('what a client lists is no name', () => {
    const { metrics, tell } = observed();
    tell('tools/list', '', { result: { tools: [{ name: 'made up' }] } }, '2025-11-25', 'client');
    tell('tools/call', 'made up', { outcome: 'toolError' });
    expect(labelsOf(metrics.text(), 'tools/call')).toMatchObject([{ gen_ai_tool_name: '_OTHER' }]);
  });

  test('beyond 2 000 sets of labels what comes is counted together', () => {
    const histogram = new Histogram([1], ['a', 'b']);
    for (let n = 0; n < 5_000; n++) histogram.record(2, { a: String(n) });
    const all = [...histogram];
    expect(all).toHaveLength(2_001);
    expect(all.at(-1)).toEqual({ labels: { a: '_OTHER', b: '_OTHER' }, buckets: [0, 3_000], sum: 6_000, count: 3_000 });
  });
});

describe('a meter of OpenTelemetry', () => {
  test('has the numbers that Prometheus has, under the names of the table', async () => {
    const { supervisor, url } = await serve();
    const prometheus = prometheusMetrics(supervisor);
    const { metrics } = await traced(supervisor);
    const { sessionId } = await initialize(url);
    await call(url, sessionId, 'echo', { text: 'a' });
    await initialize(url);
    await supervisor.terminate(sessionId);
    const meter = await metrics();
    const text = prometheus.text();
    const points = (name: string) => meter.get(name)?.dataPoints ?? [];
    for (const { attributes, value } of points('mcp.supervisor.session.ended')) {
      const labels = attributes as Record<string, string>;
      expect(value).toBe(numberOf(text, 'mcp_supervisor_session_ended_total', labels));
    }
    for (const { attributes, value } of points('mcp.supervisor.sessions')) {
      expect(value).toBe(numberOf(text, 'mcp_supervisor_sessions', attributes as Record<string, string>));
    }
    expect(points('mcp.supervisor.sessions')).toHaveLength(5);
    const operations = meter.get('mcp.server.operation.duration');
    expect(operations?.dataPointType).toBe(DataPointType.HISTOGRAM);
    const counts = points('mcp.server.operation.duration').map(({ value }) => (value as Durations).count);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(5);
    const durations = points('mcp.server.operation.duration')[0]?.value as Durations | undefined;
    expect(durations?.buckets.boundaries).toEqual([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300]);
  });

  test('is told of what is in the table, with its units, and of nothing else', async () => {
    const { supervisor, url } = await serve();
    const { metrics } = await traced(supervisor);
    await initialize(url);
    const table = new Map([...READ_METRICS, ...TIMED_METRICS].map((metric) => [metric.name, metric.unit]));
    const meter = await metrics();
    expect(meter.size).toBeGreaterThan(10);
    for (const [name, { descriptor }] of meter) expect(table.get(name), name).toBe(descriptor.unit);
  });

  test('is read no more after stop', async () => {
    const { supervisor } = await serve();
    const { metrics, stop } = await traced(supervisor);
    stop();
    expect([...(await metrics()).keys()]).toEqual([]);
  });
});

test('labels have the values that the table says, whatever happened', async () => {
  const { supervisor, url } = await serveBoth();
  supervisor.handles('browser', { open: () => 1, close: () => {} });
  const metrics = prometheusMetrics(supervisor);
  const { sessionId } = await initialize(url);
  await call(url, sessionId, 'echo', { text: 1 });
  await post(url, { jsonrpc: '2.0', id: 1, method: 'nobody/knows' }, sessionHeaders(sessionId));
  await supervisor.terminate(sessionId);
  const allowed = new Map(
    [...READ_METRICS, ...TIMED_METRICS].flatMap(({ name, labels }) =>
      Object.entries(labels).map(([label, values]) => [`${name} ${label}`.replaceAll('.', '_'), values] as const),
    ),
  );
  let compared = 0;
  for (const [family, { metrics: samples }] of scrape(metrics.text().replaceAll(/^# TYPE \S+ histogram$/gm, ''))) {
    const base = family.replace(/(_seconds)?(_total|_bucket|_sum|_count)?$/, '');
    for (const [label, value] of samples.flatMap(({ labels = {} }) => Object.entries(labels))) {
      if (label === 'le') continue;
      const values = allowed.get(`${base} ${label}`);
      expect(values, `${base} ${label}`).toBeDefined();
      if (typeof values !== 'string') expect(values).toContain(value);
      compared++;
    }
  }
  expect(compared).toBeGreaterThan(100);
});

test('the revisions and methods of the table are those of the protocol', () => {
  expect([...VERSIONS].sort()).toEqual([...SESSION_VERSIONS, '2026-07-28'].sort());
  expect(METHODS).toEqual([...new Set(METHODS)].sort());
});
