/** Races of a drain with everything that can be under way when it begins. */
import { describe, expect, test } from 'vitest';
import type { ServerFactory } from '../../../src/options.ts';
import { Gates } from '../../support/gates.ts';
import { serve } from '../../support/serve.ts';
import { becomesIdle, endingsIn } from '../../support/sessionLife.ts';
import { buildTestServer } from '../../support/testServer.ts';
import { until, withTimeout } from '../../support/until.ts';
import { callBody, initialize, initializeBody, openStream, post, rawSocket } from '../../support/wire.ts';

/** The test server, built behind a gate where the client's name is `held`; counts what is closed. */
function gatedFactory() {
  const gates = new Gates();
  const counts = { closed: 0 };
  const server: ServerFactory = async (session) => {
    if (session.clientInfo?.name === 'held') await gates.pass('factory', session.signal, true);
    const inner = buildTestServer(session, gates);
    const close = async () => {
      counts.closed++;
      await inner.close();
    };
    return { connect: (transport) => inner.connect(transport), close };
  };
  return { gates, counts, server };
}

const HELD = initializeBody({ clientInfo: { name: 'held', version: '1' } }, 'held');

describe('16. Drain during initialize, during a call, with parked GET streams, twice at once', () => {
  test('during initialize: 503 with Retry-After at once, and the late server is closed', async () => {
    const { gates, counts, server } = gatedFactory();
    const { url, supervisor, log } = await serve({ server });
    const opening = post(url, HELD);
    await gates.entered('factory');
    await withTimeout(supervisor.drain(), { what: 'the drain' });
    const refused = await opening;
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    expect(refused.headers).not.toHaveProperty('mcp-session-id');
    expect(refused.json()).toMatchObject({ error: { message: expect.stringContaining('shutting down') } });
    expect(endingsIn(log)).toMatchObject([{ reason: 'drained' }]);
    await gates.aborted('factory');
    gates.open('factory');
    await until(() => counts.closed === 1, { what: 'the late server to be closed' });
  });

  test('while the body of an initialize is coming: 503', async () => {
    const { url, port, supervisor } = await serve();
    await initialize(url);
    const raw = await rawSocket(port);
    const body = JSON.stringify(initializeBody());
    raw.begin('POST', { 'content-length': String(body.length) });
    raw.write(body.slice(0, 9));
    await post(url, 'anything, so that the server has read what was sent before');
    const drained = supervisor.drain();
    await until(() => [...supervisor.sessions()].length === 0, { what: 'the sessions to end' });
    raw.write(body.slice(9));
    const refused = await raw.readResponse();
    expect(refused).toMatchObject({ status: 503, body: expect.stringContaining('shutting down') });
    expect(refused.headers['retry-after']).toBeDefined();
    await withTimeout(drained, { what: 'the drain' });
  });

  test('during a call: it is answered, and then its session ends', async () => {
    const { url, supervisor, gates, events } = await serve();
    const { sessionId, headers } = await initialize(url);
    const calling = post(url, callBody('gate', { key: 'a' }, 1), headers);
    await gates.entered('a');
    let drained = false;
    const drain = supervisor.drain().then(() => {
      drained = true;
    });
    await until(() => supervisor.actor.getSnapshot().value === 'draining');
    expect(supervisor.session(sessionId)).toMatchObject({ state: 'active', inFlight: 1 });
    expect(drained).toBe(false);
    gates.open('a');
    expect((await calling).messages()).toMatchObject([{ id: 1, result: { content: [{ text: 'passed a' }] } }]);
    await withTimeout(drain, { what: 'the drain' });
    expect(events.at(-1)).toMatchObject({ type: 'session.terminated', reason: 'drained', session: { id: sessionId } });
  });

  test('with parked GET streams: they are ended properly, that of a busy session after its call', async () => {
    const { url, supervisor, gates } = await serve();
    const busy = await initialize(url);
    const parked = await initialize(url);
    const streams = [
      await openStream(url, { headers: busy.headers }),
      await openStream(url, { headers: parked.headers }),
    ];
    const calling = post(url, callBody('gate', { key: 'a' }), busy.headers);
    await gates.entered('a');
    const drain = supervisor.drain();
    expect(await withTimeout(streams[1]?.closed ?? Promise.reject(), { what: 'the parked stream to end' })).toBe(true);
    expect(streams[0]?.ended).toBe(false);
    gates.open('a');
    expect((await calling).messages()).toMatchObject([{ result: {} }]);
    expect(await withTimeout(streams[0]?.closed ?? Promise.reject(), { what: 'the busy stream to end' })).toBe(true);
    await withTimeout(drain, { what: 'the drain' });
  });

  test('twice at once, with all of that under way: everyone is answered, everything is closed once', async () => {
    const { gates, counts, server } = gatedFactory();
    const served = await serve({ server });
    const { url, supervisor, log } = served;
    const idle = await initialize(url);
    const busy = await initialize(url);
    await becomesIdle(served, idle.sessionId);
    const stream = await openStream(url, { headers: busy.headers });
    const calling = post(url, callBody('gate', { key: 'a' }), busy.headers);
    const opening = post(url, HELD);
    await Promise.all([gates.entered('a'), gates.entered('factory')]);
    const drains = Promise.all([supervisor.drain(), supervisor.drain(), supervisor.drain({ timeout: 1 })]);
    expect((await opening).status).toBe(503);
    gates.open('a');
    gates.open('factory');
    expect((await calling).messages()).toMatchObject([{ result: {} }]);
    await withTimeout(drains, { what: 'all drains' });
    expect(await withTimeout(stream.closed)).toBe(true);
    await until(() => counts.closed === 3, { what: 'all servers to be closed' });
    expect(endingsIn(log).map(({ reason }) => reason)).toEqual(['drained', 'drained', 'drained']);
    expect(log.filter(({ event }) => event === 'supervisor.stopped')).toHaveLength(1);
    expect(supervisor.actor.getSnapshot().value).toBe('stopped');
    await supervisor.drain();
  });
});
