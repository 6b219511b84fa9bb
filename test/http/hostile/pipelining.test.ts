/** Hostile input: several requests at once on one connection. */
import { describe, expect, test } from 'vitest';
import { besiege, bytesOf } from '../../support/siege.ts';
import { advance } from '../../support/simulatedClock.ts';
import { turns, until } from '../../support/until.ts';
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

  test('behind a stream that never ends are not waited for', async () => {
    const siege = await besiege();
    const { sessionId, headers } = await siege.session();
    const raw = await siege.connect();
    const call = bytesOf({ headers, body: callBody('echo', { text: 'x' }) });
    raw.write(Buffer.concat([bytesOf({ method: 'GET', headers }), call]));
    const { supervisor } = siege.served;
    await until(() => supervisor.session(sessionId)?.inFlight === 2, { what: 'both to have come' });
    await turns(10); // the answer is there, and waits for its turn
    await advance(siege.clock, 30_000);
    await until(raw.closed, { what: 'the connection to be cut' });
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
});
