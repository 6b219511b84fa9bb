/** Processes that end and are started again, under a session that goes on. */
import { describe, expect, test } from 'vitest';
import { turns, until } from '../support/until.ts';
import { WatchedClock } from '../support/watchedClock.ts';
import { callBody, del, initialize, openStream, post } from '../support/wire.ts';
import { CAPABILITIES, heardOf, notFound, SimulatedLauncher, serveProcesses } from './simulatedProcesses.ts';

const CRASH = { code: 1, signal: null };

type Given = Awaited<ReturnType<typeof given>>;

async function given(
  options: Parameters<typeof serveProcesses>[0] = {},
  serving: Parameters<typeof serveProcesses>[1] = {},
) {
  const clock = new WatchedClock();
  const launcher = new SimulatedLauncher();
  const answered = launcher.answer;
  launcher.answer = (message, process) => {
    answered(message, process);
    if (/setLevel|subscribe/.test(message.method ?? '')) process.say({ id: message.id, result: {} });
  };
  const served = await serveProcesses({ restart: 'permanent', ...options }, { clock, ...serving }, launcher);
  const { url } = served;
  const { headers, sessionId } = await initialize(url);
  const call = async (id: number) => {
    const process = launcher.last;
    const opening = openStream(url, { headers, body: callBody('t', {}, id) });
    await until(() => process.heard.at(-1)?.id === id, { what: 'the call at the process' });
    return opening;
  };
  /** Has the present process end, and waits for the next one to have been told everything. */
  const crash = async (delay = 0) => {
    const count = launcher.processes.length;
    launcher.last.exit(CRASH);
    await until(() => launcher.living.length === 0);
    await until(() => {
      clock.increment(delay === 0 ? 0 : 100);
      return launcher.processes.length > count;
    });
    await heardOf(launcher.last, 'notifications/initialized');
  };
  /** Waits until so many processes were started in all; a delay of none passes. */
  const started = (count: number) =>
    until(
      () => {
        clock.increment(0);
        return launcher.processes.length === count;
      },
      { what: `process ${count}` },
    );
  return { ...served, clock, launcher, headers, sessionId, call, crash, started };
}

describe('case 57: the next process', () => {
  test('is told what the client said, and the client hears nothing of that', async () => {
    const { url, headers, launcher, crash, log } = await given();
    const get = await openStream(url, { headers });
    const say = (id: number, method: string, params: object) =>
      post(url, { jsonrpc: '2.0', id, method, params }, headers);
    await say(1, 'logging/setLevel', { level: 'debug' });
    await say(2, 'resources/subscribe', { uri: 'x://a' });
    await say(3, 'resources/subscribe', { uri: 'x://b' });
    await say(4, 'resources/unsubscribe', { uri: 'x://a' });
    await crash();
    await until(() => log.some(({ event }) => event === 'child.restarted'));
    const told = launcher.last.heard.map(({ method, params }) => [
      method,
      params?.level ?? params?.uri ?? params?.protocolVersion,
    ]);
    expect(told).toEqual([
      ['initialize', '2025-11-25'],
      ['notifications/initialized', undefined],
      ['resources/subscribe', 'x://b'],
      ['logging/setLevel', 'debug'],
    ]);
    expect(get.waiting).toEqual([]);
    const answer = post(url, callBody('t', {}, 5), headers);
    await heardOf(launcher.last, 'tools/call');
    launcher.last.say({ id: 5, result: {} });
    expect((await answer).messages()).toEqual([{ jsonrpc: '2.0', id: 5, result: {} }]);
  });

  test('case 61: is a generation that the history shows', async () => {
    const { crash, supervisor, sessionId } = await given();
    await crash();
    const history = supervisor.session(sessionId)?.history.filter(({ event }) => event.startsWith('child.'));
    expect(history).toMatchObject([
      { event: 'child.started', generation: 1 },
      { event: 'child.exited', code: 1 },
      { event: 'child.started', generation: 2 },
    ]);
  });
});

