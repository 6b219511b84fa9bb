/** Hostile input: too much of what is allowed. */
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createSessionSupervisor } from '../../../src/index.ts';
import { toNodeHandler } from '../../../src/node.ts';
import { listen } from '../../support/listen.ts';
import { rawSocket } from '../../support/rawSocket.ts';
import { besiege, bytesOf, expectRefusal } from '../../support/siege.ts';
import { buildTestServer } from '../../support/testServer.ts';
import { TinyServer } from '../../support/tinyServer.ts';
import { until } from '../../support/until.ts';
import { callBody, initializeBody } from '../../support/wire.ts';

const note = { jsonrpc: '2.0', method: 'notifications/roots/list_changed' };

describe('a flood of initialize', () => {
  test('up to the cap: one makes room for another, and never a client that works', async () => {
    const siege = await besiege({ maxSessions: 20 });
    await siege.expectHealthy();
    const raw = await siege.connect();
    for (let n = 0; n < 200; n++) {
      raw.write(bytesOf({ body: initializeBody() }));
      expect((await raw.readResponse()).status).toBe(200);
      expect(siege.sessionIds.length).toBeLessThanOrEqual(20);
    }
    siege.admitAll();
    await siege.expectUnharmed();
  });

  test('beyond the cap, where nobody makes room', async () => {
    const siege = await besiege({ maxSessions: 20, whenFull: 'reject' });
    const raw = await siege.connect();
    raw.write(Buffer.concat(Array(100).fill(bytesOf({ body: initializeBody() }))));
    for (let n = 0; n < 100; n++) {
      const answer = await raw.readResponse();
      if (n < 19) expect(answer.status).toBe(200);
      else expectRefusal(answer, 503, -32000, 0);
    }
    siege.admitAll();
    expect(siege.sessionIds).toHaveLength(20);
    await siege.expectUnharmed();
  });

  test('of one principal beyond its own cap', async () => {
    const siege = await besiege({
      maxSessionsPerPrincipal: 5,
      principal: ({ headers }) => headers['x-user'] as string | undefined,
    });
    const flood = bytesOf({ headers: { 'x-user': 'eve' }, body: initializeBody() });
    const answers = await Promise.all(Array.from({ length: 50 }, () => siege.send(flood)));
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused).toHaveLength(45);
    for (const answer of refused) expectRefusal(answer, 429, -32000, 0);
    siege.admitAll();
    await siege.expectUnharmed();
  });

  test('whose answers nobody waits for leaves no session', async () => {
    const opened: (() => void)[] = [];
    let slow = false;
    const siege = await besiege({
      server: async (session) => {
        if (slow) await new Promise<void>((resolve) => opened.push(resolve));
        return buildTestServer(session);
      },
    });
    await siege.expectHealthy();
    slow = true;
    for (let n = 0; n < 50; n++) (await siege.connect()).write(bytesOf({ body: initializeBody() }));
    await until(() => opened.length === 50, { what: 'all factories to run' });
    siege.cut();
    await until(() => siege.sessionIds.length === 1, { what: 'their sessions to end' });
    for (const open of opened) open();
    await siege.expectUnharmed();
  });

  test('that say much of themselves holds a bounded amount', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    // Neither events nor log are kept here: both name the client.
    const supervisor = createSessionSupervisor({ server: (session) => buildTestServer(session), maxSessions: 20 });
    const { port, close } = await listen(createServer(toNodeHandler(supervisor)));
    onTestFinished(() => Promise.all([supervisor.drain(), close()]).then(() => {}));
    const raw = await rawSocket(port);
    const said = (bytes: number) =>
      bytesOf({ body: initializeBody({ clientInfo: { name: 'x'.repeat(bytes), version: '1' } }) });
    const flood = async (count: number) => {
      for (let n = 0; n < count; n++) {
        raw.write(said(65_000));
        expect((await raw.readResponse()).status).toBe(200);
      }
      gc();
      return process.memoryUsage().heapUsed;
    };
    const full = await flood(40);
    expect((await flood(200)) - full).toBeLessThan(20 * 65_536);
    raw.write(said(65_536));
    expectRefusal(await raw.readResponse(), 413, -32000, 0);
    expect([...supervisor.sessions()]).toHaveLength(20);
  });
});

