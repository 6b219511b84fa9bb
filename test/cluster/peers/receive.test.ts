/** The peer listener, by raw sockets: nothing is used before it was verified, and who has no secret costs little. */
import { describe, expect, test } from 'vitest';
import type { Envelope } from '../../../src/cluster/envelope.ts';
import { Envelopes } from '../../../src/cluster/envelopes.ts';
import { BodyBudget } from '../../../src/http/bodyBudget.ts';
import { type RawSocket, rawSocket } from '../../support/rawSocket.ts';
import { until, withTimeout } from '../../support/until.ts';
import { EDGE, edge, OWNER, type OwnerOptions, peerOwner, SECRET } from './nodes.ts';

const ENVELOPE: Envelope = {
  kind: 'request',
  from: EDGE,
  to: OWNER,
  sessionId: 'b.middle.tag',
  principal: 'ann',
  authInfo: undefined,
  method: 'POST',
  url: 'http://edge.example/mcp',
  headers: { host: 'edge.example' },
};

const owner = (options?: OwnerOptions) =>
  peerOwner(({ exchange }) => exchange.respond(200, {}, String(exchange.parsedBody)), options);

const seal = (envelope: Partial<Envelope> = {}, secret = SECRET) =>
  new Envelopes([secret]).seal({ ...ENVELOPE, ...envelope }, 'hello');

/** Sends a head, and the content if there is one. */
function begin(raw: RawSocket, head: string | undefined, length: number, content?: Uint8Array, more = ''): void {
  const named = head === undefined ? '' : `MCP-Peer: ${head}\r\n`;
  raw.write(`POST / HTTP/1.1\r\nHost: b\r\n${named}${more}Content-Length: ${length}\r\n\r\n`);
  if (content !== undefined) raw.write(content);
}

test('what was sealed for this life is handed on, and answered with the proof', async () => {
  const { port, forwarded } = await owner();
  const raw = await rawSocket(port);
  const { head, content, proof } = seal();
  begin(raw, head, content.length, content);
  const { status, headers, body } = await raw.readResponse();
  expect([status, headers['mcp-peer'], body]).toEqual([200, proof, 'hello']);
  const [{ exchange, principal, sessionId } = {}] = forwarded;
  expect([principal, sessionId, exchange?.method]).toEqual(['ann', 'b.middle.tag', 'POST']);
  expect([exchange?.requestInfo.url.href, exchange?.hosts]).toEqual(['http://edge.example/mcp', ['edge.example']]);
  expect(exchange?.request.url).toBe('http://edge.example/mcp');
});

test.each([
  ['a kind of its own', { kind: 'inspect' }],
  ['a principal that is more than a name', { principal: { name: 'ann' } }],
  ['a session by something else than its id', { sessionId: 7 }],
  ['a method of its own', { method: 'PATCH' }],
  ['no URL', { url: undefined }],
  ['headers in another way', { headers: null }],
  ['an end for a reason of its own', { kind: 'terminate', reason: 'bored' }],
])('what a newer peer may say and nobody understands here is refused, and not looked at: %s', async (_, said) => {
  const terminated: unknown[] = [];
  const terminate = async (...given: unknown[]) => {
    terminated.push(given);
    return 'terminated' as const;
  };
  const { port, forwarded } = await owner({ terminate });
  const raw = await rawSocket(port);
  const { head, content, proof } = seal(said as unknown as Partial<Envelope>);
  begin(raw, head, content.length, content);
  const { status, headers } = await raw.readResponse();
  expect([status, headers['mcp-peer']]).toEqual([503, `${proof} refused`]);
  expect([forwarded, terminated]).toEqual([[], []]);
});

test('who expects something that no peer does has not got a connection for that', async () => {
  const { port } = await owner();
  const raw = await rawSocket(port);
  begin(raw, undefined, 0, undefined, 'Expect: the-unexpected\r\n');
  expect((await raw.readResponse()).status).toBe(403);
  await withTimeout(raw.closed, { what: 'the connection to be ended' });
});

describe('is answered by its head alone, and the connection is ended:', () => {
  const altered = seal().head.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
  const moved = /^[\w-]{22} moved$/;
  test.each([
    ['no head', undefined, 403, undefined],
    ['an altered head', altered, 403, undefined],
    ['one of another cluster', seal({}, 'another secret, which is long enough').head, 403, undefined],
    ['one that is long over', new Envelopes([SECRET], () => 0).seal(ENVELOPE, '').head, 403, undefined],
    ['one of a newer format', seal().head.replace('1', '2'), 503, undefined],
    ['one for another life', seal({ to: 'b#before' }).head, 421, moved],
  ])('%s', async (_, head, status, said) => {
    const { port, forwarded } = await owner();
    const raw = await rawSocket(port);
    begin(raw, head, 10_000_000);
    const answer = await raw.readResponse();
    expect(answer.status).toBe(status);
    expect(answer.headers['connection']).toBe('close');
    if (said === undefined) expect(answer.headers).not.toHaveProperty('mcp-peer');
    else expect(answer.headers['mcp-peer']).toMatch(said);
    expect(answer.headers['retry-after']).toBe(status === 503 ? '5' : undefined);
    await withTimeout(raw.closed, { what: 'the connection to be ended' });
    expect(forwarded).toEqual([]);
  });

  test('any head, where this node has no life', async () => {
    const { port } = await owner({ life: () => undefined });
    const raw = await rawSocket(port);
    begin(raw, seal().head, 10);
    expect((await raw.readResponse()).status).toBe(421);
  });

  test('one whose content is too large, before any of it comes', async () => {
    const { port, forwarded } = await owner({ maxRequestBodySize: 10 });
    const raw = await rawSocket(port);
    const { head, content } = new Envelopes([SECRET]).seal(ENVELOPE, 'x'.repeat(600_000));
    begin(raw, head, content.length);
    expect((await raw.readResponse()).status).toBe(413);
    expect(forwarded).toEqual([]);
  });
});

