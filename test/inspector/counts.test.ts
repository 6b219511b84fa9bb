/** What is counted whether somebody looks or not: how it went over the last minutes, refusals, evictions, and a drain. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { SessionSupervisor, SupervisorStats } from '../../src/index.ts';
import { Counts } from '../../src/inspector/counts.ts';
import { CLOSE_CODES, type TrendPoint } from '../../src/inspector/protocol.ts';
import { until, withTimeout } from '../support/until.ts';
import { call, initialize, openStream, post } from '../support/wire.ts';
import { closeCode, FeedClient } from './feedClient.ts';
import { serveInspected } from './inspect.ts';

describe('the last minutes', () => {
  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  /** Counts of a supervisor that is made up, on a clock of their own that goes with the timers. */
  function counted() {
    vi.useFakeTimers();
    const timers = vi.spyOn(globalThis, 'setInterval');
    const start = 1_000_000;
    let ahead = start;
    const began = Date.now();
    const stats = {
      sessions: { initializing: 0, restoring: 0, active: 1, idle: 2, parked: 0 },
      calls: 3,
      streams: 4,
      refused: { full: 5, draining: 1 },
      evicted: { parked: 0, ended: 0 },
    } as SupervisorStats & { calls: number };
    const supervisor = { stats: vi.fn(() => stats) } satisfies Pick<SessionSupervisor, 'stats'>;
    const now = () => ahead + Date.now() - began;
    const counts = new Counts(supervisor, { now, timeouts: { keepsRecords: false } });
    const setBack = (ms: number) => {
      ahead -= ms;
    };
    return { counts, stats, supervisor, timers, start, setBack, times: () => counts.trend().map(([at]) => at) };
  }

  test('are a point a second, from the start on', () => {
    const { counts, stats, start } = counted();
    vi.advanceTimersByTime(1_000);
    counts.opened = 7;
    Object.assign(stats, { calls: 9 });
    vi.advanceTimersByTime(1_000);
    const point = (at: number, calls: number, opened: number): TrendPoint => {
      return [at, 0, 0, 1, 2, 0, calls, 4, opened, 0, 0, 0, 6];
    };
    expect(counts.trend()).toEqual([point(start, 3, 0), point(start + 1_000, 3, 0), point(start + 2_000, 9, 7)]);
  });

  test('are five at most', () => {
    const { times, start } = counted();
    vi.advanceTimersByTime(600_000);
    expect(times()).toHaveLength(301);
    expect([times()[0], times().at(-1)]).toEqual([start + 300_000, start + 600_000]);
  });

  test('go on from where a clock was set back to', () => {
    const { times, start, setBack } = counted();
    vi.advanceTimersByTime(5_000);
    setBack(3_500);
    vi.advanceTimersByTime(1_000);
    expect(times()).toEqual([start, start + 1_000, start + 2_000, start + 2_500]);
  });

  test('end with what they are of, and keep no process alive', () => {
    const { counts, supervisor, timers } = counted();
    expect(timers.mock.results.map(({ value }) => value.hasRef())).toEqual([false]);
    counts.close();
    const { length } = supervisor.stats.mock.calls;
    vi.advanceTimersByTime(10_000);
    expect(supervisor.stats).toHaveBeenCalledTimes(length);
  });

  test('are told with the first part of each snapshot, also to a viewer that comes back', async () => {
    const { inspector, url, supervisor } = await serveInspected();
    const { sessionId } = await initialize(url);
    await until(() => supervisor.session(sessionId)?.state === 'idle');
    for (let n = 0; n < 2; n++) {
      const client = await new FeedClient(inspector).synchronized();
      const [first] = client.of('snapshot');
      expect(first?.trend?.length).toBeGreaterThan(0);
      const times = first?.trend?.map(([at]) => at) ?? [];
      expect(times).toEqual([...times].sort((a, b) => a - b));
      client.socket.close();
    }
  });
});

describe('what is told of all sessions', () => {
  test('calls and streams apart, in the totals and of each session', async () => {
    const { inspector, url, gates } = await serveInspected({ enableJsonResponse: true });
    const client = await new FeedClient(inspector).synchronized();
    const listening = await initialize(url);
    await openStream(url, { headers: listening.headers });
    const calling = await initialize(url);
    const answer = call(url, calling.sessionId, 'gate', { key: 'a' }, 1);
    await gates.entered('a');
    await until(() => client.totals?.calls === 1 && client.totals.streams === 1);
    await until(() => [...client.rows.values()].every(({ inFlight }) => inFlight === 1));
    const rows = [...client.rows.values()].map(({ calls, openStreams }) => [calls, openStreams]);
    expect(rows).toEqual([
      [0, 1],
      [1, 0],
    ]);
    gates.openAll();
    await answer;
    await until(() => client.totals?.calls === 0);
    await until(() => [...client.rows.values()][1]?.calls === 0);
  });

  test('refusals by name and evictions, as soon as they happen, though no session changes', async () => {
    const { inspector, url, supervisor } = await serveInspected({ maxSessions: 1 });
    const client = await new FeedClient(inspector).synchronized();
    expect(client.totals).toMatchObject({ refused: {}, evicted: { parked: 0, ended: 0 } });
    const { headers, sessionId } = await initialize(url);
    await until(() => supervisor.session(sessionId)?.state === 'idle');
    await post(url, { jsonrpc: '2.0', id: 1, method: 'ping' }, { ...headers, 'mcp-session-id': 'unknown' });
    await until(() => client.totals?.refused.sessionNotFound === 1, { within: 900 });
    await initialize(url);
    await until(() => client.totals?.evicted.ended === 1);
    const late = await new FeedClient(inspector).synchronized();
    expect(late.totals).toMatchObject({ refused: { sessionNotFound: 1 }, evicted: { parked: 0, ended: 1 } });
  });

  test('a drain from its delay to its end; and who goes then is told that it has stopped', async () => {
    const { inspector, url, supervisor, gates } = await serveInspected();
    const { sessionId } = await initialize(url);
    const answer = call(url, sessionId, 'gate', { key: 'a' }, 1);
    await gates.entered('a');
    const client = await new FeedClient(inspector).synchronized();
    expect(client.totals).not.toHaveProperty('drain');
    const code = closeCode(client.socket);
    const drained = supervisor.drain({ delay: 60_000, timeout: 30_000 });
    await until(() => client.totals?.drain?.phase === 'leaving');
    void supervisor.drain();
    await until(() => client.totals?.drain?.phase === 'draining');
    expect(client.totals).toMatchObject({ calls: 1, states: { active: 1 } });
    gates.openAll();
    await answer;
    await drained;
    await inspector.close();
    expect(await withTimeout(code)).toBe(CLOSE_CODES.stopped);
    expect(client.totals).toMatchObject({ drain: { phase: 'stopped' }, calls: 0, states: { active: 0, idle: 0 } });
  });
});
