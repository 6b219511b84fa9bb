/** Hostile input: text that is no JSON, JSON that is no message, and messages that are meant to break what reads them. */
import { describe, expect, test } from 'vitest';
import { besiege, expectRefusal } from '../../support/siege.ts';
import { callBody, initializeBody, parseSse, type WireMessage } from '../../support/wire.ts';

const DEEP = 100_000;
const lists = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const objects = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

/** The one message of an answer that is an event stream. */
function messageIn(body: string): WireMessage {
  const [event, ...more] = parseSse(body);
  expect(more).toEqual([]);
  return JSON.parse(event?.data ?? '') as WireMessage;
}

/** The id of a request, which its refusal has as well. */
const idOf = (message: unknown) =>
  message instanceof Object && 'method' in message && 'id' in message ? message.id : null;

describe('malformed JSON', () => {
  test.each([
    '',
    ' ',
    '{',
    '{"jsonrpc":"2.0","id":1,"method":"ping"',
    '{"jsonrpc":"2.0","id":1,"method":"ping",}',
    "{'jsonrpc':'2.0','method':'ping'}",
    '{"jsonrpc":"2.0","method":"ping"}{"jsonrpc":"2.0","method":"ping"}',
    '{"jsonrpc":"2.0","id":01,"method":"ping"}',
    '{"jsonrpc":"2.0","id":0x1,"method":"ping"}',
    '{"jsonrpc":"2.0","id":NaN,"method":"ping"}',
    '{"jsonrpc":"2.0","method":"pi\nng"}',
    '{"jsonrpc":"2.0","method":"pi\\xng"}',
    '\0{"jsonrpc":"2.0","method":"ping"}',
    'undefined',
    '-',
    '"',
    '['.repeat(4_000_000),
    '{"a":'.repeat(800_000),
  ])('%#', async (body) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    expectRefusal(await siege.send({ headers, body }), 400, -32700);
    expectRefusal(await siege.send({ body }), 400, -32700);
    await siege.expectUnharmed();
  });
});

describe('deep nesting', () => {
  const { params } = initializeBody();
  const into = (message: unknown, deep: string) => JSON.stringify(message).replace('"DEEP"', deep);

  test.each<[string, unknown]>([
    ['alone', 'DEEP'],
    ['in a batch', [{ jsonrpc: '2.0', id: 1, method: 'ping', params: { a: 'DEEP' } }]],
    ['in the parameters of a call', callBody('echo', { text: 'DEEP' })],
    ['in _meta', { jsonrpc: '2.0', id: 1, method: 'ping', params: { _meta: { a: 'DEEP' } } }],
    ['in a notification', { jsonrpc: '2.0', method: 'notifications/message', params: { data: 'DEEP' } }],
    ['in a response to nothing', { jsonrpc: '2.0', id: 1, result: { a: 'DEEP' } }],
    ['in an error', { jsonrpc: '2.0', id: 1, error: { code: 1, message: 'no', data: 'DEEP' } }],
    ['in what is no message', { a: 'DEEP' }],
    ['in an initialize', { ...initializeBody(), params: { ...params, capabilities: { experimental: 'DEEP' } } }],
  ])('%s', async (_, message) => {
    const siege = await besiege();
    const { headers } = await siege.session({ protocolVersion: '2025-03-26' });
    for (const deep of [lists(DEEP), objects(DEEP)]) {
      const answer = await siege.send({ headers, body: into(message, deep) });
      expectRefusal(answer, 400, -32600, idOf(message));
    }
    await siege.expectUnharmed();
  });

  test('of a first message', async () => {
    const siege = await besiege();
    const body = into(
      { ...initializeBody(), params: { ...params, capabilities: { experimental: 'DEEP' } } },
      lists(5_000),
    );
    expectRefusal(await siege.send({ body }), 400, -32600, 0);
    await siege.expectUnharmed();
  });

  test('as deep as is taken comes through, and one level more does not', async () => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const message = { jsonrpc: '2.0', id: 1, method: 'ping', params: { _meta: { a: 'DEEP' } } };
    const deepest = 500 - 3; // the message, its params and _meta are levels too
    const taken = await siege.send({ headers, body: into(message, lists(deepest)) });
    expect(taken.status).toBe(200);
    expect(messageIn(taken.body)).toEqual({ jsonrpc: '2.0', id: 1, result: {} });
    expectRefusal(await siege.send({ headers, body: into(message, lists(deepest + 1)) }), 400, -32600, 1);
    expectRefusal(await siege.send({ headers, body: into(message, objects(deepest + 1)) }), 400, -32600, 1);
    await siege.expectUnharmed();
  });
});

