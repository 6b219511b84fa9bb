/** Hostile input: messages that are well-formed and mean harm: batches, ids, answers and cancellations out of place. */
import { describe, expect, test } from 'vitest';
import { besiege, bytesOf, expectRefusal, type Siege } from '../../support/siege.ts';
import { callBody, initializeBody, parseSse, type WireMessage } from '../../support/wire.ts';

const ping = (id: unknown) => ({ jsonrpc: '2.0', id, method: 'ping' });
const note = { jsonrpc: '2.0', method: 'notifications/roots/list_changed' };

function messagesIn(body: string): WireMessage[] {
  return parseSse(body).map(({ data }) => JSON.parse(data) as WireMessage);
}

/** Begins a call that its handler holds at a gate. */
async function hold(siege: Siege, headers: Record<string, string>, id: unknown, key: string) {
  const raw = await siege.connect();
  raw.write(bytesOf({ headers, body: { ...callBody('gate', { key }), id } }));
  await siege.served.gates.entered(key);
  return raw;
}

describe('batches', () => {
  test.each(['2024-11-05', '2025-06-18', '2025-11-25'])('of a client of %s', async (protocolVersion) => {
    const siege = await besiege();
    const { headers } = await siege.session({ protocolVersion });
    for (const version of [protocolVersion, '2025-03-26']) {
      const body = [ping(1), ping(2)];
      expectRefusal(
        await siege.send({ headers: { ...headers, 'mcp-protocol-version': version }, body }),
        400,
        -32600,
        1,
      );
    }
    await siege.expectUnharmed();
  });

  test('of a client of 2025-03-26: up to 100 messages', async () => {
    const siege = await besiege();
    const { headers } = await siege.session({ protocolVersion: '2025-03-26' });
    const batch = Array.from({ length: 100 }, (_, id) => ping(id));
    const answer = await siege.send({ headers, body: batch });
    expect(answer.status).toBe(200);
    expect(messagesIn(answer.body).map(({ id }) => id)).toEqual(batch.map(({ id }) => id));
    expectRefusal(await siege.send({ headers, body: [...batch, ping(100)] }), 400, -32600);
    expectRefusal(await siege.send({ headers, body: Array(50_000).fill(note) }), 400, -32600);
    await siege.expectUnharmed();
  });

  test.each<[string, unknown[], number]>([
    ['an initialize', [initializeBody()], -32600],
    ['an initialize among others', [note, initializeBody(), ping(1)], -32600],
    ['something that is no message', [ping(1), 1], -32600],
    ['a batch', [[ping(1)]], -32600],
    ['nothing', [], -32600],
  ])('with %s', async (_, body, code) => {
    const siege = await besiege();
    const { headers } = await siege.session({ protocolVersion: '2025-03-26' });
    for (const known of [{}, headers]) expectRefusal(await siege.send({ headers: known, body }), 400, code);
    await siege.expectUnharmed();
  });

  test('without a session', async () => {
    const siege = await besiege();
    expectRefusal(await siege.send({ body: [ping(1)] }), 400, -32000, 1);
    expectRefusal(await siege.send({ body: [note] }), 400, -32000);
    await siege.expectUnharmed();
  });
});

describe('ids that are no ids', () => {
  test.each([
    'null',
    'true',
    '1.5',
    '-0.1',
    '1e400',
    '-1e400',
    '9007199254740992',
    '1e16',
    '[]',
    '{}',
    `"${'x'.repeat(1_025)}"`,
  ])('%#', async (id) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    expectRefusal(await siege.send({ headers, body: `{"jsonrpc":"2.0","id":${id},"method":"ping"}` }), 400, -32600);
    expectRefusal(await siege.send({ headers, body: `{"jsonrpc":"2.0","id":${id},"result":{}}` }), 400, -32600);
    const initialize = JSON.stringify(initializeBody()).replace('"id":0', `"id":${id}`);
    expectRefusal(await siege.send({ body: initialize }), 400, -32600);
    await siege.expectUnharmed();
  });
});

