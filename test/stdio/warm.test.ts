/** Processes that are kept ready for sessions to come. */
import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { until } from '../support/until.ts';
import { callBody, del, initialize, post } from '../support/wire.ts';
import { heardOf, SimulatedLauncher, serveProcesses } from './simulatedProcesses.ts';

async function given(
  options: Parameters<typeof serveProcesses>[0] = {},
  serving: Parameters<typeof serveProcesses>[1] = {},
) {
  const launcher = new SimulatedLauncher();
  const served = await serveProcesses({ warm: 2, ...options }, serving, launcher);
  /** Opens a session; returns its process as well. */
  const open = async (headers?: Record<string, string>) => {
    const session = await initialize(served.url, headers === undefined ? {} : { headers });
    const process = launcher.processes.find(({ written }) => written.length > 0 && !seen.has(written));
    if (process === undefined) throw new Error('No process was initialized');
    seen.add(process.written);
    return { ...session, process };
  };
  const seen = new Set<string[]>();
  const spares = () => launcher.living.filter(({ written }) => written.length === 0);
  return { ...served, launcher, open, spares };
}

describe('case 62: a warm process', () => {
  test('is given to one session, and to none after it', async () => {
    const { open, spares, launcher, url } = await given();
    const first = await open();
    await until(() => spares().length === 2);
    const ready = spares();
    const second = await open();
    expect(ready).toContain(second.process);
    await until(() => spares().length === 2);
    await del(url, first.headers);
    await until(() => first.process.exited !== undefined);
    const third = await open();
    expect(new Set([first.process, second.process, third.process]).size).toBe(3);
    await until(() => spares().length === 2);
    expect(launcher.living).toHaveLength(4);
  });

  test('has what it said before heard by its session', async () => {
    const { open, spares, url, log } = await given();
    await open();
    await until(() => spares().length === 2);
    for (const spare of spares()) {
      spare.say('banner');
      spare.warn('ready');
    }
    const { headers, process } = await open();
    const answer = post(url, callBody('t'), headers);
    await heardOf(process, 'tools/call');
    process.say({ id: 1, result: {} });
    expect((await answer).status).toBe(200);
    expect(log.filter(({ event }) => /^child\.(noise|stderr)$/.test(event)).map(({ message }) => message)).toEqual([
      'banner',
      'ready',
    ]);
  });
});

describe('case 63: a spare that dies', () => {
  test('is followed by another, each time later', async () => {
    const clock = new SimulatedClock();
    const told: string[] = [];
    const logger = ({ event }: { event: string }) => void told.push(event);
    const { open, spares, launcher } = await given({ warm: 1, logger }, { clock });
    await open();
    await until(() => spares().length === 1);
    const die = async () => {
      const [spare] = spares();
      spare?.exit({ code: 1, signal: null });
      await until(() => spare?.exited !== undefined);
    };
    await die();
    await until(() => spares().length === 1);
    await die();
    await until(() => told.length === 2);
    const count = launcher.processes.length;
    clock.increment(999);
    expect(launcher.processes).toHaveLength(count);
    clock.increment(1);
    await until(() => spares().length === 1);
    await die();
    await until(() => told.length === 3);
    clock.increment(1_999);
    expect(spares()).toEqual([]);
    clock.increment(1);
    await until(() => spares().length === 1);
    expect(told).toEqual(['spare.failed', 'spare.failed', 'spare.failed']);
  });

  test('or talks without end is ended', async () => {
    const { open, spares } = await given({ warm: 1 });
    await open();
    await until(() => spares().length === 1);
    const [first] = spares();
    for (let n = 0; n <= 101 && first?.exited === undefined; n++) first?.say('noise');
    await until(() => first?.exited !== undefined);
    await until(() => spares().length === 1);
    expect(spares()).not.toContain(first);
  });
});

test('case 64: there are never more than the sessions and the spares', async () => {
  const { open, launcher, url } = await given({ warm: 2 }, { maxSessions: 3, whenFull: 'reject' });
  let most = 0;
  const { launch } = launcher;
  launcher.launch = async (...args) => {
    const process = await launch.apply(launcher, args);
    most = Math.max(most, launcher.living.length);
    return process;
  };
  const opened = await Promise.all(Array.from({ length: 8 }, () => initialize(url).catch(() => undefined)));
  expect(opened.filter((session) => session !== undefined)).toHaveLength(3);
  expect(open).toBeDefined();
  await until(() => launcher.living.length === 5);
  expect(most).toBeLessThanOrEqual(5);
});

test('case 65: a drain ends the spares', async () => {
  const { open, spares, launcher, supervisor } = await given();
  await open();
  await until(() => spares().length === 2);
  await supervisor.drain();
  expect(launcher.living).toEqual([]);
});

test('case 66: a session with an environment of its own has no spare', async () => {
  const { open, spares } = await given({
    env: ({ headers }) => (headers['x-key'] === undefined ? undefined : { KEY: String(headers['x-key']) }),
  });
  await open();
  await until(() => spares().length === 2);
  const ready = spares();
  const own = await open({ 'x-key': 'k' });
  expect(ready).not.toContain(own.process);
  expect(own.process.spec.env).toEqual({ KEY: 'k' });
  expect(spares()).toEqual(ready);
  const plain = await open();
  expect(ready).toContain(plain.process);
});