test('calls in flight at a crash get errors that say why; those that come then wait', async () => {
  const { call, launcher, url, headers, clock, events, started } = await given();
  launcher.last.exit(CRASH); // the first delay is none
  await started(2);
  await heardOf(launcher.last, 'notifications/initialized');
  const stream = await call(1);
  const before = launcher.last;
  before.exit(CRASH);
  expect((await stream.message()).error?.message).toBe("the server's process exited with code 1");
  const late = post(url, callBody('t', {}, 2), headers);
  await until(() => launcher.living.length === 0);
  clock.increment(999);
  expect(launcher.processes).toHaveLength(2);
  clock.increment(1);
  await started(3);
  await heardOf(launcher.last, 'tools/call');
  launcher.last.say({ id: 2, result: { n: 2 } });
  expect((await late).messages()[0]?.result).toEqual({ n: 2 });
  expect(events.filter(({ type }) => type === 'session.terminated')).toEqual([]);
});

test('what waits goes on waiting where the next process dies before it has been told', async () => {
  const { launcher, url, headers, clock, started } = await given();
  const { answer } = launcher;
  launcher.answer = () => {};
  launcher.last.exit(CRASH);
  await started(2);
  await heardOf(launcher.last, 'initialize');
  const level = post(url, { jsonrpc: '2.0', id: 1, method: 'logging/setLevel', params: { level: 'error' } }, headers);
  const call = post(url, callBody('t', {}, 2), headers);
  await turns(20);
  launcher.answer = answer;
  launcher.last.exit(CRASH);
  await until(() => launcher.living.length === 0);
  clock.increment(1_000);
  await started(3);
  await heardOf(launcher.last, 'tools/call');
  launcher.last.say({ id: 2, result: { n: 1 } });
  expect((await call).messages()).toEqual([{ jsonrpc: '2.0', id: 2, result: { n: 1 } }]);
  expect((await level).messages()).toEqual([{ jsonrpc: '2.0', id: 1, result: {} }]);
  // What was granted then is told to the one after it.
  launcher.last.exit(CRASH);
  await until(() => launcher.living.length === 0);
  clock.increment(2_000);
  await started(4);
  expect((await heardOf(launcher.last, 'logging/setLevel')).params).toEqual({ level: 'error' });
});

test('what waits is refused after restoreTimeout, and forgotten when its client cancels it', async () => {
  const { launcher, url, headers, clock, started } = await given();
  const { answer } = launcher;
  launcher.answer = () => {};
  launcher.last.exit(CRASH);
  await started(2);
  await heardOf(launcher.last, 'initialize');
  const open = (id: number) => openStream(url, { headers, body: callBody('t', {}, id) });
  const [patient, cancelled, last] = [await open(1), await open(2), await open(3)];
  await post(url, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } }, headers);
  expect(await cancelled.closed).toBe(true);
  clock.increment(9_999);
  const late = await open(4);
  clock.increment(1);
  for (const stream of [patient, last]) expect((await stream.message()).error?.message).toMatch(/takes long/);
  launcher.answer = answer;
  answer(launcher.last.heard[0] as never, launcher.last);
  await heardOf(launcher.last, 'tools/call');
  launcher.last.say({ id: 4, result: {} });
  expect((await late.message()).id).toBe(4);
  expect(launcher.last.heard.filter(({ method }) => method === 'tools/call')).toHaveLength(1);
});

describe('case 26: after a restart', () => {
  test('a question of the same number is not answered by the answer to the old one', async () => {
    const { url, headers, launcher, crash } = await given();
    const get = await openStream(url, { headers });
    launcher.last.say({ id: 0, method: 'roots/list' });
    const old = await get.message();
    expect(old.id).toBe(0);
    await crash();
    launcher.last.say({ id: 0, method: 'elicitation/create', params: { _meta: { progressToken: 0 } } });
    const asked = await get.message();
    expect(asked).toMatchObject({ id: '2.0', params: { _meta: { progressToken: '2.0' } } });
    const before = launcher.last.written.length;
    await post(url, { jsonrpc: '2.0', id: old.id, result: { roots: [] } }, headers);
    expect(launcher.last.written).toHaveLength(before);
    await post(url, { jsonrpc: '2.0', id: asked.id, result: { action: 'decline' } }, headers);
    expect(launcher.last.heard.at(-1)).toEqual({ jsonrpc: '2.0', id: 0, result: { action: 'decline' } });
  });
});

