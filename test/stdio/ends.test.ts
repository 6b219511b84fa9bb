/** How a session whose server is a process ends, and what of it is parked. */
import { describe, expect, test } from 'vitest';
import { createMemorySessionStore } from '../../src/index.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { until } from '../support/until.ts';
import { callBody, del, initialize, openStream, post } from '../support/wire.ts';
import { heardOf, type SimulatedProcess, serveProcesses } from './simulatedProcesses.ts';

async function given(
  serving: Parameters<typeof serveProcesses>[1] = {},
  options: Parameters<typeof serveProcesses>[0] = {},
) {
  const served = await serveProcesses(options, serving);
  const { url, launcher } = served;
  const { headers, sessionId } = await initialize(url);
  const process = launcher.last;
  const call = async (id: number) => {
    const opening = openStream(url, { headers, body: callBody('t', {}, id) });
    await until(() => process.heard.at(-1)?.id === id, { what: 'the call at the process' });
    return opening;
  };
  const errorOf = async (stream: Awaited<ReturnType<typeof call>>) => (await stream.message()).error?.message;
  return { ...served, headers, sessionId, process, call, errorOf };
}

describe('a process that ends', () => {
  test('case 43: with its last answer, has answered', async () => {
    const { process, call } = await given();
    const stream = await call(1);
    process.say({ id: 1, result: { last: true } });
    process.exit({ code: 1, signal: null });
    expect((await stream.message()).result).toEqual({ last: true });
  });

  test('case 44: with three calls in flight: three errors that say why, then 404', async () => {
    const { process, call, errorOf, url, headers, events } = await given();
    const streams = [await call(1), await call(2), await call(3)];
    process.warn('a secret');
    process.exit({ code: null, signal: 'SIGSEGV' });
    for (const stream of streams) {
      expect(await errorOf(stream)).toBe("Session ended: crashed: the server's process was ended by SIGSEGV");
    }
    expect((await post(url, callBody('t', {}, 4), headers)).status).toBe(404);
    const { reason, session } = events.find(({ type }) => type === 'session.terminated') ?? {};
    expect(reason).toBe('crashed');
    expect(session?.history.slice(-2)).toMatchObject([
      { event: 'child.exited', signal: 'SIGSEGV' },
      { event: 'terminated', reason: 'crashed' },
    ]);
  });

  test('case 44: the reason is in the log, with what it said last', async () => {
    const { process, log } = await given();
    process.warn('out of cheese');
    process.exit({ code: 9, signal: null });
    await until(() => log.some(({ event }) => event === 'session.terminated'));
    expect(log.find(({ event }) => event === 'session.terminated')).toMatchObject({
      level: 'error',
      error: { code: 'SERVER_ENDED', message: "the server's process exited with code 9" },
    });
    expect(log.find(({ event }) => event === 'child.exited')).toMatchObject({ stderr: 'out of cheese', code: 9 });
  });

  test('case 45: with exit code 0 in mid-session has closed it', async () => {
    const { process, call, errorOf, events } = await given();
    const stream = await call(1);
    process.exit({ code: 0, signal: null });
    expect(await errorOf(stream)).toBe("Session ended: closed: the server's process exited with code 0");
    expect(events.at(-1)?.reason).toBe('closed');
  });

  test('case 25: what the client answers then is answered 404', async () => {
    const { process, url, headers, events } = await given();
    const get = await openStream(url, { headers });
    process.say({ id: 0, method: 'roots/list' });
    await get.message();
    process.exit({ code: 1, signal: null });
    await until(() => events.some(({ type }) => type === 'session.terminated'));
    expect((await post(url, { jsonrpc: '2.0', id: 0, result: { roots: [] } }, headers)).status).toBe(404);
  });

  test('case 41: has the rest of its group ended', async () => {
    const { process } = await given();
    process.leaves = true;
    process.exit({ code: 1, signal: null });
    await until(() => process.signals.length > 0);
    expect(process.signals).toEqual(['SIGTERM']);
  });

  test.each([
    ['case 14: a line that is too long', (process: SimulatedProcess) => process.overflow(10), /more than 10 bytes/],
    ['case 31: stdin closed', (process: SimulatedProcess) => process.close('stdin'), /closed its stdin/],
    ['case 32: stdout closed', (process: SimulatedProcess) => process.close('stdout'), /closed its stdout/],
  ])('%s: the session ends with the reason, and the process', async (_, happen, why) => {
    const { process, call, errorOf, launcher } = await given();
    const stream = await call(1);
    happen(process);
    expect(await errorOf(stream)).toMatch(why);
    await until(() => launcher.living.length === 0);
  });
});

