/** The JSON API: what it lists and shows, what it changes, and a line for each change. */
import { describe, expect, test } from 'vitest';
import { END_REASONS } from '../../src/index.ts';
import { controlledSessionStore } from '../support/controlledSessionStore.ts';
import { becomesIdle, expectGone } from '../support/sessionLife.ts';
import { until } from '../support/until.ts';
import { call, initialize } from '../support/wire.ts';
import { type Administered, serveAdministered } from './administered.ts';

interface Row {
  readonly key: string;
  readonly [name: string]: unknown;
}

const rowsOf = async ({ told }: Administered, query = ''): Promise<Row[]> =>
  ((await told(`/sessions${query}`)).json() as { sessions: Row[] }).sessions;

const open = async (served: Administered) => {
  const { sessionId } = await initialize(served.url, { clientInfo: { name: 'a\u202eclient', version: '1' } });
  await becomesIdle(served, sessionId);
  return sessionId;
};

const changesIn = ({ lines }: Administered) => lines.filter(({ event }) => event === 'admin.changed');

const CHANGING = { allowChanges: true };

describe('a session', () => {
  test('is listed under a key, without its id, its client as it can be seen', async () => {
    const served = await serveAdministered();
    const sessionId = await open(served);
    const answer = await served.told('/sessions');
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/json']);
    expect(answer.text).not.toContain(sessionId);
    expect(answer.json()).toEqual({
      sessions: [
        {
          key: expect.stringMatching(/^[\w-]{20,}$/),
          state: 'idle',
          inFlight: 0,
          calls: 0,
          openStreams: 0,
          createdAt: expect.any(Number),
          lastActiveAt: expect.any(Number),
          principal: null,
          client: { name: 'a\\u{202e}client', version: '1' },
          protocolVersion: '2025-11-25',
          epoch: 1,
        },
      ],
    });
  });

  test('is shown by its key or its id, with its history', async () => {
    const served = await serveAdministered();
    const sessionId = await open(served);
    const [row] = await rowsOf(served);
    for (const name of [row?.key, sessionId]) {
      const shown = (await served.told(`/sessions/${name}`)).json() as { history: { event: string }[] };
      expect(shown).toMatchObject({ key: row?.key, state: 'idle' });
      expect(shown.history.map(({ event }) => event).slice(0, 2)).toEqual(['opened', 'active']);
    }
  });

  test('has the same key as long as the process runs, in another admin another one', async () => {
    const served = await serveAdministered();
    await open(served);
    const [first] = await rowsOf(served);
    expect((await rowsOf(served))[0]?.key).toBe(first?.key);
    const other = await serveAdministered();
    expect((await other.told(`/sessions/${first?.key}`)).status).toBe(404);
  });

  test('of which nobody knows because the store is down is 503, and not said to have ended', async () => {
    const sessionStore = controlledSessionStore();
    const { told } = await serveAdministered({ sessionStore });
    sessionStore.before.load = () => Promise.reject(new Error('down'));
    const answer = await told('/sessions/somebody');
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '5']);
    expect(answer.json()).toMatchObject({ error: { name: 'failed' } });
  });

  test('that is not there is 404, whatever it is called', async () => {
    const { told } = await serveAdministered();
    for (const name of [
      'nobody',
      '%E0%A4%A',
      '__proto__',
      'a'.repeat(2_000),
      '%00',
      Buffer.alloc(60).toString('base64url'),
    ]) {
      expect([name, (await told(`/sessions/${name}`)).status]).toEqual([name, 404]);
    }
  });

  test('has its id and its principal told where that is wanted', async () => {
    const principal = () => 'ada';
    const [closed, open] = [await serveAdministered({ principal }), await serveAdministered({ principal }, REVEALING)];
    const { sessionId } = await initialize(open.url);
    await initialize(closed.url);
    expect(await rowsOf(open)).toMatchObject([{ id: sessionId, principal: 'ada' }]);
    const [row] = await rowsOf(closed);
    expect(row?.['principal']).toMatch(/^[\w-]{12}$/);
    expect(await rowsOf(closed, `?principal=${row?.['principal']}`)).toHaveLength(1);
    expect(await rowsOf(closed, '?principal=ada')).toHaveLength(1);
    expect(await rowsOf(closed, '?principal=')).toHaveLength(0);
  });
});