describe('case 58: a process that is another than the client was told', () => {
  test.each([
    ['capabilities', { tools: {} }],
    ['no initialize', undefined],
  ])('%s: ends the session', async (_, capabilities) => {
    const { launcher, call, events, started } = await given();
    const stream = await call(1);
    if (capabilities !== undefined) launcher.capabilities = capabilities;
    else launcher.answer = ({ id }, process) => process.say({ id, error: { code: -32603, message: 'no' } });
    launcher.last.exit(CRASH);
    await stream.message();
    await started(2);
    await until(() => events.some(({ type }) => type === 'session.terminated'));
    expect(events.at(-1)?.reason).toBe('crashed');
    await until(() => launcher.living.length === 0);
  });

  test('more than it was told is no harm', async () => {
    const { launcher, crash, events } = await given();
    launcher.capabilities = { ...CAPABILITIES, prompts: {} };
    await crash();
    expect(events.filter(({ type }) => type === 'session.terminated')).toEqual([]);
  });
});

describe('the end of a session', () => {
  test('case 56: comes when restarts are too many, and says so', async () => {
    const { launcher, clock, events, call, started } = await given({ maxRestarts: 1, maxSeconds: 60 });
    launcher.last.exit(CRASH);
    await started(2);
    await heardOf(launcher.last, 'notifications/initialized');
    const stream = await call(1);
    launcher.last.exit(CRASH);
    expect((await stream.message()).error?.message).toBe(
      "Session ended: crashed: the server's process exited with code 1, and had been started again 1 times within 60 s",
    );
    clock.increment(60_000);
    await until(() => events.at(-1)?.type === 'session.terminated');
    expect(launcher.processes).toHaveLength(2);
  });

  test('case 59: by DELETE while a restart waits leaves nothing', async () => {
    const { launcher, crash, url, headers, clock, supervisor } = await given();
    await crash();
    launcher.last.exit(CRASH);
    await until(() => launcher.living.length === 0);
    expect((await del(url, headers)).status).toBe(200);
    await until(() => supervisor.stats().servers.closing === 0);
    clock.increment(60_000);
    expect(launcher.processes).toHaveLength(2);
  });

  test('comes when a process can’t be started again, and not before that was tried', async () => {
    const { launcher, clock, events } = await given({ maxRestarts: 2 });
    launcher.failures.push(notFound(), notFound());
    launcher.last.exit(CRASH);
    await until(() => {
      clock.increment(1_000);
      return events.at(-1)?.type === 'session.terminated';
    });
    expect(launcher.failures).toEqual([]);
  });

  test('case 55: comes with exit code 0 where restarts are for failures', async () => {
    const { launcher, events } = await given({ restart: 'transient' });
    launcher.last.exit({ code: 0, signal: null });
    await until(() => events.at(-1)?.type === 'session.terminated');
    expect(events.at(-1)?.reason).toBe('closed');
  });
});

test.each([
  ['its session is deleted', async ({ url, headers }: Given) => void (await del(url, headers))],
  ['it dies as well', async ({ launcher }: Given) => launcher.last.exit(CRASH)],
])('nobody waits any more for a process that is told again what was said, where %s', async (_, happens) => {
  const served = await given({}, { initializeTimeout: 7_777 });
  const { launcher, clock, started } = served;
  launcher.answer = () => {};
  launcher.last.exit(CRASH);
  await started(2);
  await heardOf(launcher.last, 'initialize');
  const waits = () => clock.pending.filter(({ delay }) => delay === 7_777).length;
  expect(waits()).toBe(1);
  await happens(served);
  await until(() => waits() === 0, { what: 'nobody to wait' });
});

test('a process that is started again and stays mute is broken after initializeTimeout, and followed by another', async () => {
  const { launcher, clock, started, log } = await given({}, { initializeTimeout: 5_000 });
  const answer = launcher.answer;
  launcher.answer = () => {};
  launcher.last.exit(CRASH);
  await started(2);
  await heardOf(launcher.last, 'initialize');
  launcher.answer = answer;
  clock.increment(5_000);
  await until(() => launcher.living.length === 0);
  expect(log.filter(({ event }) => event === 'child.broken')).toMatchObject([
    {
      level: 'warn',
      message: "The server's process did not answer within 5000 ms when it was started again; it is ended",
      pid: 1_001,
    },
  ]);
  expect(log.filter(({ event }) => event === 'child.started')).toMatchObject([
    { level: 'debug' },
    { level: 'info', message: "The server's process was started again", generation: 2 },
  ]);
  clock.increment(1_000);
  await started(3);
  expect(await heardOf(launcher.last, 'notifications/initialized')).toBeDefined();
});
