/**
 * Sessions on simulated processes, at random: calls, answers, questions, crashes, failed starts, ends, and time. Whatever
 * happens, each call gets exactly one answer, no process is left, and no timer.
 */
import { describe, expect, test } from 'vitest';
import { resolveStdioOptions } from '../../src/stdio/stdioOptions.ts';
import { factoryOf } from '../../src/stdio/stdioServer.ts';
import { random as seeded } from '../../src/testing/random.ts';
import { supervise } from '../support/serve.ts';
import { parseSse, type WireMessage } from '../support/sse.ts';
import { turns, until } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import { initializeBody } from '../support/wire.ts';
import { noRoom, SimulatedLauncher, type SimulatedProcess } from './simulatedProcesses.ts';

const STEPS = 150;
const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

/** One answer of a POST, as it came. */
interface Answered {
  readonly status: number;
  readonly messages: readonly WireMessage[];
}

async function simulate(seed: number): Promise<{ calls: number; crashes: number; sessions: number }> {
  const random = seeded(seed);
  const chance = (share: number) => random() < share;
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
  const clock = new WatchedClock();
  const launcher = new SimulatedLauncher();
  const options = resolveStdioOptions({
    command: 'x',
    restart: pick(['temporary', 'transient', 'permanent'] as const),
    warm: Math.floor(random() * 3),
  });
  const factory = factoryOf(options, { launcher: () => launcher, clock, env: {} });
  const { supervisor, stop } = supervise({ server: factory, clock, maxSessions: 4 });
  const told = { calls: 0, crashes: 0, sessions: 0 };
  const answers: Promise<Answered>[] = [];
  const ids = new Set<string>();

  const send = async (body: object, sessionId?: string): Promise<Answered & { sessionId: string | null }> => {
    const headers = { ...JSON_HEADERS, ...(sessionId !== undefined && { 'mcp-session-id': sessionId }) };
    const request = new Request('http://localhost/mcp', { method: 'POST', headers, body: JSON.stringify(body) });
    const response = await supervisor.fetch(request);
    const text = await response.text();
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
    const data = isStream ? parseSse(text).map((event) => event.data) : [text];
    const messages = data.filter((item) => item !== '').map((item) => JSON.parse(item) as WireMessage);
    return { status: response.status, messages, sessionId: response.headers.get('mcp-session-id') };
  };
  /** A request that a process has heard and not answered. */
  const unanswered = (process: SimulatedProcess) =>
    process.heard.find(
      ({ id, method }) => method === 'tools/call' && !process.answered.has(String(id)) && process.exited === undefined,
    );

  const steps: readonly (() => void)[] = [
    () => {
      if (chance(0.1)) launcher.failures.push(noRoom());
      void send(initializeBody()).then(({ sessionId }) => {
        if (sessionId === null) return;
        told.sessions++;
        ids.add(sessionId);
        return send({ jsonrpc: '2.0', method: 'notifications/initialized' }, sessionId);
      });
    },
    () => {
      const id = pick([...ids]);
      if (id === undefined) return;
      told.calls++;
      answers.push(send({ jsonrpc: '2.0', id: told.calls, method: 'tools/call', params: { name: 't' } }, id));
    },
    () => {
      const process = pick(launcher.living);
      const call = process && unanswered(process);
      if (call === undefined) return;
      process?.answered.add(String(call.id));
      process?.say({ id: call.id, result: { content: [] } });
    },
    () => pick(launcher.living)?.say({ id: 'q', method: 'roots/list' }),
    () => pick(launcher.living)?.say({ method: 'notifications/message', params: {} }),
    () => {
      if (!chance(0.4)) return;
      const process = pick(launcher.living);
      if (process === undefined) return;
      told.crashes++;
      process.leaves = chance(0.2);
      process.exit(chance(0.3) ? { code: 0, signal: null } : { code: null, signal: 'SIGKILL' });
    },
    () => {
      const process = pick(launcher.living);
      if (process !== undefined && chance(0.2)) process.ends = 'atKill';
    },
    () => {
      const id = pick([...ids]);
      if (id !== undefined && chance(0.3)) void supervisor.terminate(id);
    },
    () => clock.increment(Math.floor(random() * 3_000)),
  ];
  for (let n = 0; n < STEPS; n++) {
    pick(steps)?.();
    await turns(2);
  }
  launcher.failures.length = 0;
  for (const id of ids) void supervisor.terminate(id);
  let drained = false;
  void stop().then(() => (drained = true));
  await until(() => {
    clock.increment(500);
    return drained;
  });
  for (const { status, messages } of await Promise.all(answers)) {
    if (status !== 200) expect([404, 429, 503]).toContain(status);
    expect(messages.filter(({ method }) => method === undefined)).toHaveLength(1);
  }
  expect(launcher.living).toEqual([]);
  expect(clock.pending.filter(({ due }) => due !== Number.POSITIVE_INFINITY)).toEqual([]);
  const { servers, sessions } = supervisor.stats();
  expect([servers, sessions]).toEqual([
    { starting: 0, closing: 0 },
    { initializing: 0, restoring: 0, active: 0, idle: 0, parked: 0 },
  ]);
  return told;
}

describe('sessions on processes, at random', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, Math.floor(Math.random() * 1e6)])('seed %i', async (seed) => {
    const told = await simulate(seed);
    expect(told.calls).toBeGreaterThan(0);
  });
});
