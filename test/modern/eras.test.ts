/** Which era a request is of, and what each gets where the other one is not spoken: on one endpoint, beside a session. */
import { describe, expect, test } from 'vitest';
import { serve } from '../support/serve.ts';
import {
  call,
  callBody,
  del,
  get,
  type Headers,
  initialize,
  initializeBody,
  post,
  type WireResponse,
} from '../support/wire.ts';
import { ask, discover, META, MODERN, modernBody, modernHeaders, serveBoth, textOf, toolBody } from './modernServer.ts';

const HEADER = { 'mcp-protocol-version': MODERN };
const PING = { jsonrpc: '2.0', id: 'p', method: 'ping' };
const claiming = (params: object = {}) => ({ ...PING, params: { ...params, _meta: META } });

const told = (response: WireResponse) => {
  const { error, result, id } = response.messages()[0] ?? {};
  return {
    status: response.status,
    code: error?.code ?? null,
    id: id ?? null,
    opened: 'mcp-session-id' in response.headers,
    ok: result !== undefined,
  };
};

/** A session that has to be there and unhurt after everything that is sent beside it. */
async function besideASession(modern: 'serve' | 'refuse' | 'off') {
  const served = modern === 'serve' ? await serveBoth() : await serve({ modern });
  const session = await initialize(served.url);
  const before = served.supervisor.session(session.sessionId);
  const unhurt = async () => {
    const { opened, sessions } = served.supervisor.stats();
    expect({ opened, active: sessions.active, idle: sessions.idle }).toEqual({ opened: 1, active: 0, idle: 1 });
    expect(served.supervisor.session(session.sessionId)).toMatchObject({ inFlight: 0, history: before?.history });
    expect(textOf(await call(served.url, session.sessionId, 'echo', { text: 'still here' }))).toBe('still here');
  };
  return { ...served, session, unhurt };
}

