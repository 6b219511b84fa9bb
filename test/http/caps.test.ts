/** How many sessions there may be, who has to go when there are too many, and who may use a session. */
import { describe, expect, test } from 'vitest';
import { Gates } from '../support/gates.ts';
import { type Served, type ServeOptions, serve } from '../support/serve.ts';
import { becomesIdle, endingsIn, expectGone, lifeOf } from '../support/sessionLife.ts';
import { buildTestServer } from '../support/testServer.ts';
import { withTimeout } from '../support/until.ts';
import { callBody, del, initialize, initializeBody, openStream, post } from '../support/wire.ts';

/** Principals by a header, as an authenticating proxy would set it. */
const byUser: ServeOptions['principal'] = ({ headers }) => headers['x-user'] as string | undefined;

/** Opens an idle session of a user; `used` ones have sent a request after their initialize. */
async function open(served: Served, user?: string, used = false): Promise<string> {
  const headers = user === undefined ? {} : { 'x-user': user };
  const session = await initialize(served.url, { headers });
  if (used) await post(served.url, callBody('echo', { text: 'x' }), session.headers);
  await becomesIdle(served, session.sessionId);
  return session.sessionId;
}

const evicted = ({ events }: Served) => events.filter((e) => e.reason === 'evicted').map(({ session }) => session.id);
const ids = ({ supervisor }: Served) => [...supervisor.sessions()].map(({ id }) => id);

describe("maxSessions, whenFull: 'evict-idle'", () => {
  test('the longest idle session makes room, and is told apart by its reason', async () => {
    const served = await serve({ maxSessions: 3 });
    const [a = '', b = '', c = ''] = [await open(served), await open(served), await open(served)];
    await post(served.url, callBody('echo', { text: 'still here' }), { 'mcp-session-id': a });
    await becomesIdle(served, a);
    // All have been used now but b and c; of these b is idle for longer.
    const d = await open(served);
    expect(evicted(served)).toEqual([b]);
    expect(ids(served)).toEqual([a, c, d]);
    await expectGone(served.url, b);
    expect(lifeOf(served.events, b).at(-1)).toBe('terminated: evicted');
    expect(endingsIn(served.log)).toMatchObject([{ sessionId: b, reason: 'evicted' }]);
  });

  test('what was never used after its initialize goes first, then the longest idle; notifications are no use', async () => {
    const served = await serve({ maxSessions: 4 });
    const used = [await open(served, undefined, true), await open(served, undefined, true)];
    const unused = [await open(served), await open(served)];
    const notification = { jsonrpc: '2.0', method: 'notifications/roots/list_changed' };
    await post(served.url, notification, { 'mcp-session-id': unused[0] });
    await becomesIdle(served, unused[0] ?? '');
    for (let n = 0; n < 4; n++) await open(served, undefined, true);
    expect(evicted(served)).toEqual([unused[1], unused[0], used[0], used[1]]);
  });

  test('of several principals the one that holds the most gives up its own, used as they may be', async () => {
    const served = await serve({ maxSessions: 6, principal: byUser });
    const few = [await open(served, 'ada'), await open(served, 'ada')];
    const nobodys = await open(served);
    const many = [await open(served, 'bob', true), await open(served, 'bob', true), await open(served, 'bob', true)];
    const newcomer = await open(served, 'cleo');
    expect(evicted(served)).toEqual([many[0]]);
    // Now ada and bob hold two each: the unused go before the used.
    await open(served, 'cleo', true);
    expect(evicted(served)).toEqual([many[0], few[0]]);
    await open(served, 'cleo', true);
    // Cleo herself holds the most: of hers the unused one goes, and nobody else's.
    expect(evicted(served)).toEqual([many[0], few[0], newcomer]);
    expect(ids(served)).toContain(nobodys);
    expect(served.supervisor.session(nobodys)?.principal).toBeUndefined();
  });

  test('busy sessions stay; where nothing is idle, the newcomer is refused: 503 with Retry-After', async () => {
    const served = await serve({ maxSessions: 3, principal: byUser });
    const { url, gates } = served;
    const calling = await initialize(url, { headers: { 'x-user': 'ada' } });
    const call = post(url, callBody('gate', { key: 'a' }), calling.headers);
    await gates.entered('a');
    const listening = await initialize(url, { headers: { 'x-user': 'ada' } });
    const stream = await openStream(url, { headers: listening.headers });
    const idle = await open(served, 'bob');
    // Ada holds the most, but only Bob's is idle.
    const third = await initialize(url);
    expect(evicted(served)).toEqual([idle]);
    const holding = await openStream(url, { headers: third.headers });
    const refused = await post(url, initializeBody({}, 'one too many'));
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    expect(refused.headers).not.toHaveProperty('mcp-session-id');
    expect(refused.json()).toMatchObject({
      id: 'one too many',
      error: { message: expect.stringContaining('too many sessions') },
    });
    expect(ids(served)).toEqual([calling.sessionId, listening.sessionId, third.sessionId]);
    gates.open('a');
    expect((await call).messages()).toMatchObject([{ result: {} }]);
    await becomesIdle(served, calling.sessionId);
    await initialize(url);
    expect(evicted(served)).toEqual([idle, calling.sessionId]);
    for (const open of [stream, holding]) open.destroy();
  });

  test('the evicted session is closed in its own time: the newcomer does not wait for it', async () => {
    const gates = new Gates();
    const served = await serve({
      maxSessions: 1,
      server: (session) => {
        const server = buildTestServer(session);
        const close = async () => {
          await gates.pass('closing', new AbortController().signal);
          await server.close();
        };
        return { connect: (transport) => server.connect(transport), close };
      },
    });
    const first = await open(served);
    const second = await open(served);
    await gates.entered('closing');
    expect(evicted(served)).toEqual([first]);
    expect(ids(served)).toEqual([second]);
    gates.open('closing');
  });
});