const REVEALING = { revealIds: true, revealPrincipals: true };

test('a parked session is shown, brought back by nobody, and can be ended', async () => {
  const served = await serveAdministered({ sessionStore: controlledSessionStore() }, CHANGING);
  const sessionId = await open(served);
  const [row] = await rowsOf(served);
  expect((await served.told(`/sessions/${row?.key}/park`, { method: 'POST' })).json()).toEqual({ outcome: 'parked' });
  expect(await rowsOf(served)).toEqual([]);
  expect((await served.told(`/sessions/${row?.key}`)).json()).toMatchObject({ state: 'parked' });
  expect((await served.told(`/sessions/${row?.key}`, { method: 'DELETE' })).status).toBe(200);
  await expectGone(served.url, sessionId);
});

test('filters: by state, and by several', async () => {
  const served = await serveAdministered();
  await open(served);
  const busy = await open(served);
  const calling = call(served.url, busy, 'gate', { key: 'a' });
  await served.gates.entered('a');
  expect((await rowsOf(served, '?state=active')).map(({ state }) => state)).toEqual(['active']);
  expect(await rowsOf(served, '?state=active&state=idle')).toHaveLength(2);
  const refused = await served.told('/sessions?state=parked');
  expect([refused.status, refused.json()]).toEqual([
    400,
    { error: { name: 'badState', message: 'state must be one of initializing, restoring, active, idle' } },
  ]);
  served.gates.open('a');
  await calling;
});

test('stats are the supervisor’s, with its readiness', async () => {
  const { told, supervisor } = await serveAdministered();
  const answer = await told('/stats');
  expect(answer.json()).toEqual({ readiness: { ready: true, reasons: [] }, stats: supervisor.stats() });
});

describe('to end a session', () => {
  test('is done once; the second time it is not there; each is a line', async () => {
    const served = await serveAdministered({}, CHANGING);
    const sessionId = await open(served);
    const [row] = await rowsOf(served);
    const first = await served.told(`/sessions/${row?.key}?reason=evicted`, { method: 'DELETE' });
    expect([first.status, first.json()]).toEqual([200, { outcome: 'ended' }]);
    await expectGone(served.url, sessionId);
    expect(served.events.at(-1)).toMatchObject({ type: 'session.terminated', reason: 'evicted' });
    expect((await served.told(`/sessions/${row?.key}`, { method: 'DELETE' })).status).toBe(404);
    const who = {
      level: 'info',
      peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      token: expect.stringMatching(/^[\da-f]{8}$/),
    };
    expect(changesIn(served)).toMatchObject([
      { ...who, action: 'session.end', sessionId, reason: 'evicted', outcome: 'ended' },
      { ...who, action: 'session.end', sessionId, reason: 'terminated', outcome: 'notFound' },
    ]);
    expect(JSON.stringify(served.lines)).not.toContain(served.admin.token);
  });

  test('by two at the same time ends it once', async () => {
    const served = await serveAdministered({}, CHANGING);
    const sessionId = await open(served);
    const answers = await Promise.all([1, 2].map(() => served.told(`/sessions/${sessionId}`, { method: 'DELETE' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404]);
  });

  test('needs a reason that there is', async () => {
    const served = await serveAdministered({}, CHANGING);
    const sessionId = await open(served);
    const answer = await served.told(`/sessions/${sessionId}?reason=bored`, { method: 'DELETE' });
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining(END_REASONS.join(', '))]);
    expect(served.supervisor.session(sessionId)).toBeDefined();
  });

  test('whose store fails is 503 with Retry-After, and told', async () => {
    const sessionStore = controlledSessionStore();
    const served = await serveAdministered({ sessionStore }, CHANGING);
    sessionStore.before.load = () => Promise.reject(new Error('down'));
    const answer = await served.told('/sessions/somebody', { method: 'DELETE' });
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '5']);
    expect(changesIn(served)).toMatchObject([{ level: 'warn', outcome: 'failed', error: { code: 'STORE_FAILED' } }]);
  });
});