describe("'serve'", () => {
  test.each<[string, object, Headers, object]>([
    ['discover', modernBody('server/discover'), {}, { status: 200, ok: true, id: 1 }],
    [
      'a version that is none yet',
      modernBody('server/discover', { _meta: { 'io.modelcontextprotocol/protocolVersion': '2099-01-01' } }),
      { 'mcp-protocol-version': '2099-01-01' },
      { status: 400, code: -32022 },
    ],
    [
      'another version in the header than in the body',
      modernBody('server/discover'),
      { 'mcp-protocol-version': '2026-08-01' },
      { status: 400, code: -32020 },
    ],
    [
      'a claim of an old version under a modern header',
      modernBody('server/discover', { _meta: { 'io.modelcontextprotocol/protocolVersion': '2025-11-25' } }),
      {},
      { status: 400, code: -32020 },
    ],
    [
      'two version headers',
      modernBody('server/discover'),
      { 'mcp-protocol-version': `${MODERN}, ${MODERN}` },
      { status: 400, code: -32020 },
    ],
    [
      'no version header',
      modernBody('server/discover'),
      { 'mcp-protocol-version': undefined },
      { status: 400, code: -32020 },
    ],
    [
      'an empty version header',
      modernBody('server/discover'),
      { 'mcp-protocol-version': '' },
      { status: 400, code: -32020 },
    ],
    [
      'a version header that is none',
      modernBody('server/discover'),
      { 'mcp-protocol-version': '1999-12-31' },
      { status: 400, code: -32020 },
    ],
    [
      'an old version header',
      modernBody('server/discover'),
      { 'mcp-protocol-version': '2025-11-25' },
      { status: 400, code: -32020 },
    ],
    ['no Mcp-Method', modernBody('server/discover'), { 'mcp-method': '' }, { status: 400, code: -32020 }],
    [
      'another method in the header',
      modernBody('server/discover'),
      { 'mcp-method': 'tools/list' },
      { status: 400, code: -32020 },
    ],
    ['no Mcp-Name', toolBody('echo', { text: 'a' }), { 'mcp-name': '' }, { status: 400, code: -32020 }],
    [
      'another name in the header',
      toolBody('echo', { text: 'a' }),
      { 'mcp-name': 'count' },
      { status: 400, code: -32020 },
    ],
    [
      'another name in base64',
      toolBody('echo', { text: 'a' }),
      { 'mcp-name': '=?base64?Y291bnQ=?=' },
      { status: 400, code: -32020 },
    ],
    [
      'a name in what is no base64',
      toolBody('echo', { text: 'a' }),
      { 'mcp-name': '=?base64?*?=' },
      { status: 400, code: -32020 },
    ],
    [
      'the name in base64',
      toolBody('echo', { text: 'a' }),
      { 'mcp-name': '=?base64?ZWNobw==?=' },
      { status: 200, ok: true },
    ],
    ['no claim', PING, { ...HEADER, 'mcp-method': 'ping' }, { status: 400, code: -32602 }],
    ['a method of sessions', modernBody('ping'), {}, { status: 404, code: -32601 }],
    ['a method that there is not', modernBody('no/such'), {}, { status: 404, code: -32601 }],
    [
      'an initialize with a claim',
      modernBody('initialize', { ...initializeBody().params }),
      {},
      { status: 404, code: -32601 },
    ],
    ['a response', { jsonrpc: '2.0', id: 1, result: {} }, HEADER, { status: 400, code: -32600 }],
    ['a batch', [modernBody('server/discover')], HEADER, { status: 400, code: -32600 }],
    ['no message', { id: 1, method: 'initialize' }, HEADER, { status: 400 }],
    [
      'discover that says nothing of itself',
      { ...PING, method: 'server/discover' },
      { 'mcp-protocol-version': undefined, 'mcp-method': undefined },
      { status: 400, code: -32022 },
    ],
    ['a notification', { jsonrpc: '2.0', method: 'notifications/any' }, HEADER, { status: 202 }],
    [
      'a notification without the header',
      { jsonrpc: '2.0', method: 'notifications/any', params: { _meta: META } },
      { 'mcp-protocol-version': undefined },
      { status: 202 },
    ],
    ['an id that is too long', modernBody('tools/list', {}, 'x'.repeat(1_025)), {}, { status: 400, code: -32600 }],
    ['an id of the longest', modernBody('tools/list', {}, 'x'.repeat(1_024)), {}, { status: 200, ok: true }],
  ])('%s', async (_, body, headers, expected) => {
    const { url, unhurt } = await besideASession('serve');
    const all = Array.isArray(body) ? headers : { ...modernHeaders(body as never), ...headers };
    expect(told(await post(url, body, all))).toMatchObject({ opened: false, ...expected });
    await unhurt();
  });

  test('a version that is not supported is answered by all that are, of both eras', async () => {
    const { url } = await serveBoth();
    const _meta = { 'io.modelcontextprotocol/protocolVersion': '2099-01-01' };
    const response = await ask(url, modernBody('tools/list', { _meta }), { 'mcp-protocol-version': '2099-01-01' });
    const data = response.json().error?.['data'];
    expect(data).toEqual({
      requested: '2099-01-01',
      supported: expect.arrayContaining([MODERN, '2025-11-25', '2025-03-26']),
    });
  });

  test("somebody else's live session id is not looked at, echoed or held", async () => {
    const { url, session, supervisor, gates, unhurt } = await besideASession('serve');
    const body = toolBody('gate', { key: 'a' });
    const calling = ask(url, body, { 'mcp-session-id': session.sessionId });
    await gates.entered('a');
    expect(supervisor.session(session.sessionId)).toMatchObject({ state: 'idle', inFlight: 0 });
    gates.open('a');
    const response = await calling;
    expect(told(response)).toMatchObject({ status: 200, opened: false });
    expect(textOf(response)).toBe('passed a');
    const who = textOf(await ask(url, toolBody('whoami'), { 'mcp-session-id': session.sessionId }));
    expect(JSON.parse(who)).toMatchObject({ sessionId: null });
    await unhurt();
  });

  test.each([
    ['by itself', MODERN, undefined],
    ['under a modern header', MODERN, MODERN],
    ['of an old version under a modern header', '2025-06-18', MODERN],
  ])('an initialize without a claim opens a session, %s, which is never of 2026-07-28', async (_, asked, header) => {
    const { url, supervisor, built } = await serveBoth();
    const response = await post(url, initializeBody({ protocolVersion: asked }), { 'mcp-protocol-version': header });
    expect(response.status).toBe(200);
    const version = response.messages().at(-1)?.result?.['protocolVersion'];
    expect(version).toBe(asked === MODERN ? '2025-11-25' : asked);
    expect(supervisor.session(String(response.headers['mcp-session-id']))?.protocolVersion).toBe(version);
    expect(built.map(({ era }) => era)).toEqual(['session']);
  });

  test('GET and DELETE stay for sessions', async () => {
    const { url, session, unhurt } = await besideASession('serve');
    const modern = { ...session.headers, ...HEADER };
    expect(told(await get(url, modern))).toMatchObject({ status: 400, code: -32000 });
    expect(told(await del(url, modern))).toMatchObject({ status: 400, code: -32000 });
    await unhurt();
    expect((await del(url, session.headers)).status).toBe(200);
  });

  test('host, origin, Accept, type, length and principal come first, as for sessions', async () => {
    const { url, supervisor } = await serveBoth({
      allowedHosts: ['127.0.0.1'],
      allowedOrigins: ['https://a.example'],
      maxRequestBodySize: 1_000,
      principal: ({ headers }) => {
        if (headers['x-user'] === 'broken') throw new Error('broken');
        return undefined;
      },
    });
    const status = async (headers: Record<string, string>) => (await discover(url, headers)).status;
    expect(await status({ host: 'evil.example' })).toBe(403);
    expect(await status({ origin: 'https://evil.example' })).toBe(403);
    expect(await status({ accept: 'text/html' })).toBe(406);
    expect(await status({ 'content-type': 'text/plain' })).toBe(415);
    expect(await status({ 'x-user': 'broken' })).toBe(403);
    expect((await ask(url, toolBody('echo', { text: 'x'.repeat(1_000) }))).status).toBe(413);
    expect((await post(url, '{', { ...HEADER, 'mcp-method': 'a' })).json().error?.code).toBe(-32700);
    expect(await status({})).toBe(200);
    expect(supervisor.stats().calls).toBe(0);
  });
});