describe("maxSessions, whenFull: 'reject'", () => {
  test('nobody has to go; the newcomer is refused until somebody has gone', async () => {
    const served = await serve({ maxSessions: 2, whenFull: 'reject' });
    const [first = '', second = ''] = [await open(served), await open(served)];
    for (let n = 0; n < 3; n++) {
      const refused = await post(served.url, initializeBody());
      expect(refused.status).toBe(503);
      expect(refused.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    }
    expect(ids(served)).toEqual([first, second]);
    await del(served.url, { 'mcp-session-id': first });
    const third = await open(served);
    expect(ids(served)).toEqual([second, third]);
    expect((await post(served.url, initializeBody())).status).toBe(503);
  });
});

describe('maxSessionsPerPrincipal', () => {
  test('beyond it 429 with Retry-After, for that principal alone, nobody being a principal of its own', async () => {
    const served = await serve({ maxSessionsPerPrincipal: 2, principal: byUser });
    for (const user of ['ada', undefined]) {
      const first = await open(served, user);
      await open(served, user);
      const headers = { 'x-user': user };
      const refused = await post(served.url, initializeBody(), headers);
      expect(refused.status).toBe(429);
      expect(refused.headers['retry-after']).toMatch(/^[1-9]\d*$/);
      expect(refused.json().error?.message).toContain('this principal');
      await open(served, 'bob');
      await del(served.url, { 'mcp-session-id': first, ...headers });
      await open(served, user);
      expect((await post(served.url, initializeBody(), headers)).status).toBe(429);
    }
    expect(evicted(served)).toEqual([]);
  });

  test('at once: never more than allowed, and the refused make nobody go', async () => {
    const served = await serve({ maxSessions: 4, maxSessionsPerPrincipal: 2, principal: byUser });
    const others = [await open(served, 'bob'), await open(served, 'cleo')];
    const headers = { 'x-user': 'ada' };
    const opening = Array.from({ length: 12 }, () => post(served.url, initializeBody(), headers));
    const statuses = (await Promise.all(opening)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(2);
    expect(statuses.filter((status) => status === 429)).toHaveLength(10);
    expect(ids(served)).toEqual(expect.arrayContaining(others));
    expect(ids(served)).toHaveLength(4);
  });

  test('a session that could not be opened gives its place back', async () => {
    let fails = true;
    const served = await serve({
      maxSessionsPerPrincipal: 1,
      maxSessions: 1,
      whenFull: 'reject',
      server: (session) => {
        if (fails) throw new Error('failed as asked');
        return buildTestServer(session);
      },
    });
    for (let n = 0; n < 3; n++) {
      const refused = await post(served.url, { ...initializeBody(), id: `mine ${n}` });
      expect(refused.status).toBe(500);
      expect(refused.messages()).toMatchObject([{ id: `mine ${n}` }]);
    }
    fails = false;
    const id = await open(served);
    expect((await post(served.url, initializeBody())).status).toBe(429);
    await withTimeout(served.supervisor.terminate(id));
    const next = await open(served);
    expect(ids(served)).toEqual([next]);
  });
});