test('case 28: a process that takes no more: its calls get errors, others live', async () => {
  const { process, url, headers, launcher, log } = await given();
  process.full = true;
  const answer = await post(url, callBody('t', {}, 1), headers);
  expect(answer.messages()[0]?.error).toEqual({ code: -32000, message: 'The server does not read what it is sent' });
  expect((await post(url, { jsonrpc: '2.0', method: 'notifications/x' }, headers)).status).toBe(202);
  expect(log.filter(({ event }) => event === 'child.full')).toHaveLength(1);
  const other = await initialize(url);
  const alive = post(url, callBody('t', {}, 2), other.headers);
  await heardOf(launcher.last, 'tools/call');
  launcher.last.say({ id: 2, result: {} });
  expect((await alive).status).toBe(200);
});

describe('an end that is asked for', () => {
  test('case 37: of a polite process takes no signal', async () => {
    const { process, url, headers, launcher } = await given();
    await del(url, headers);
    await until(() => launcher.living.length === 0);
    expect([process.stdinClosed, process.signals]).toEqual([true, []]);
  });

  test.each([
    ['atTerm', [2_000], ['SIGTERM']],
    ['atKill', [2_000, 7_000], ['SIGTERM', 'SIGKILL']],
  ] as const)(
    'case 39: of one that ends %s comes after %j ms, within shutdownTimeout',
    async (ends, after, signals) => {
      const clock = new SimulatedClock();
      const { process, supervisor, sessionId, launcher, log } = await given({ clock });
      process.ends = ends;
      const ended = supervisor.terminate(sessionId);
      await until(() => process.stdinClosed);
      for (const ms of after) {
        clock.increment(ms - 1);
        expect(launcher.living).toHaveLength(1);
        clock.increment(1);
      }
      await ended;
      expect(process.signals).toEqual(signals);
      expect(log.filter(({ event }) => event === 'server.closeFailed')).toEqual([]);
    },
  );

  test('case 46: two at once are one', async () => {
    const { process, supervisor, sessionId } = await given();
    await Promise.all([supervisor.terminate(sessionId), supervisor.terminate(sessionId)]);
    expect(process.exited).toBeDefined();
  });

  test('of the supervisor ends all of them, and closes the launcher', async () => {
    const { supervisor, launcher, url } = await given();
    await initialize(url);
    await supervisor.drain();
    expect([launcher.living, launcher.closed]).toEqual([[], true]);
  });

  test('leaves no actor behind', async () => {
    const { supervisor, sessionId } = await given();
    const seen: string[] = [];
    supervisor.actor.system.inspect({ next: ({ actorRef }) => void seen.push((actorRef as { id?: string }).id ?? '') });
    await supervisor.terminate(sessionId);
    expect(seen).toContain('child');
  });
});

describe('with a session store', () => {
  test('a parked session has no process, and one that is restored has another, which knows what the client said', async () => {
    const clock = new SimulatedClock();
    const sessionStore = createMemorySessionStore();
    const { url, headers, launcher, supervisor, process } = await given({ clock, sessionStore, parkAfter: 1_000 });
    const level = post(url, { jsonrpc: '2.0', id: 5, method: 'logging/setLevel', params: { level: 'debug' } }, headers);
    await heardOf(process, 'logging/setLevel');
    process.say({ id: 5, result: {} });
    await level;
    await until(() => [...supervisor.sessions()].every(({ state }) => state === 'idle'));
    clock.increment(1_000);
    await until(() => launcher.living.length === 0);
    await until(() => supervisor.stats().sessions.parked === 1);
    expect(process.signals).toEqual([]);

    const answered = launcher.answer;
    launcher.answer = (message, self) => {
      answered(message, self);
      if (message.method === 'logging/setLevel') self.say({ id: message.id, result: {} });
    };
    const answer = post(url, callBody('t', {}, 6), headers);
    await until(() => launcher.processes.length === 2);
    const { id } = await heardOf(launcher.last, 'tools/call');
    launcher.last.say({ id, result: { content: [] } });
    expect((await answer).messages()).toEqual([{ jsonrpc: '2.0', id: 6, result: { content: [] } }]);
    expect(launcher.last.heard.map(({ method }) => method)).toEqual([
      'initialize',
      'notifications/initialized',
      'logging/setLevel',
      'tools/call',
    ]);
    expect([...supervisor.sessions()][0]).toMatchObject({ epoch: 2 });
  });
});
