/** Processes that are kept ready for sessions to come. */
import { describe, expect, test } from 'vitest';
import { createSessionSupervisor, type LogEntry } from '../../src/index.ts';
import { stdioServer } from '../../src/stdio/index.ts';
import { resolveStdioOptions } from '../../src/stdio/stdioOptions.ts';
import { factoryOf } from '../../src/stdio/stdioServer.ts';
import { serve } from '../support/serve.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { until } from '../support/until.ts';
import { callBody, del, initialize, initializeBody, post } from '../support/wire.ts';
import { heardOf, noRoom, SimulatedLauncher, serveProcesses } from './simulatedProcesses.ts';

async function given(
  options: Parameters<typeof serveProcesses>[0] = {},
  serving: Parameters<typeof serveProcesses>[1] = {},
  launcher = new SimulatedLauncher(),
) {
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

describe('they are started', () => {
  test('when a supervisor is made, before any session asks', async () => {
    const { spares, launcher } = await given({ warm: 3 });
    await until(() => spares().length === 3);
    expect(launcher.processes).toHaveLength(3);
  });

  test('at the first session where the factory stands behind a function of one’s own', async () => {
    const launcher = new SimulatedLauncher();
    const factory = factoryOf(resolveStdioOptions({ command: 'x', warm: 1 }), { launcher: () => launcher, env: {} });
    const { url } = await serve({ server: (session) => factory(session) });
    expect(launcher.processes).toEqual([]);
    await initialize(url);
    expect(launcher.processes[0]?.written).not.toEqual([]);
    await until(() => launcher.processes.length === 2);
    await factory.close();
  });

  test('one after the other: a session that finds none has its process before all but one of them', async () => {
    const launcher = new SimulatedLauncher();
    const open: (() => void)[] = [];
    const { launch } = launcher;
    launcher.launch = async (...args) => {
      await new Promise<void>((resolve) => open.push(resolve));
      return launch.apply(launcher, args);
    };
    const { url, supervisor } = await serveProcesses({ warm: 10 }, {}, launcher);
    expect(open).toHaveLength(1);
    const session = initialize(url);
    await until(() => supervisor.stats().sessions.initializing === 1 && open.length === 2);
    open[1]?.();
    await session;
    expect(launcher.processes).toHaveLength(1);
    for (let n = 0; n < 11; n++) {
      await until(() => open.length > n);
      open[n]?.();
    }
    await until(() => launcher.living.length === 11);
  });

  test('no more than sessions could have', async () => {
    const server = stdioServer({ command: 'true', warm: 4 });
    expect(() => createSessionSupervisor({ server, maxSessions: 3 })).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        message: 'warm must be maxSessions (3) at most: no more sessions could have them; got 4',
      }),
    );
  });
});

describe('a spare that is dead when its session comes, which nobody knew,', () => {
  /** The first so many processes die of their initialize. */
  const mortal = (launcher: SimulatedLauncher, deaths: number) => {
    const { answer } = launcher;
    launcher.answer = (message, process) => {
      if (process.pid < 1_000 + deaths) process.exit({ code: null, signal: 'SIGKILL' });
      else answer(message, process);
    };
  };

  test('has another spare in its place', async () => {
    const { launcher, spares, url, log, supervisor } = await given({ warm: 2 });
    mortal(launcher, 1);
    await until(() => spares().length === 2);
    const ready = spares();
    const { headers } = await initialize(url);
    expect(ready[1]?.heard.map(({ method }) => method)).toEqual(['initialize', 'notifications/initialized']);
    expect(log.find(({ event }) => event === 'child.replaced')).toMatchObject({ level: 'warn', pid: 1_001 });
    expect(log.filter(({ event }) => event === 'child.exited')).toEqual([]);
    await until(() => spares().length === 2);
    await del(url, headers);
    await until(() => supervisor.stats().servers.closing === 0);
    expect(ready[1]?.exited).toEqual({ code: 0, signal: null });
  });

  test('or a fresh one where there is none; and only once', async () => {
    for (const deaths of [1, 2]) {
      const launcher = new SimulatedLauncher();
      mortal(launcher, deaths);
      const { url, spares } = await given({ warm: 1 }, {}, launcher);
      await until(() => spares().length === 1);
      // No other one is ready.
      const { launch } = launcher;
      let goOn = () => {};
      const held = new Promise<void>((resolve) => (goOn = resolve));
      let starts = 0;
      launcher.launch = async (...args) => {
        if (starts++ === 0) await held;
        return launch.apply(launcher, args);
      };
      const answer = await post(url, initializeBody());
      expect(answer.status).toBe(deaths === 1 ? 200 : 500);
      goOn();
    }
  });

  test('is the end of its session where no other one can be started', async () => {
    const { launcher, spares, url, supervisor } = await given({ warm: 1 });
    mortal(launcher, 1);
    await until(() => spares().length === 1);
    launcher.failures.push(noRoom(), noRoom(), noRoom());
    const answer = await post(url, initializeBody());
    expect([answer.status, answer.json().error?.message]).toEqual([500, expect.stringContaining('ended by SIGKILL')]);
    await until(() => supervisor.stats().servers.closing === 0);
  });

  test('and leaves nothing where its session ends meanwhile', async () => {
    const { launcher, spares, url, supervisor } = await given({ warm: 1 });
    mortal(launcher, 1);
    await until(() => spares().length === 1);
    launcher.gate = new Promise(() => {});
    const answer = post(url, initializeBody());
    await until(() => launcher.processes[0]?.exited !== undefined);
    await Promise.all([...supervisor.sessions()].map(({ id }) => supervisor.terminate(id)));
    expect((await answer).status).toBe(503);
    await until(() => supervisor.stats().servers.closing === 0);
    expect(launcher.living).toEqual([]);
  });

  test('but one that has said a word is not followed by another: it may have done something', async () => {
    const { launcher, spares, url } = await given({ warm: 1 });
    launcher.answer = (_, process) => {
      process.say({ method: 'notifications/message', params: { level: 'info', data: 'x' } });
      process.exit({ code: 4, signal: null });
    };
    await until(() => spares().length === 1);
    expect((await post(url, initializeBody())).json().error?.message).toContain('exited with code 4');
  });
});