describe('to park a session', () => {
  test('with a call is refused, and the call goes on', async () => {
    const served = await serveAdministered({ sessionStore: controlledSessionStore() }, CHANGING);
    const sessionId = await open(served);
    const calling = call(served.url, sessionId, 'gate', { key: 'a' });
    await served.gates.entered('a');
    const answer = await served.told(`/sessions/${sessionId}/park`, { method: 'POST' });
    expect([answer.status, answer.json()]).toMatchObject([409, { error: { name: 'sessionBusy' } }]);
    served.gates.open('a');
    expect((await calling).status).toBe(200);
    expect(changesIn(served)).toMatchObject([{ action: 'session.park', sessionId, outcome: 'busy' }]);
  });

  test('without a store, or one that is not there, is told apart', async () => {
    const served = await serveAdministered({}, CHANGING);
    const sessionId = await open(served);
    expect((await served.told(`/sessions/${sessionId}/park`, { method: 'POST' })).json()).toMatchObject({
      error: { name: 'noStore' },
    });
    expect((await served.told('/sessions/nobody/park', { method: 'POST' })).status).toBe(404);
  });
});

describe('to drain', () => {
  test('is answered when it begins, and is harmless twice', async () => {
    const served = await serveAdministered({}, CHANGING);
    const answer = await served.told('/drain', { method: 'POST' });
    expect([answer.status, answer.json()]).toEqual([202, { outcome: 'draining' }]);
    expect((await served.told('/readyz')).status).toBe(503);
    expect((await served.told('/drain', { method: 'POST' })).status).toBe(202);
    await until(() => served.supervisor.actor.getSnapshot().value === 'stopped');
    expect(changesIn(served)).toMatchObject([{ action: 'supervisor.drain', outcome: 'draining' }, {}]);
  });

  test('does what the embedder says, and what that throws is told', async () => {
    const drain = () => Promise.reject(new Error('not today'));
    const served = await serveAdministered({}, { ...CHANGING, drain });
    expect((await served.told('/drain', { method: 'POST' })).status).toBe(202);
    await until(() => served.lines.some(({ event }) => event === 'admin.failed'));
    expect(served.supervisor.actor.getSnapshot().value).toBe('accepting');
  });
});

test('nothing changes unless that is allowed, and who tries is told of', async () => {
  const served = await serveAdministered();
  const sessionId = await open(served);
  const tries = [
    ['DELETE', `/sessions/${sessionId}`],
    ['POST', `/sessions/${sessionId}/park`],
    ['POST', '/drain'],
  ] as const;
  for (const [method, path] of tries) {
    const answer = await served.told(path, { method });
    expect([answer.status, answer.json()]).toMatchObject([403, { error: { name: 'readOnly' } }]);
  }
  expect(served.supervisor.session(sessionId)?.state).toBe('idle');
  expect(served.supervisor.actor.getSnapshot().value).toBe('accepting');
  expect(changesIn(served).map(({ outcome }) => outcome)).toEqual(['forbidden', 'forbidden', 'forbidden']);
});

test('a logger that throws, or rejects, hurts no change', async () => {
  for (const logger of [
    () => {
      throw new Error('full');
    },
    () => Promise.reject(new Error('full')),
  ]) {
    const served = await serveAdministered({}, { ...CHANGING, logger: logger as () => void });
    const sessionId = await open(served);
    expect((await served.told(`/sessions/${sessionId}`, { method: 'DELETE' })).status).toBe(200);
  }
});
