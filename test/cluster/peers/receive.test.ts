/** The peer listener, frame by frame: nothing is used before it was verified, and who has no secret costs little. */
import { describe, expect, test } from 'vitest';
import type { Envelope } from '../../../src/cluster/envelope.ts';
import { Envelopes } from '../../../src/cluster/envelopes.ts';
import { FRAME } from '../../../src/cluster/link/frames.ts';
import { BodyBudget } from '../../../src/http/bodyBudget.ts';
import { rawSocket } from '../../support/rawSocket.ts';
import { until, withTimeout } from '../../support/until.ts';
import { EDGE, edge, OWNER, type OwnerOptions, peerOwner, SECRET } from './nodes.ts';
import { nameOf, type RawLink, rawLink } from './rawLink.ts';

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
function begin(link: RawLink, head: string, content?: Uint8Array, id = 1): void {
  if (content === undefined) link.say([FRAME.request, id, head]);
  else link.say([FRAME.request, id, head], [FRAME.content, id, content], [FRAME.end, id]);
}

test('what was sealed for this life is handed on, and answered with the proof', async () => {
  const { port, forwarded } = await owner();
  const link = await rawLink(port);
  const { head, content, proof } = seal();
  begin(link, head, content);
  const { status, peer, body } = await link.answer(1);
  expect([status, peer, body]).toEqual([200, proof, 'hello']);
  expect(link.frames.map(nameOf)).not.toContain('wanted'); // it was there
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
  const link = await rawLink(port);
  const { head, content, proof } = seal(said as unknown as Partial<Envelope>);
  begin(link, head, content);
  const { status, peer } = await link.answer(1);
  expect([status, peer]).toEqual([503, `${proof} refused`]);
  expect([forwarded, terminated]).toEqual([[], []]);
});

describe('a stranger', () => {
  const altered = seal().head.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
  test.each([
    ['no head', '', 503],
    ['an altered head', altered, 403],
    ['one of another cluster', seal({}, 'another secret, which is long enough').head, 403],
    ['one that is long over', new Envelopes([SECRET], () => 0).seal(ENVELOPE, '').head, 403],
    ['one of a newer format', seal().head.replace('1', '2'), 503],
  ])('is refused by his head, and his link is ended: %s', async (_, head, status) => {
    const { port, forwarded } = await owner();
    const link = await rawLink(port);
    begin(link, head);
    const answer = await link.answer(1);
    expect([answer.status, answer.peer, answer.body]).toEqual([status, undefined, '']);
    await withTimeout(link.closed, { what: 'the link to be ended' });
    expect(forwarded).toEqual([]);
  });

  test.each([
    ['a head of more than 4 KiB', (link: RawLink) => begin(link, `1 ${'x'.repeat(5_000)}`)],
    ['more content than is sent unasked', (link: RawLink) => begin(link, altered, Buffer.alloc(65_537))],
    ['the same number twice', (link: RawLink) => link.say([FRAME.request, 1, altered], [FRAME.request, 1, altered])],
    ['a message that ends in a frame', (link: RawLink) => void link.socket.send(Buffer.alloc(8))],
    ['a frame that is longer than its message', (link: RawLink) => void link.socket.send(Buffer.alloc(9, 1))],
    ['a message of more than 1 MiB', (link: RawLink) => void link.socket.send(Buffer.alloc(2 ** 20 + 1))],
    ['text', (link: RawLink) => void link.socket.send('hello')],
  ])('is cut off for %s', async (_, say) => {
    const { port, forwarded } = await owner();
    const link = await rawLink(port);
    say(link);
    await withTimeout(link.closed, { what: 'the link to be cut' });
    expect(forwarded).toEqual([]);
  });

  test('who says nothing is cut off after 10 s', async () => {
    const { port } = await owner();
    const link = await rawLink(port);
    const since = performance.now();
    await withTimeout(link.closed, { within: 13_000, what: 'the link to be cut' });
    expect(performance.now() - since).toBeGreaterThan(8_000);
  }, 15_000);

  test('who expects something that no peer does has not got a connection for that', async () => {
    const { port } = await owner();
    const raw = await rawSocket(port);
    raw.write('POST / HTTP/1.1\r\nHost: b\r\nExpect: the-unexpected\r\nContent-Length: 10\r\n\r\n');
    expect((await raw.readResponse()).status).toBe(426);
    await withTimeout(raw.closed, { what: 'the connection to be ended' });
  });

  test('who speaks HTTP alone is told what is spoken here', async () => {
    const { port, incoming } = await owner();
    const raw = await rawSocket(port);
    raw.write('POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 100000000\r\n\r\n');
    const chunk = Buffer.alloc(65_536);
    let sent = 0;
    const pump = () => {
      while (!raw.socket.destroyed && raw.socket.write(chunk)) sent += chunk.length;
    };
    raw.socket.on('drain', pump);
    pump();
    const { status, headers } = await raw.readResponse();
    expect([status, headers['upgrade'], headers['connection']]).toEqual([426, 'websocket', 'close']);
    await withTimeout(raw.closed, { what: 'the stranger to be cut off' });
    expect(sent).toBeLessThan(20_000_000); // what the kernel holds
    expect(incoming).toEqual([]);
  });
});