test('the life is asked again when the content has come', async () => {
  let life: string | undefined = OWNER;
  const { port, incoming, forwarded } = await owner({ life: () => life });
  const raw = await rawSocket(port);
  const { head, content, proof } = seal();
  begin(raw, head, content.length, content.subarray(0, 10));
  await until(() => incoming.length === 1);
  life = 'b#after';
  raw.write(content.subarray(10));
  expect((await raw.readResponse()).headers['mcp-peer']).toBe(`${proof} moved`);
  expect(forwarded).toEqual([]);
});

test('a replayed request is not executed again', async () => {
  const { port, forwarded } = await owner();
  const { head, content } = seal();
  const raw = await rawSocket(port);
  for (const status of [200, 403]) {
    begin(raw, head, content.length, content);
    expect((await raw.readResponse()).status).toBe(status);
  }
  expect(forwarded).toHaveLength(1);
});

test.each([
  ['altered', (content: Buffer) => content.fill(0, 3, 4)],
  ['shorter than its head says', (content: Buffer) => content.subarray(1)],
  ['longer', (content: Buffer) => Buffer.concat([content, Buffer.from('x')])],
])('a content that is %s is not executed', async (_, change) => {
  const { port, forwarded } = await owner();
  const { head, content } = seal();
  const raw = await rawSocket(port);
  const sent = change(Buffer.from(content));
  begin(raw, head, sent.length, sent);
  const { status, headers } = await raw.readResponse();
  expect([status, headers['mcp-peer']]).toEqual([403, undefined]);
  await withTimeout(raw.closed);
  expect(forwarded).toEqual([]);
});

test('a sender that leaves in the middle of its content is forgotten', async () => {
  const budget = new BodyBudget(10_000);
  const { port, incoming, forwarded } = await owner({ budget });
  const { head, content } = new Envelopes([SECRET]).seal(ENVELOPE, 'x'.repeat(9_000));
  const raw = await rawSocket(port);
  begin(raw, head, content.length, content.subarray(0, 9_000));
  await until(() => incoming.length === 1);
  raw.destroy();
  await until(() => incoming[0]?.reply.closed);
  const share = budget.share(() => {});
  await until(() => share.take(10_000), { what: 'the budget to be whole again' });
  expect(forwarded).toEqual([]);
});

test('contents share the budget of bodies; beyond it: busy', async () => {
  const { port } = await owner({ budget: new BodyBudget(1_000) });
  const { head, content, proof } = new Envelopes([SECRET]).seal(ENVELOPE, 'x'.repeat(9_000));
  const raw = await rawSocket(port);
  begin(raw, head, content.length, content.subarray(0, 9_000));
  const { status, headers } = await raw.readResponse();
  expect([status, headers['mcp-peer']]).toEqual([503, `${proof} busy`]);
});

test('a content is asked for only when its head was verified', async () => {
  const { port } = await owner();
  const asking = 'Expect: 100-continue\r\n';
  const { head, content } = seal();
  const friend = await rawSocket(port);
  begin(friend, head, content.length, undefined, asking);
  expect((await friend.readHead()).status).toBe(100);
  friend.write(content);
  expect((await friend.readResponse()).body).toBe('hello');

  const stranger = await rawSocket(port);
  begin(stranger, seal({}, 'another secret, which is long enough').head, content.length, undefined, asking);
  expect((await stranger.readResponse()).status).toBe(403);
});

test('of a head there are 4 KiB at most', async () => {
  const { port, incoming } = await owner();
  const raw = await rawSocket(port);
  begin(raw, `1 ${'x'.repeat(5_000)}`, 0);
  expect((await raw.readResponse()).status).toBe(431);
  await withTimeout(raw.closed);
  expect(incoming).toEqual([]);
});

test('of a stranger little more than the head is read', async () => {
  const { port } = await owner();
  const raw = await rawSocket(port);
  begin(raw, undefined, 100_000_000);
  const chunk = Buffer.alloc(65_536);
  let sent = 0;
  const pump = () => {
    while (!raw.socket.destroyed && raw.socket.write(chunk)) sent += chunk.length;
  };
  raw.socket.on('drain', pump);
  pump();
  await withTimeout(raw.closed, { what: 'the stranger to be cut off' });
  expect(sent).toBeLessThan(20_000_000); // what the kernel holds, and 256 KiB
});

test('connections are bounded', async () => {
  const { port } = await owner({ network: { maxConnections: 2 } });
  const [first] = [await rawSocket(port), await rawSocket(port)];
  const third = await rawSocket(port);
  await withTimeout(third.closed, { what: 'the third connection to be closed' });
  const { head, content } = seal();
  begin(first, head, content.length, content);
  expect((await first.readResponse()).status).toBe(200);
});

test('what a client says to the public listener in our words is not heard, and goes no further', async () => {
  const here = await owner();
  const { port, results } = await edge(here);
  const { head, proof } = seal();
  const raw = await rawSocket(port);
  raw.begin('POST', { 'mcp-peer': head, connection: 'close', 'content-length': '2' });
  raw.write('{}');
  const { status, headers } = await raw.readResponse();
  expect([status, headers['mcp-peer']]).toEqual([200, undefined]);
  expect(await results[0]).toEqual({ outcome: 'answered' });
  const [{ exchange, principal } = {}] = here.forwarded;
  expect([principal, exchange?.headers['mcp-peer']]).toEqual([undefined, undefined]);
  expect(proof).toHaveLength(22);
});
