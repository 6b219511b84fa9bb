/** Health: what each of the three says, in which order around a drain, and how little it tells. */
import { describe, expect, test } from 'vitest';
import { Health } from '../../src/admin/health.ts';
import { LoopLag } from '../../src/admin/loopLag.ts';
import { createMemorySessionStore, type Readiness } from '../../src/index.ts';
import { controlledSessionStore } from '../support/controlledSessionStore.ts';
import { advance, SimulatedClock } from '../support/simulatedClock.ts';
import { until } from '../support/until.ts';
import { initialize, initializeBody, post } from '../support/wire.ts';
import { type Administered, ask, serveAdministered } from './administered.ts';

const statuses = async ({ admin }: Pick<Administered, 'admin'>) => {
  const answers = await Promise.all(['/livez', '/readyz', '/startupz'].map((path) => ask(admin, path)));
  return answers.map(({ status }) => status);
};

describe('around a drain', () => {
  test('ready goes off before the first refusal, live and started stay on', async () => {
    const clock = new SimulatedClock();
    const served = await serveAdministered({ clock });
    expect(await statuses(served)).toEqual([200, 200, 200]);
    const drained = served.supervisor.drain({ delay: 30_000 });
    expect(await statuses(served)).toEqual([200, 503, 200]);
    expect((await post(served.url, initializeBody())).status).toBe(200);
    await advance(clock, 30_000);
    expect((await post(served.url, initializeBody())).status).toBe(503);
    expect(await statuses(served)).toEqual([200, 503, 200]);
    await drained;
    expect(await statuses(served)).toEqual([200, 503, 200]);
  });

  test('live stays on while a call keeps the drain waiting', async () => {
    const served = await serveAdministered();
    const { sessionId, headers } = await initialize(served.url);
    const params = { name: 'gate', arguments: { key: 'a' } };
    const calling = post(served.url, { jsonrpc: '2.0', id: 1, method: 'tools/call', params }, headers);
    await served.gates.entered('a');
    const drained = served.supervisor.drain();
    await until(() => served.supervisor.actor.getSnapshot().value === 'draining');
    expect(await statuses(served)).toEqual([200, 503, 200]);
    expect(served.supervisor.session(sessionId)?.state).toBe('active');
    served.gates.open('a');
    expect((await calling).status).toBe(200);
    await drained;
  });
});

test('a store that is down: not ready, live; and it has not started before it was up once', async () => {
  const clock = new SimulatedClock();
  const sessionStore = controlledSessionStore();
  sessionStore.before.load = () => Promise.reject(new Error('down'));
  const served = await serveAdministered({ clock, sessionStore });
  expect(await statuses(served)).toEqual([200, 503, 503]);
  delete sessionStore.before.load;
  await advance(clock, 1_000);
  expect(await statuses(served)).toEqual([200, 200, 200]);
  sessionStore.before.load = () => Promise.reject(new Error('down again'));
  await advance(clock, 1_000);
  expect(await statuses(served)).toEqual([200, 503, 200]);
});

test('a store that hangs is down after 1 s, and a flood of probes asks it once', async () => {
  const clock = new SimulatedClock();
  const sessionStore = controlledSessionStore();
  const served = await serveAdministered({ clock, sessionStore });
  sessionStore.before.load = () => new Promise(() => {});
  const probes = Promise.all(Array.from({ length: 50 }, () => ask(served.admin, '/readyz')));
  await until(() => sessionStore.calls.load === 1);
  const patience = setInterval(() => clock.increment(1_000), 20);
  const answers = await probes.finally(() => clearInterval(patience));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
  expect(sessionStore.calls.load).toBeLessThan(10);
});

describe('what is told', () => {
  test('is one word without the token, or with a wrong one', async () => {
    const { admin, supervisor } = await serveAdministered({ sessionStore: createMemorySessionStore() });
    await supervisor.drain();
    for (const token of [undefined, 'wrong'.repeat(9)]) {
      const answers = await Promise.all(['/livez', '/readyz'].map((path) => ask(admin, path, { token })));
      expect(answers.map(({ status, text }) => [status, text])).toEqual([
        [200, 'ok\n'],
        [503, 'not ok\n'],
      ]);
    }
  });

  test('is why, with the token', async () => {
    const { told, supervisor } = await serveAdministered();
    await supervisor.drain();
    expect((await told('/readyz')).json()).toEqual({ ready: false, reasons: ['draining'] });
    expect((await told('/livez')).json()).toEqual({ live: true, loopLag: expect.any(Number), maxLoopLag: 5_000 });
    expect((await told('/startupz')).json()).toEqual({ started: true });
  });

  test('to a probe by any name and from anywhere', async () => {
    const { admin } = await serveAdministered();
    const headers = { host: 'pod.cluster.local:9464', origin: 'https://evil.example' };
    expect((await ask(admin, '/readyz', { headers })).status).toBe(200);
  });

  test('by GET and HEAD alone', async () => {
    const { admin } = await serveAdministered();
    const head = await ask(admin, '/readyz', { method: 'HEAD' });
    expect([head.status, head.text, head.headers['cache-control']]).toEqual([200, '', 'no-store']);
    const posted = await ask(admin, '/readyz', { method: 'POST', body: 'x'.repeat(100_000) });
    expect([posted.status, posted.headers['allow']]).toEqual([405, 'GET, HEAD']);
  });
});

describe('live', () => {
  test('goes off when the event loop was later than it may be', async () => {
    const { admin } = await serveAdministered({}, { maxLoopLag: 50 });
    // Real time, because that is what a blocked loop takes.
    for (let begun = performance.now(); performance.now() - begun < 700; );
    await until(async () => (await ask(admin, '/livez')).status === 503, { what: 'livez to go off' });
    expect((await ask(admin, '/livez')).status).toBe(503);
  });

  test('is judged by the worst of the last 10 s, and by a beat that is overdue', () => {
    let now = 0;
    const lag = new LoopLag(() => now);
    const beatAt = (time: number) => {
      now = time;
      lag.beat();
    };
    beatAt(500);
    expect(lag.worst).toBe(0);
    now = 3_000;
    expect(lag.worst).toBe(2_000);
    beatAt(3_000);
    beatAt(3_500);
    expect(lag.worst).toBe(2_000);
    beatAt(4_100);
    for (now = 4_600; now <= 12_600; now += 500) lag.beat();
    now = 13_000;
    expect(lag.worst).toBe(2_000);
    beatAt(13_100);
    expect(lag.worst).toBe(100);
    lag.close();
  });

  test('exactly as late as it may be is live', async () => {
    const lag = { worst: 0, close: () => {} };
    const health = new Health({ readiness: async (): Promise<Readiness> => ({ ready: true, reasons: [] }) }, 50, lag);
    lag.worst = 50;
    expect((await health.ask('/livez')).ok).toBe(true);
    lag.worst = 51;
    expect((await health.ask('/livez')).ok).toBe(false);
  });
});