describe('a peer is told why, and its link is kept:', () => {
  const goesOn = async (link: RawLink, port: number) => {
    expect(port).toBeGreaterThan(0);
    const { head, content } = seal();
    begin(link, head, content, 2);
    return link.answer(2);
  };

  test('another life was meant', async () => {
    const { port } = await owner();
    const link = await rawLink(port);
    begin(link, seal({ to: 'b#before' }).head);
    const { status, peer } = await link.answer(1);
    expect([status, peer]).toEqual([421, expect.stringMatching(/^[\w-]{22} moved$/)]);
    expect((await goesOn(link, port)).body).toBe('hello');
  });

  test('this node has no life', async () => {
    const { port } = await owner({ life: () => undefined });
    const link = await rawLink(port);
    begin(link, seal().head);
    expect((await link.answer(1)).status).toBe(421);
  });

  test('the content is too large, before any of it comes', async () => {
    const { port, forwarded } = await owner({ maxRequestBodySize: 10 });
    const link = await rawLink(port);
    begin(link, new Envelopes([SECRET]).seal(ENVELOPE, 'x'.repeat(600_000)).head);
    expect((await link.answer(1)).status).toBe(413);
    expect(link.frames.map(nameOf)).not.toContain('wanted');
    expect(forwarded).toEqual([]);
    expect((await goesOn(link, port)).body).toBe('hello');
  });

  test('a head that came before, on a link on which others are open', async () => {
    const { port, forwarded } = await owner();
    const { head, content } = seal();
    const link = await rawLink(port);
    begin(link, head, content, 7);
    expect((await link.answer(7)).status).toBe(200);
    begin(link, head, content);
    expect((await link.answer(1)).status).toBe(403);
    expect(forwarded).toHaveLength(1);
    expect((await goesOn(link, port)).body).toBe('hello');
  });

  test.each([
    ['altered', (content: Buffer) => content.fill(0, 3, 4)],
    ['shorter than its head says', (content: Buffer) => content.subarray(1)],
    ['longer', (content: Buffer) => Buffer.concat([content, Buffer.from('x')])],
  ])('the content is %s, and not executed', async (_, change) => {
    for (const unasked of [true, false]) {
      const { port, forwarded } = await owner();
      const link = await rawLink(port);
      const { head, content } = seal();
      const sent = change(Buffer.from(content));
      if (unasked) begin(link, head, sent);
      else {
        begin(link, head);
        await until(() => link.of(FRAME.wanted, 1).length === 1);
        link.say([FRAME.content, 1, sent], [FRAME.end, 1]);
      }
      const { status, peer } = await link.answer(1);
      expect([status, peer]).toEqual([403, undefined]);
      expect(forwarded).toEqual([]);
      expect((await goesOn(link, port)).body).toBe('hello');
    }
  });

  test('contents share the budget of bodies; beyond it: busy', async () => {
    const { port } = await owner({ budget: new BodyBudget(1_000) });
    const link = await rawLink(port);
    const { head, proof } = new Envelopes([SECRET]).seal(ENVELOPE, 'x'.repeat(9_000));
    begin(link, head);
    const { status, peer } = await link.answer(1);
    expect([status, peer]).toEqual([503, `${proof} busy`]);
    expect((await goesOn(link, port)).body).toBe('hello'); // what came whole takes nothing of it
  });
});

test('the life is asked again when the content has come', async () => {
  let life: string | undefined = OWNER;
  const { port, incoming, forwarded } = await owner({ life: () => life });
  const link = await rawLink(port);
  const { head, content, proof } = seal();
  begin(link, head);
  await until(() => incoming.length === 1);
  life = 'b#after';
  link.say([FRAME.content, 1, content], [FRAME.end, 1]);
  expect((await link.answer(1)).peer).toBe(`${proof} moved`);
  expect(forwarded).toEqual([]);
});

test.each([
  ['leaves', (link: RawLink) => link.socket.terminate()],
  ['wants nothing more of it', (link: RawLink) => link.say([FRAME.reset, 1])],
])('a sender that %s in the middle of its content is forgotten', async (_, leave) => {
  const budget = new BodyBudget(10_000);
  const { port, incoming, forwarded } = await owner({ budget });
  const { head, content } = new Envelopes([SECRET]).seal(ENVELOPE, 'x'.repeat(9_000));
  const link = await rawLink(port);
  link.say([FRAME.request, 1, head], [FRAME.content, 1, content.subarray(0, 9_000)]);
  await until(() => incoming.length === 1);
  leave(link);
  await until(() => incoming[0]?.reply.closed);
  const share = budget.share(() => {});
  await until(() => share.take(10_000), { what: 'the budget to be whole again' });
  expect(forwarded).toEqual([]);
});

test('a content is asked for only when its head was verified', async () => {
  const { port } = await owner();
  const { head, content } = seal();
  const friend = await rawLink(port);
  begin(friend, head);
  await until(() => friend.of(FRAME.wanted, 1).length === 1);
  friend.say([FRAME.content, 1, content], [FRAME.end, 1]);
  expect((await friend.answer(1)).body).toBe('hello');
});

test('connections are bounded', async () => {
  const { port } = await owner({ network: { maxConnections: 2 } });
  const [first] = [await rawLink(port), await rawLink(port)];
  const third = await rawSocket(port);
  await withTimeout(third.closed, { what: 'the third connection to be closed' });
  const { head, content } = seal();
  begin(first, head, content);
  expect((await first.answer(1)).status).toBe(200);
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