describe('a flood of GET streams', () => {
  test('of one session: each is let in, and 16 at most are open', async () => {
    const siege = await besiege();
    const { sessionId, headers } = await siege.session();
    const { supervisor } = siege.served;
    for (let n = 0; n < 50; n++) {
      const raw = await siege.connect();
      raw.write(bytesOf({ method: 'GET', headers }));
      expect((await raw.readHead()).status).toBe(200);
      expect(supervisor.session(sessionId)?.openStreams).toBeLessThanOrEqual(17); // one may be ending
    }
    await until(() => supervisor.session(sessionId)?.openStreams === 16, { what: 'all but 16 to be closed' });
    await siege.expectUnharmed();
  });

  test('of many sessions, half of them reset', async () => {
    const siege = await besiege();
    for (let n = 0; n < 100; n++) {
      const { headers } = await siege.session({ notify: false });
      const raw = await siege.connect();
      raw.write(bytesOf({ method: 'GET', headers }));
      expect((await raw.readHead()).status).toBe(200);
      if (n % 2 === 0) raw.reset();
    }
    await siege.expectUnharmed();
  });
});

describe('a flood of notifications', () => {
  test.each([
    ['known', note],
    ['unknown', { jsonrpc: '2.0', method: 'notifications/unheard_of', params: { a: 'x'.repeat(1_000) } }],
    ['cancelling nothing', { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }],
  ])('%s', async (_, body) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const raw = await siege.connect();
    const flood = Buffer.concat(Array(100).fill(bytesOf({ headers, body })));
    for (let n = 0; n < 20; n++) {
      raw.write(flood);
      for (let m = 0; m < 100; m++) expect((await raw.readResponse()).status).toBe(202);
      await siege.expectHealthy();
    }
    await siege.expectUnharmed();
  });
});

describe('a flood of calls', () => {
  test('in one session: the 4 097th is refused', async () => {
    const siege = await besiege({
      server: (session) =>
        session.clientInfo?.name === 'healthy' ? buildTestServer(session) : new TinyServer({ silent: true }),
    });
    const { sessionId, headers } = await siege.session();
    const sockets = await Promise.all(Array.from({ length: 256 }, () => siege.connect()));
    for (const [n, raw] of sockets.entries()) {
      for (let m = 0; m < 16; m++) raw.write(bytesOf({ headers, body: callBody('echo', {}, n * 16 + m) }));
    }
    const { supervisor } = siege.served;
    await until(() => supervisor.session(sessionId)?.inFlight === 4_096, { what: 'all calls', within: 15_000 });
    expectRefusal(await siege.send({ headers, body: callBody('echo') }), 429, -32000);
    expectRefusal(await siege.send({ method: 'GET', headers }), 429, -32000);
    await siege.expectHealthy();
    expect((await siege.send({ method: 'DELETE', headers })).status).toBe(200);
    siege.admitAll();
    for (const raw of sockets) {
      for (let m = 0; m < 16; m++) expect((await raw.readResponse()).body).toContain('Session ended: deleted');
    }
    await siege.expectUnharmed();
  });
});

describe('a flood of requests that are refused', () => {
  test('whose answers are never read does not grow without bound', async () => {
    const siege = await besiege();
    const accepted = new Promise<Socket>((resolve) => siege.served.httpServer.once('connection', resolve));
    const raw = await siege.connect();
    raw.socket.pause();
    const server = await until(accepted);
    const flood = Buffer.concat(Array(1_000).fill(bytesOf({ body: '{' })));
    const stopsReading = () => {
      if (raw.socket.writableLength < flood.length) raw.write(flood);
      return server.isPaused();
    };
    await until(stopsReading, { what: 'the server to stop reading', within: 15_000 });
    await siege.expectHealthy();
    expect(server.isPaused()).toBe(true);
    expect(server.writableLength).toBeLessThan(1_000_000);
    await siege.expectUnharmed();
  });
});
