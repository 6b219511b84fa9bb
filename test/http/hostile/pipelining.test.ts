/** Hostile input: several requests at once on one connection. */
import { describe, expect, test } from 'vitest';
import type { RawSocket } from '../../support/rawSocket.ts';
import { besiege, bytesOf, type Siege } from '../../support/siege.ts';
import { advance } from '../../support/simulatedClock.ts';
import { turns, until, withTimeout } from '../../support/until.ts';
import { callBody, initializeBody } from '../../support/wire.ts';

describe('pipelined requests', () => {
  test('are answered in their order', async () => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const raw = await siege.connect();
    const refused = bytesOf({ body: '{' });
    const calls = [1, 2, 3].map((id) => bytesOf({ headers, body: callBody('echo', { text: `${id}` }, id) }));
    raw.write(Buffer.concat([refused, ...calls, refused]));
    expect((await raw.readResponse()).status).toBe(400);
    for (const id of [1, 2, 3]) {
      const answer = await raw.readResponse();
      expect(answer.status).toBe(200);
      expect(answer.body).toContain(`"text":"${id}"`);
    }
    expect((await raw.readResponse()).status).toBe(400);
    expect(raw.received).toBe('');
    await siege.expectUnharmed();
  });

  test('behind a stream that never ends are let go with the connection', async () => {
    const siege = await besiege();
    const { sessionId, headers } = await siege.session();
    const raw = await siege.connect();
    const call = bytesOf({ headers, body: callBody('echo', { text: 'x' }) });
    const upload = bytesOf({ headers: { ...headers, 'content-length': '9' }, body: '{' });
    raw.write(Buffer.concat([bytesOf({ method: 'GET', headers }), call, upload]));
    const { supervisor } = siege.served;
    await until(() => supervisor.session(sessionId)?.inFlight === 3, { what: 'all three to have come' });
    await siege.expectUnharmed();
  });

  test('behind a call wait for it, however long it takes', async () => {
    const siege = await besiege();
    const { sessionId, headers } = await siege.session();
    const raw = await siege.connect();
    const long = bytesOf({ headers, body: callBody('gate', { key: 'a' }, 1) });
    const quick = bytesOf({ headers, body: callBody('echo', { text: 'quick' }, 2) });
    const stream = bytesOf({ headers, body: callBody('gate', { key: 'b' }, 3) });
    raw.write(Buffer.concat([long, quick, stream]));
    await siege.served.gates.entered('b');
    await turns(10); // the quick answer is there, and waits for its turn
    await advance(siege.clock, 300_000, 15_000);
    expect(siege.served.supervisor.session(sessionId)?.inFlight).toBe(3);
    siege.served.gates.openAll();
    for (const text of ['passed a', 'quick', 'passed b']) {
      expect((await raw.readResponse()).body).toContain(`"text":"${text}"`);
    }
    await siege.expectUnharmed();
  });

  test('that open sessions behind a stream that never ends keep none of them busy', async () => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const raw = await siege.connect();
    const initialize = bytesOf({ body: initializeBody() });
    raw.write(Buffer.concat([bytesOf({ method: 'GET', headers }), ...Array(20).fill(initialize)]));
    const { length: known } = siege.sessionIds;
    await until(() => siege.sessionIds.length === known + 20, { what: 'all of them to be opened' });
    siege.admitAll();
    await siege.expectUnharmed();
  });

  test.each<[string, number, (siege: Siege, raw: RawSocket) => Promise<unknown>]>([
    ['too slow', 408, ({ clock }) => advance(clock, 30_000)],
    ['too large', 413, async (_, raw) => raw.write(' '.repeat(1_000_000))],
  ])('a body behind a call that is %s is refused without cutting the call', async (_, status, refuse) => {
    const siege = await besiege({ maxRequestBodySize: 1_000 });
    const { sessionId, headers } = await siege.session();
    const raw = await siege.connect();
    raw.write(bytesOf({ headers, body: callBody('gate', { key: 'a' }, 1) }));
    raw.write(bytesOf({ headers: { ...headers, 'transfer-encoding': 'chunked' }, body: 'ffffff\r\n{' }));
    await until(() => siege.bodiesAwaited === 1, { what: 'the body to be awaited' });
    await refuse(siege, raw);
    await until(() => siege.bodiesAwaited === 0, { what: 'the body to be refused' });
    await advance(siege.clock, 60_000, 2_000);
    expect(siege.served.supervisor.session(sessionId)?.inFlight).toBe(2);
    raw.write(' '.repeat(1_000_000)); // of that body, which nobody wants any more
    siege.served.gates.open('a');
    expect((await raw.readResponse()).body).toContain('"text":"passed a"');
    expect((await raw.readResponse()).status).toBe(status);
    await advance(siege.clock, 2_000);
    await withTimeout(raw.closed, { what: 'the connection to be closed' });
    await siege.expectUnharmed();
  });
});
