/** The text for Prometheus, read by a parser of somebody else's: its numbers are those of `stats()`. */
import { describe, expect, test } from 'vitest';
import { createMemoryEventStore, END_REASONS, REFUSAL_NAMES } from '../../src/index.ts';
import { prometheusMetrics } from '../../src/telemetry/index.ts';
import { serve } from '../support/serve.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { initialize, post } from '../support/wire.ts';
import { durations, numberOf, scrape } from './scrape.ts';

const SESSIONS = 'mcp_supervisor_sessions';
const ENDED = 'mcp_supervisor_session_ended_total';

test('sessions are counted by state, and those that ended by reason', async () => {
  const { supervisor, url } = await serve();
  const metrics = prometheusMetrics(supervisor);
  const { sessionId } = await initialize(url);
  await initialize(url);
  await supervisor.terminate(sessionId);
  const text = metrics.text();
  expect(numberOf(text, SESSIONS, { state: 'idle' })).toBe(1);
  expect(numberOf(text, ENDED, { reason: 'terminated' })).toBe(1);
  expect(numberOf(text, 'mcp_supervisor_session_opened_total')).toBe(2);
});

test('what did not happen is there as 0, under every value that there is', async () => {
  const { supervisor } = await serve();
  const families = scrape(prometheusMetrics(supervisor).text());
  const values = (name: string, label: string) => families.get(name)?.metrics.map(({ labels }) => labels?.[label]);
  expect(values(ENDED, 'reason')).toEqual(END_REASONS);
  expect(values('mcp_supervisor_refusals_total', 'refusal')).toEqual(REFUSAL_NAMES);
  expect(values(SESSIONS, 'state')).toEqual(['initializing', 'restoring', 'active', 'idle', 'parked']);
});

test('incarnations, and what an event store says that it holds', async () => {
  const events = createMemoryEventStore();
  const { supervisor, url } = await serve({ eventStore: events });
  const metrics = prometheusMetrics(supervisor);
  await initialize(url);
  await events.storeEvent('a stream', { jsonrpc: '2.0', method: 'notifications/a' });
  expect(numberOf(metrics.text(), 'mcp_supervisor_epochs_total')).toBe(1);
  expect(events.bytes).toBeGreaterThan(0);
  expect(numberOf(metrics.text(), 'mcp_supervisor_event_store_bytes')).toBe(events.bytes);
  const silent = { storeEvent: async () => '1', replayEventsAfter: async () => '' };
  for (const bytes of [undefined, Number.NaN, '7']) {
    const { supervisor } = await serve({ eventStore: Object.assign({ ...silent }, { bytes }) });
    expect(supervisor.stats().eventStore).toBe(undefined);
    expect(prometheusMetrics(supervisor).text()).not.toContain('event_store');
  }
});

test('refusals are counted by name', async () => {
  const { supervisor, url } = await serve();
  const metrics = prometheusMetrics(supervisor);
  await post(url, { jsonrpc: '2.0', id: 1, method: 'ping' });
  expect(numberOf(metrics.text(), 'mcp_supervisor_refusals_total', { refusal: 'sessionRequired' })).toBe(1);
});

test('every metric has a type, a help and samples, and says its content type', async () => {
  const { supervisor, url } = await serve();
  supervisor.handles('browser', { open: () => 1, close: () => {} });
  const metrics = prometheusMetrics(supervisor);
  await supervisor.terminate((await initialize(url)).sessionId);
  expect(metrics.contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
  for (const { name, help, type, metrics: samples } of scrape(metrics.text()).values()) {
    expect(name).toMatch(/^mcp_[a-z_]+$/);
    expect(name.endsWith('_total')).toBe(type === 'COUNTER');
    expect(help.length, name).toBeGreaterThan(10);
    expect(samples.length, name).toBeGreaterThan(0);
  }
});

describe('how long sessions lived', () => {
  const NAME = 'mcp_supervisor_session_duration_seconds';

  test('is told by reason, in buckets that contain one another', async () => {
    const clock = new SimulatedClock();
    const { supervisor, url } = await serve({ clock });
    const metrics = prometheusMetrics(supervisor);
    const { sessionId } = await initialize(url);
    clock.increment(90_000);
    await supervisor.terminate(sessionId);
    const [life] = durations(metrics.text(), NAME);
    expect(life).toMatchObject({ labels: { reason: 'terminated' }, count: 1, sum: 90 });
    expect(life?.buckets).toMatchObject({ 60: 0, 300: 1, 604800: 1, '+Inf': 1 });
  });

  test('is not told any more after stop', async () => {
    const { supervisor, url } = await serve();
    const metrics = prometheusMetrics(supervisor);
    metrics.stop();
    metrics.stop();
    await supervisor.terminate((await initialize(url)).sessionId);
    expect(durations(metrics.text(), NAME)).toEqual([]);
    expect(numberOf(metrics.text(), ENDED, { reason: 'terminated' })).toBe(1);
  });
});