describe('unusual ids', () => {
  test.each<[string, unknown]>([
    ['""', ''],
    ['0', 0],
    ['-0', 0],
    ['-1', -1],
    ['1.0', 1],
    ['1e3', 1_000],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['-9007199254740991', Number.MIN_SAFE_INTEGER],
    ['"\\u0000\\r\\n\\u2028"', '\0\r\n\u2028'],
    [`"${'x'.repeat(1_024)}"`, 'x'.repeat(1_024)],
  ])('%#', async (id, answered) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const answer = await siege.send({ headers, body: `{"jsonrpc":"2.0","id":${id},"method":"ping"}` });
    expect(answer.status).toBe(200);
    expect(messagesIn(answer.body)).toEqual([{ jsonrpc: '2.0', id: answered, result: {} }]);
    const opened = await siege.send({ body: JSON.stringify(initializeBody()).replace('"id":0', `"id":${id}`) });
    expect(messagesIn(opened.body)).toMatchObject([{ id: answered, result: {} }]);
    siege.admitAll();
    await siege.expectUnharmed();
  });
});

describe('ids in flight', () => {
  test('the same again is refused, alone and in a batch, and the first is answered', async () => {
    const siege = await besiege();
    const { headers } = await siege.session({ protocolVersion: '2025-03-26' });
    const first = await hold(siege, headers, 5, 'a');
    expectRefusal(await siege.send({ headers, body: ping(5) }), 400, -32600, 5);
    expectRefusal(await siege.send({ headers, body: [ping(6), ping(5)] }), 400, -32600, 6);
    expectRefusal(await siege.send({ headers, body: [ping(7), ping(7)] }), 400, -32600, 7);
    siege.served.gates.open('a');
    expect(messagesIn((await first.readResponse()).body)).toMatchObject([{ id: 5, result: {} }]);
    expect((await siege.send({ headers, body: ping(5) })).status).toBe(200); // free again
    await siege.expectUnharmed();
  });

  test('1 and "1" are two', async () => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const number = await hold(siege, headers, 1, 'number');
    const text = await hold(siege, headers, '1', 'text');
    siege.served.gates.open('text');
    expect(messagesIn((await text.readResponse()).body)).toMatchObject([
      { id: '1', result: { content: [{ text: 'passed text' }] } },
    ]);
    siege.served.gates.open('number');
    expect(messagesIn((await number.readResponse()).body)).toMatchObject([
      { id: 1, result: { content: [{ text: 'passed number' }] } },
    ]);
    await siege.expectUnharmed();
  });

  test('of another session are no matter', async () => {
    const siege = await besiege();
    const [mine, theirs] = [await siege.session(), await siege.session()];
    const first = await hold(siege, theirs.headers, 5, 'a');
    expect(messagesIn((await siege.send({ headers: mine.headers, body: ping(5) })).body)).toMatchObject([
      { id: 5, result: {} },
    ]);
    siege.served.gates.open('a');
    expect(messagesIn((await first.readResponse()).body)).toMatchObject([{ id: 5, result: {} }]);
    await siege.expectUnharmed();
  });
});

describe('responses to requests that were never made', () => {
  test.each([0, 1, -1, '0', '1', 'unheard of'])('%j', async (id) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    for (const body of [
      { jsonrpc: '2.0', id, result: { roots: [] } },
      { jsonrpc: '2.0', id, error: { code: -32042, message: 'x', data: { elicitations: 1 } } },
      { jsonrpc: '2.0', error: { code: -32700, message: 'x' } },
    ]) {
      expect(await siege.send({ headers, body })).toMatchObject({ status: 202, body: '' });
      expectRefusal(await siege.send({ body }), 400, -32000);
    }
    await siege.expectUnharmed();
  });

  test('answer nothing that another session was asked', async () => {
    const siege = await besiege();
    const asked = await siege.session({ capabilities: { roots: {} } });
    const { headers } = await siege.session({ capabilities: { roots: {} } });
    const raw = await siege.connect();
    raw.write(bytesOf({ headers: asked.headers, body: callBody('roots') }));
    await raw.readHead();
    for (const id of [0, 1, 2]) await siege.send({ headers, body: { jsonrpc: '2.0', id, result: { roots: [] } } });
    expect(raw.received).not.toContain('content');
    expect(
      (await siege.send({ headers: asked.headers, body: { jsonrpc: '2.0', id: 0, result: { roots: [] } } })).status,
    ).toBe(202);
    await expect.poll(() => raw.received).toContain('"content":[{"type":"text","text":"[]"}]');
    await siege.expectUnharmed();
  });
});