describe('a factory belongs to one supervisor at a time', () => {
  test('a second one is refused until the first one is drained, and then has spares of its own', async () => {
    const launchers: SimulatedLauncher[] = [];
    const launcher = () => {
      launchers.push(new SimulatedLauncher());
      return launchers.at(-1) as SimulatedLauncher;
    };
    const server = factoryOf(resolveStdioOptions({ command: 'x', warm: 1 }), { launcher, env: {} });
    const first = createSessionSupervisor({ server, logger: () => {} });
    await until(() => launchers[0]?.living.length === 1);
    expect(() => createSessionSupervisor({ server })).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        message: expect.stringContaining('belongs to one supervisor at a time'),
      }),
    );
    await first.drain();
    expect(launchers[0]?.closed).toBe(true);
    const { url } = await serve({ server });
    expect((await post(url, initializeBody())).status).toBe(200);
    expect(launchers).toHaveLength(2);
    expect(launchers[0]?.living).toEqual([]);
  });

  test('and once closed it serves nobody: 503', async () => {
    const launcher = new SimulatedLauncher();
    const factory = factoryOf(resolveStdioOptions({ command: 'x', warm: 1 }), { launcher: () => launcher, env: {} });
    const { url } = await serve({ server: (session) => factory(session) });
    await factory.close();
    const answer = await post(url, initializeBody());
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '5']);
    expect(launcher.processes).toEqual([]);
  });
});

describe('case 63: a spare that dies', () => {
  test('is followed by another, each time later', async () => {
    const clock = new SimulatedClock();
    const told: string[] = [];
    const words: unknown[] = [];
    const logger = ({ event, stderr }: LogEntry) => {
      told.push(event);
      words.push(stderr);
    };
    const { open, spares, launcher } = await given({ warm: 1, logger }, { clock });
    await open();
    await until(() => spares().length === 1);
    const die = async () => {
      const [spare] = spares();
      spare?.warn('no licence');
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
    expect(words).toEqual(['no licence', 'no licence', 'no licence']);
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

test('there are twice maxSessions at most, and the spares, with those that are ending', async () => {
  const clock = new SimulatedClock();
  const { launcher, spares, url } = await given({ warm: 1 }, { maxSessions: 2, clock });
  for (let n = 0; n < 4; n++) {
    const { headers } = await initialize(url);
    for (const process of launcher.living) process.ends = 'atKill';
    void del(url, headers).catch(() => {});
    await until(() => spares().length === 1);
  }
  const refused = await post(url, initializeBody());
  expect([refused.status, refused.headers['retry-after'] === undefined]).toEqual([503, false]);
  expect(launcher.living).toHaveLength(5);
  await until(() => {
    clock.increment(1_000);
    return launcher.living.length === 1;
  });
  expect((await post(url, initializeBody())).status).toBe(200);
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