describe('duplicate keys', () => {
  const sentAs = async (body: string) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    return { siege, answer: await siege.send({ headers, body }) };
  };

  test.each([
    ['"id":1,"id":2,"method":"ping"', { jsonrpc: '2.0', id: 2, result: {} }],
    ['"id":1,"method":"initialize","method":"ping"', { jsonrpc: '2.0', id: 1, result: {} }],
    ['"id":1,"method":"ping","params":[],"params":{}', { jsonrpc: '2.0', id: 1, result: {} }],
  ])('%s: the last one counts, here as everywhere behind it', async (members, expected) => {
    const { siege, answer } = await sentAs(`{"jsonrpc":"2.0",${members}}`);
    expect(answer.status).toBe(200);
    expect(messageIn(answer.body)).toEqual(expected);
    await siege.expectUnharmed();
  });

  test.each([
    ['"id":1,"id":null,"method":"ping"', null],
    ['"id":1,"method":"ping","method":1', 1],
    ['"jsonrpc":"1.0","id":1,"method":"ping"', 1],
  ])('%s: refused where the last one is', async (members, id) => {
    const { siege, answer } = await sentAs(`{"jsonrpc":"2.0",${members}}`);
    expectRefusal(answer, 400, -32600, id);
    await siege.expectUnharmed();
  });
});

describe('__proto__ and its like', () => {
  const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '__defineGetter__'];

  test.each(NAMES)('%s as a method', async (name) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const answer = await siege.send({ headers, body: { jsonrpc: '2.0', id: 1, method: name } });
    expect(answer.status).toBe(200);
    expect(messageIn(answer.body)).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32601, message: 'Method not found' },
    });
    expect((await siege.send({ headers, body: { jsonrpc: '2.0', method: name } })).status).toBe(202);
    expectRefusal(await siege.send({ body: { jsonrpc: '2.0', id: 1, method: name } }), 400, -32000, 1);
    await siege.expectUnharmed();
  });

  test.each(NAMES)('%s as an id', async (name) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const answer = await siege.send({ headers, body: { jsonrpc: '2.0', id: name, method: 'ping' } });
    expect(messageIn(answer.body)).toEqual({ jsonrpc: '2.0', id: name, result: {} });
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: name } };
    expect((await siege.send({ headers, body: cancel })).status).toBe(202);
    await siege.expectUnharmed();
  });

  test.each(NAMES)('%s as a tool', async (name) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const answer = await siege.send({ headers, body: callBody(name) });
    expect(answer.status).toBe(200);
    expect(messageIn(answer.body)).toMatchObject({ id: 1, result: { isError: true } });
    await siege.expectUnharmed();
  });

  test.each(NAMES)('%s as a session id, an event id, a version and a header', async (name) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const body = callBody('echo', { text: 'x' });
    expectRefusal(await siege.send({ headers: { 'mcp-session-id': name }, body }), 404, -32001);
    expectRefusal(await siege.send({ headers: { ...headers, 'mcp-protocol-version': name }, body }), 400, -32000);
    expect((await siege.send({ headers: { ...headers, 'last-event-id': name, [name]: name }, body })).status).toBe(200);
    await siege.expectUnharmed();
  });

  test('as keys', async () => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const evil =
      '{"polluted":true,"text":"inherited","name":"echo","method":"ping","id":9,"jsonrpc":"2.0","result":{}}';
    const all = `"__proto__":${evil},"constructor":{"prototype":${evil}},"prototype":${evil}`;
    const { params } = initializeBody();
    const within = (value: unknown) => JSON.stringify(value).replace('"EVIL":1', all);

    // What has to be there itself is not there by inheritance, and what is not known at the top is refused.
    expectRefusal(await siege.send({ headers, body: `{"__proto__":${evil}}` }), 400, -32600);
    const unknown = `{"jsonrpc":"2.0","id":1,"method":"ping",${all}}`;
    expectRefusal(await siege.send({ headers, body: unknown }), 400, -32600, 1);
    const initialize = within({ ...initializeBody(), params: { ...params, clientInfo: { EVIL: 1 } } });
    expectRefusal(await siege.send({ body: initialize }), 400, -32602, 0);
    const call = await siege.send({ headers, body: within(callBody('echo', { EVIL: 1 })) });
    expect(messageIn(call.body)).toMatchObject({ id: 1, result: { isError: true } });
    const ping = { jsonrpc: '2.0', id: 1, method: 'ping', params: { EVIL: 1, _meta: { EVIL: 1 } } };
    expect(messageIn((await siege.send({ headers, body: within(ping) })).body)).toMatchObject({ id: 1, result: {} });
    const response = await siege.send({ headers, body: within({ jsonrpc: '2.0', id: 1, result: { EVIL: 1 } }) });
    expect(response.status).toBe(202);
    const opened = await siege.send({ body: within({ ...initializeBody(), params: { ...params, EVIL: 1 } }) });
    expect(opened.status).toBe(200);
    siege.admitAll();
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    await siege.expectUnharmed();
  });
});