describe.each(['serve', 'refuse'] as const)('a claim within a session, where modern is %s', (modern) => {
  test('and no header that says so: 400, -32020, and the session is held no longer', async () => {
    const { url, session, supervisor } = await besideASession(modern);
    const body = { ...callBody('echo', { text: 'a' }, 7) };
    const params = { ...body.params, _meta: META };
    const response = await post(url, { ...body, params }, session.headers);
    expect(told(response)).toMatchObject({ status: 400, code: -32020, id: 7 });
    expect(supervisor.session(session.sessionId)).toMatchObject({ state: 'idle', inFlight: 0 });
    expect(supervisor.stats().refused).toEqual({ headerMismatch: 1 });
    await call(url, session.sessionId, 'echo', { text: 'a' });
    expect(supervisor.session(session.sessionId)?.state).toBe('idle');
  });

  test('of a version that has sessions changes nothing', async () => {
    const { url, session } = await besideASession(modern);
    const _meta = { 'io.modelcontextprotocol/protocolVersion': '2025-11-25' };
    const body = callBody('echo', { text: 'a' });
    const response = await post(url, { ...body, params: { ...body.params, _meta } }, session.headers);
    expect(textOf(response)).toBe('a');
  });
});

describe("'refuse', the default", () => {
  test.each<[string, object, Record<string, string>]>([
    ['discover', modernBody('server/discover'), HEADER],
    ['discover without a header', modernBody('server/discover'), {}],
    ['discover that says nothing of itself', { ...PING, method: 'server/discover' }, {}],
    ['a call', toolBody('echo', { text: 'a' }), HEADER],
    ['a claim without a header', claiming(), {}],
  ])('%s gets 400 with a code that no client takes for one of the modern era', async (_, body, headers) => {
    const { url, supervisor, unhurt } = await besideASession('refuse');
    const response = await post(url, body, headers);
    expect(told(response)).toMatchObject({ status: 400, code: -32000, opened: false });
    expect(response.json().error?.message).toMatch(/^Unsupported protocol version: .*2025-11-25/);
    expect(supervisor.stats().refused).toEqual({ modernRefused: 1 });
    await unhurt();
  });

  test('an initialize opens a session whatever its header names and its body claims', async () => {
    const { url } = await serve();
    for (const headers of [{}, HEADER]) {
      const body = initializeBody({ protocolVersion: MODERN });
      const response = await post(url, { ...body, params: { ...body.params, _meta: META } }, headers);
      expect(told(response)).toMatchObject({ status: 200, opened: true });
      expect(response.messages().at(-1)?.result?.['protocolVersion']).toBe('2025-11-25');
    }
  });
});

describe("'off'", () => {
  test('only the rules of sessions are there', async () => {
    const { url, session, supervisor } = await besideASession('off');
    expect((await post(url, modernBody('server/discover'), HEADER)).json().error?.message).toBe(
      'Unsupported protocol version',
    );
    expect((await post(url, modernBody('server/discover'))).json().error?.message).toMatch(/Mcp-Session-Id/);
    const body = callBody('echo', { text: 'claimed' });
    const claimed = { ...body, params: { ...body.params, _meta: META } };
    expect(textOf(await post(url, claimed, session.headers))).toBe('claimed');
    expect(supervisor.stats().refused).toEqual({ unsupportedVersion: 1, sessionRequired: 1 });
  });
});
