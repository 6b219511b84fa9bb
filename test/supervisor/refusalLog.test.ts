/** What is refused is counted, and told of once a second at most, with how many there were. */
import { describe, expect, test } from 'vitest';
import { REFUSALS, type RefusalName } from '../../src/errors.ts';
import type { LogEntry } from '../../src/options.ts';
import { RefusalLog } from '../../src/supervisor/refusalLog.ts';
import type { Refused } from '../../src/transport/exchange.ts';
import { serve } from '../support/serve.ts';
import { advance, SimulatedClock } from '../support/simulatedClock.ts';
import { initializeBody, post } from '../support/wire.ts';

const WARNED = [
  'hostNotAllowed',
  'originNotAllowed',
  'initializeTooLarge',
  'listenTooLarge',
  'tooManyCalls',
  'principalFull',
  'full',
  'tooManyModern',
  'modernPrincipalFull',
  'tooManyServers',
  'bodiesFull',
  'principalFailed',
];

const SOMETHING: Refused = { respond: () => {} };

function refusalLog() {
  const time = { now: 1_000_000 };
  const log: LogEntry[] = [];
  const refusals = new RefusalLog({ now: () => time.now }, (entry) => log.push(entry));
  return { time, log, refusals };
}

test.each(Object.keys(REFUSALS) as RefusalName[])(
  '%s is told of, as a warning where a bound or a setting kept somebody out',
  (name) => {
    const { log, refusals } = refusalLog();
    refusals.refused(name, SOMETHING);
    expect(log).toEqual([
      {
        level: WARNED.includes(name) ? 'warn' : 'debug',
        event: 'request.refused',
        refusal: name,
        status: REFUSALS[name].status,
        count: 1,
        message: expect.stringContaining(REFUSALS[name].message),
      },
    ]);
  },
);

test.each([
  ['hostNotAllowed', ' ("a.example, b.example" is not among allowedHosts)'],
  ['originNotAllowed', ' ("https://c.example" is not among allowedOrigins)'],
  ['initializeTooLarge', ' (see the option maxInitializeSize)'],
  ['principalFull', ' (see the option maxSessionsPerPrincipal)'],
  ['full', ' (see the option maxSessions)'],
  ['tooManyServers', ' (see the option maxSessions)'],
  ['listenTooLarge', ' (see the option maxInitializeSize)'],
  ['tooManyModern', ' (see the option maxModernRequests)'],
  ['modernPrincipalFull', ' (see the option maxModernRequestsPerPrincipal)'],
  ['bodyTooLarge', ''],
] as const)('%s: its line says what an operator would have to set, if anything', (name, hint) => {
  const { log, refusals } = refusalLog();
  const headers = { origin: 'https://c.example' };
  refusals.refused(name, { ...SOMETHING, hosts: ['a.example', 'b.example'], headers });
  const { status, message } = REFUSALS[name];
  expect(log.map((entry) => entry.message)).toEqual([`Refused with ${status}: ${message}${hint}`]);
});

test('a host that is not known is named as nothing', () => {
  const { log, refusals } = refusalLog();
  refusals.refused('hostNotAllowed', SOMETHING);
  expect(log[0]?.message).toContain('("" is not among allowedHosts)');
});

describe('of many', () => {
  test('the first one is told at once, the rest with the first one after a second', () => {
    const { time, log, refusals } = refusalLog();
    const counts = () => log.map(({ count }) => count);
    for (let n = 0; n < 5; n++) refusals.refused('full', SOMETHING);
    expect(counts()).toEqual([1]);
    time.now += 999;
    refusals.refused('full', SOMETHING);
    expect(counts()).toEqual([1]);
    time.now += 1;
    refusals.refused('full', SOMETHING);
    expect(counts()).toEqual([1, 6]);
    expect(log.at(-1)?.message).toContain('6 times');
    time.now += 5_000;
    refusals.refused('full', SOMETHING);
    expect(counts()).toEqual([1, 6, 1]);
  });

  test('each name is told by itself', () => {
    const { log, refusals } = refusalLog();
    for (const name of ['full', 'draining', 'full', 'parseError', 'draining'] as const) {
      refusals.refused(name, SOMETHING);
    }
    expect(log.map(({ refusal }) => refusal)).toEqual(['full', 'draining', 'parseError']);
  });

  test('all are counted, those that were and no others', () => {
    const { refusals } = refusalLog();
    expect(refusals.counts).toEqual({});
    for (let n = 0; n < 3; n++) refusals.refused('full', SOMETHING);
    refusals.refused('draining', SOMETHING);
    const { counts } = refusals;
    expect(counts).toEqual({ full: 3, draining: 1 });
    refusals.refused('full', SOMETHING);
    expect([counts['full'], refusals.counts['full']]).toEqual([3, 4]);
  });
});

test('a clock that is set back silences nothing, and one that throws costs the lines alone', () => {
  const { time, log, refusals } = refusalLog();
  refusals.refused('full', SOMETHING);
  time.now -= 3_600_000;
  refusals.refused('full', SOMETHING);
  expect(log).toHaveLength(2);

  const broken = () => {
    throw new Error('no time');
  };
  const silent = new RefusalLog({ now: broken }, (entry) => log.push(entry));
  silent.refused('full', SOMETHING);
  expect(log).toHaveLength(2);
  expect(silent.counts).toEqual({ full: 1 });
});

test('the host and the origin that were refused are named, as far as they can be read safely', () => {
  const { log, refusals } = refusalLog();
  const refused = {
    ...SOMETHING,
    hosts: ['evil.example\u001b[2J'],
    headers: { origin: `https://${'x'.repeat(5_000)}` },
  };
  refusals.refused('hostNotAllowed', refused);
  refusals.refused('originNotAllowed', refused);
  expect(log[0]?.message).toContain('"evil.example\\u{1b}[2J" is not among allowedHosts');
  expect(log[1]?.message).toContain('is not among allowedOrigins');
  expect(log[1]?.message.length).toBeLessThan(400);
});

describe('a supervisor', () => {
  test('tells its logger, and a flood is one line a second', async () => {
    const clock = new SimulatedClock();
    const { supervisor, url, log } = await serve({ clock, allowedHosts: ['mcp.example'] });
    expect(supervisor.stats().refused).toEqual({});
    const flood = () => Promise.all(Array.from({ length: 20 }, () => post(url, initializeBody())));
    const lines = () => log.filter(({ event }) => event === 'request.refused');
    await flood();
    expect(lines()).toMatchObject([{ level: 'warn', refusal: 'hostNotAllowed', status: 403, count: 1 }]);
    await advance(clock, 1_000);
    await flood();
    expect(lines()).toHaveLength(2);
    expect(lines()[1]).toMatchObject({ count: 20 });
    expect(supervisor.stats().refused).toEqual({ hostNotAllowed: 40 });
  });

  test('tells of a refusal after it has left, so a logger that throws takes nothing from the client', async () => {
    const { url } = await serve({
      allowedHosts: ['mcp.example'],
      logger: () => {
        throw new Error('disk full');
      },
    });
    expect((await post(url, initializeBody())).status).toBe(403);
  });
});