describe('what is no object', () => {
  test.each([
    'null',
    'true',
    'false',
    '0',
    '-1',
    '1e999',
    '""',
    '"ping"',
    '"__proto__"',
    '[]',
    '[[]]',
    '[null]',
    '[1,"2"]',
    '{}',
  ])('%s', async (body) => {
    const siege = await besiege();
    const { headers } = await siege.session({ protocolVersion: '2025-03-26' });
    for (const known of [{}, headers]) expectRefusal(await siege.send({ headers: known, body }), 400, -32600);
    await siege.expectUnharmed();
  });
});

describe('members that no message has', () => {
  const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
  test.each<[string, unknown]>([
    ['an unknown one', { ...ping, extra: 1 }],
    ['a result in a request', { ...ping, result: {} }],
    ['an error in a notification', { jsonrpc: '2.0', method: 'x', error: { code: 1, message: '' } }],
    ['parameters in a response', { jsonrpc: '2.0', id: 1, result: {}, params: {} }],
    ['an unknown one in an error', { jsonrpc: '2.0', id: 1, error: { code: 1, message: '' }, extra: 1 }],
    ['_meta that is null', { ...ping, params: { _meta: null } }],
    ['_meta that is a list', { ...ping, params: { _meta: [] } }],
    ['_meta that is text', { jsonrpc: '2.0', id: 1, result: { _meta: 'x' } }],
    ['a progress token that is null', { ...ping, params: { _meta: { progressToken: null } } }],
    ['a progress token that is a fraction', { ...ping, params: { _meta: { progressToken: 1.5 } } }],
    ['a progress token that is an object', { jsonrpc: '2.0', method: 'x', params: { _meta: { progressToken: {} } } }],
    ['a progress token of 2 KiB', { ...ping, params: { _meta: { progressToken: 'x'.repeat(2_048) } } }],
    ['a related task without an id', { ...ping, params: { _meta: { 'io.modelcontextprotocol/related-task': {} } } }],
    ['a related task that is text', { ...ping, params: { _meta: { 'io.modelcontextprotocol/related-task': 'x' } } }],
  ])('%s', async (_, body) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    expectRefusal(await siege.send({ headers, body }), 400, -32600, idOf(body));
    await siege.expectUnharmed();
  });
});

describe('invalid UTF-8', () => {
  const json = (text: Buffer) => Buffer.concat([Buffer.from('{"jsonrpc":"2.0","method":"'), text, Buffer.from('"}')]);
  test.each<[string, Buffer]>([
    ['a byte of Latin-1', json(Buffer.from('caf\xe9', 'latin1'))],
    ['a character cut off', json(Buffer.from('€').subarray(0, 2))],
    ['an overlong form', json(Buffer.from([0xc0, 0xaf]))],
    ['half of a surrogate pair', json(Buffer.from([0xed, 0xa0, 0x80]))],
    ['beyond Unicode', json(Buffer.from([0xf5, 0x80, 0x80, 0x80]))],
    ['UTF-16', Buffer.from('{"jsonrpc":"2.0","method":"ping"}', 'utf16le')],
    ['UTF-16 with its mark', Buffer.from('\ufeff{"jsonrpc":"2.0","method":"ping"}', 'utf16le')],
  ])('%s', async (_, body) => {
    const siege = await besiege();
    const { headers } = await siege.session();
    for (const known of [{}, headers]) expectRefusal(await siege.send({ headers: known, body }), 400, -32700);
    await siege.expectUnharmed();
  });

  test('half of a surrogate pair that is escaped is text as any other', async () => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const answer = await siege.send({ headers, body: '{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}' });
    expect(messageIn(answer.body)).toEqual({ jsonrpc: '2.0', id: '\ud800', result: {} });
    await siege.expectUnharmed();
  });
});

describe('a byte order mark', () => {
  test('is passed over, once', async () => {
    const siege = await besiege();
    const { headers } = await siege.session();
    const answer = await siege.send({ headers, body: '\ufeff{"jsonrpc":"2.0","id":1,"method":"ping"}' });
    expect(messageIn(answer.body)).toEqual({ jsonrpc: '2.0', id: 1, result: {} });
    expectRefusal(await siege.send({ headers, body: '\ufeff\ufeff{}' }), 400, -32700);
    await siege.expectUnharmed();
  });
});