describe('cancellations', () => {
  const cancel = (requestId: unknown, more = {}) => ({
    jsonrpc: '2.0',
    method: 'notifications/cancelled',
    params: { requestId, ...more },
  });

  test.each<[string, unknown]>([
    ['of an unknown id', cancel(99)],
    ['of the same id in another type', cancel('5')],
    ['of no id', cancel(undefined)],
    ['of an id that is an object', cancel({ id: 5 })],
    ['of a list', cancel([5])],
    ['without parameters', { jsonrpc: '2.0', method: 'notifications/cancelled' }],
    ['that are requests', { ...cancel(5), id: 6 }],
    ['of themselves', { ...cancel(6), id: 6 }],
  ])('%s', async (_, body) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const first = await hold(siege, headers, 5, 'a');
    const answer = await siege.send({ headers, body });
    if ('id' in (body as object)) {
      expect(messagesIn(answer.body)).toMatchObject([{ id: 6, error: { code: -32601 } }]);
    } else expect(answer).toMatchObject({ status: 202, body: '' });
    expect(siege.served.gates.counts('a').aborted).toBe(0);
    siege.served.gates.open('a');
    expect(messagesIn((await first.readResponse()).body)).toMatchObject([{ id: 5, result: {} }]);
    await siege.expectUnharmed();
  });

  test('of a call of another session', async () => {
    const siege = await besiege();
    const [mine, theirs] = [await siege.session(), await siege.session()];
    const first = await hold(siege, theirs.headers, 5, 'a');
    expect((await siege.send({ headers: mine.headers, body: cancel(5) })).status).toBe(202);
    expect(siege.served.gates.counts('a').aborted).toBe(0);
    siege.served.gates.open('a');
    expect(messagesIn((await first.readResponse()).body)).toMatchObject([{ id: 5, result: {} }]);
    await siege.expectUnharmed();
  });

  test('by the hundred of one call: it ends once', async () => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const first = await hold(siege, headers, 5, 'a');
    for (let n = 0; n < 100; n++) expect((await siege.send({ headers, body: cancel(5) })).status).toBe(202);
    const { status, body } = await first.readResponse();
    expect([status, messagesIn(body)]).toEqual([200, []]);
    await siege.expectUnharmed();
  });
});

describe('progress for unknown tokens', () => {
  test.each([0, 1, '0', 'unheard of', null, {}, undefined])('%j', async (progressToken) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const body = { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: 1 } };
    expect(await siege.send({ headers, body })).toMatchObject({ status: 202, body: '' });
    expectRefusal(await siege.send({ body }), 400, -32000);
    await siege.expectUnharmed();
  });
});

describe('a second initialize', () => {
  test('in a session, with the same client or another', async () => {
    const siege = await besiege();
    const { headers } = await siege.session();
    for (const clientInfo of [
      { name: 'wire', version: '1.0.0' },
      { name: 'other', version: '0' },
    ]) {
      expectRefusal(await siege.send({ headers, body: initializeBody({ clientInfo }, 'x') }), 400, -32600, 'x');
    }
    await siege.expectUnharmed();
  });
});

describe('a client that calls itself what would forge a line of the log', () => {
  test.each([
    ['evil\n2026-01-01 Session ended', 'evil 2026-01-01 Session ended 1'],
    ['\u001b[2J\u001b]0;title\u0007', '[2J ]0;title 1'],
    ['a\u2028b\u202ec\u200bd\ufeff', 'a b c d 1'],
    ['x'.repeat(50_000), `${'x'.repeat(100)} 1`],
  ])('%#', async (name, logged) => {
    const siege = await besiege();
    const { sessionId } = await siege.session({ clientInfo: { name, version: '1' } });
    const line = siege.served.log.find((entry) => entry.event === 'session.opened' && entry.sessionId === sessionId);
    expect(line?.message).toBe(`Session opened by ${logged}`);
    expect(siege.served.supervisor.session(sessionId)?.clientInfo?.name).toBe(name);
    await siege.expectUnharmed();
  });
});
