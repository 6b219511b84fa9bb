/** Links under attack: frames in any order, answers that are none, peers that do not read, connections that end at any time. */
import { get, type IncomingMessage } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { WebSocket } from 'ws';
import { Envelopes } from '../../../src/cluster/envelopes.ts';
import { FRAME } from '../../../src/cluster/link/frames.ts';
import { linkNetwork } from '../../../src/cluster/linkNetwork.ts';
import type { OutgoingPeerRequest, PeerAnswer, PeerFailure, PeerNetwork } from '../../../src/cluster/peerNetwork.ts';
import { BodyBudget } from '../../../src/http/bodyBudget.ts';
import { heap, resources } from '../../support/left.ts';
import { cuttingProxy } from '../../support/proxy.ts';
import { until, withTimeout } from '../../support/until.ts';
import { post } from '../../support/wire.ts';
import { EDGE, edge, OWNER, peerOwner, SECRET } from './nodes.ts';
import { impostor, type RawLink, rawLink } from './rawLink.ts';

const CALL = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: {} };
const ANSWER = '{"status":200,"headers":{},"length":2}';

function network(options?: Parameters<typeof linkNetwork>[0]) {
  const made = linkNetwork(options);
  onTestFinished(() => made.close());
  return made;
}

interface Sent {
  readonly answer?: PeerAnswer;
  readonly body: string;
  readonly failure?: PeerFailure;
}

/** Sends something, and resolves to what has come of it. */
function send(by: PeerNetwork, url: string, outgoing: Partial<OutgoingPeerRequest> = {}): Promise<Sent> {
  let answer: PeerAnswer | undefined;
  let body = '';
  const sent = new Promise<Sent>((resolve) => {
    by.send(url, {
      seal: () => ({ head: 'head', content: Buffer.from('content'), proof: '' }),
      head: (given) => {
        if (answer !== undefined) throw new Error('A second answer');
        answer = given;
      },
      data: (chunk) => {
        body += String(chunk);
      },
      end: () => resolve({ ...(answer !== undefined && { answer }), body }),
      failed: (failure) => resolve({ body, failure }),
      ...outgoing,
    });
  });
  return withTimeout(sent, { what: 'an answer, or none' });
}

/** A listener by itself, whose requests the test answers. */
async function listener(serve: Parameters<PeerNetwork['listen']>[1]) {
  const made = await network().listen({ host: '127.0.0.1', port: 0 }, serve);
  onTestFinished(() => withTimeout(made.close(), { within: 8_000 }));
  return made;
}

/** For so long a peer is taken to be there after its last word, and some more. */
const untilForgotten = () => {
  const since = performance.now();
  return until(() => performance.now() - since > 80, { what: 'the peer not to be trusted any more' });
};

/** The other end has given a connection all that the test had it say. */
const pauseReading = (socket: WebSocket) => (socket as unknown as { _socket: { pause(): void } })._socket.pause();
const readOn = (socket: WebSocket) => (socket as unknown as { _socket: { resume(): void } })._socket.resume();

describe('what is no answer is none, and costs that request alone:', () => {
  const answer = (said: object) => JSON.stringify({ status: 200, headers: {}, length: 0, peer: 'proof', ...said });
  test.each([
    ['nothing', 'null'],
    ['a number', '5'],
    ['a list', '[]'],
    ['no bytes', ''],
    ['no headers', answer({ headers: null })],
    ['a status that is too low', answer({ status: 99 })],
    ['one of an answer that is not the last', answer({ status: 101 })],
    ['a status that is too high', answer({ status: 1_000 })],
    ['a status that is text', answer({ status: '200' })],
    ['a header of two lines', answer({ headers: { A: 'a\r\nSet-Cookie: b' } })],
    ['a name of two lines', answer({ headers: { 'A: a\r\nB': 'b' } })],
    ['a header that is no text', answer({ headers: { A: 1 } })],
    ['another length among its headers', answer({ headers: { 'content-length': '7' } })],
    ['chunks', answer({ headers: { 'Transfer-Encoding': 'chunked' } })],
    ['a length below nothing', answer({ length: -1 })],
    ['half a byte', answer({ length: 0.5 })],
    ['a length that is text', answer({ length: '7' })],
    ['a proof that is a number', answer({ peer: 5 })],
    ['a refusal without an end', answer({ status: 404, length: undefined })],
    ['a refusal of more than 1 MiB', answer({ status: 404, length: 2 ** 20 + 1 })],
  ])('%s', async (_, said) => {
    const somebody = await impostor((link, { kind, id, bytes }) => {
      if (kind !== FRAME.request) return;
      if (bytes.toString() === 'another') link.say([FRAME.answer, id, ANSWER], [FRAME.data, id, 'ok'], [FRAME.end, id]);
      else link.say([FRAME.answer, id, said], [FRAME.end, id]);
    });
    const { url, results } = await edge(somebody);
    expect((await post(url, CALL)).json()).toEqual({ outcome: 'unreached' });
    expect(await results[0]).toMatchObject({ outcome: 'unreached', reason: 'broken' });
    const by = network();
    const seal = () => ({ head: 'another', content: Buffer.alloc(0), proof: '' });
    const [first, second] = await Promise.all([
      send(by, somebody.listener.url),
      send(by, somebody.listener.url, { seal }),
    ]);
    expect([first.failure?.reason, second.body]).toEqual(['broken', 'ok']);
    expect(somebody.links).toHaveLength(2); // that of the edge, and this one
  });

  test('a refusal of 1 MiB is one', async () => {
    const body = 'x'.repeat(2 ** 20);
    const { url } = await listener(({ reply }) => reply.respond(404, {}, body));
    const sent = await send(network(), url);
    expect([sent.answer?.status, sent.body === body]).toEqual([404, true]);
  });

  test.each<readonly [string, (link: RawLink, id: number) => void]>([
    ['an end', (link, id) => link.say([FRAME.end, id])],
    ['a body', (link, id) => link.say([FRAME.data, id, 'ok'], [FRAME.answer, id, ANSWER], [FRAME.end, id])],
    ['two of them', (link, id) => link.say([FRAME.answer, id, ANSWER], [FRAME.answer, id, ANSWER])],
    ['more than it says', (link, id) => link.say([FRAME.answer, id, ANSWER], [FRAME.data, id, 'abc'], [FRAME.end, id])],
    ['less than it says', (link, id) => link.say([FRAME.answer, id, ANSWER], [FRAME.data, id, 'a'], [FRAME.end, id])],
  ])('%s', async (_, say) => {
    let isFirst = true;
    const somebody = await impostor((link, { kind, id }) => {
      if (kind !== FRAME.request) return;
      if (isFirst) say(link, id);
      else
        link.say(
          [FRAME.answer, id, ANSWER],
          [FRAME.data, id, 'ok'],
          [FRAME.end, id],
          [FRAME.end, id],
          [FRAME.reset, id],
        );
      isFirst = false;
    });
    const by = network();
    expect((await send(by, somebody.listener.url)).failure?.reason).toBe('broken');
    expect((await send(by, somebody.listener.url)).body).toBe('ok');
    expect(somebody.links).toHaveLength(1);
    expect(somebody.links[0]?.of(FRAME.reset, 1)).toHaveLength(1);
  });
});

describe('a client gets nothing that looks complete of an answer', () => {
  /** Has the secret, and answers as the test says. */
  const liar = (then: (link: RawLink, id: number, peer: string) => void) => {
    const proofs = new Map<number, string>();
    return impostor((link, { kind, id, bytes }) => {
      if (kind === FRAME.request) {
        const opened = new Envelopes([SECRET]).open(bytes.toString('latin1'));
        if (typeof opened !== 'string') proofs.set(id, opened.proof);
        link.say([FRAME.wanted, id]);
      }
      if (kind === FRAME.end) then(link, id, proofs.get(id) ?? '');
    });
  };
  const begun = (length: number | undefined, peer: string) =>
    JSON.stringify({ status: 200, headers: {}, length, peer });

  test.each([
    ['shorter', 9],
    ['longer', 11],
  ])('that is %s than it says', async (_, count) => {
    const peer = await liar((link, id, proof) => {
      link.say([FRAME.answer, id, begun(10, proof)], [FRAME.data, id, 'x'.repeat(count)], [FRAME.end, id]);
    });
    const { url, results } = await edge(peer);
    expect((await post(url, CALL)).status).toBe(503);
    expect(await results[0]).toMatchObject({ outcome: 'lost', reason: 'broken' });
  });

  test.each([
    ['shorter', 99_999],
    ['longer', 100_001],
  ])('that is long, and %s than it says', async (_, count) => {
    const peer = await liar((link, id, proof) => {
      link.say([FRAME.answer, id, begun(100_000, proof)], [FRAME.data, id, 'x'.repeat(count)], [FRAME.end, id]);
    });
    const { url } = await edge(peer);
    const read = async () => (await fetch(url, { method: 'POST', body: JSON.stringify(CALL) })).text();
    await expect(withTimeout(read())).rejects.toThrow(/fetch failed|terminated/);
  });

  test('that nobody begins', async () => {
    const peer = await liar((link, id) => link.say([FRAME.end, id]));
    const { url, results } = await edge(peer);
    expect((await post(url, CALL)).status).toBe(503);
    expect(await results[0]).toMatchObject({ outcome: 'lost', reason: 'broken' });
  });
});

describe('an owner', () => {
  const seal = (body: string) =>
    new Envelopes([SECRET]).seal(
      {
        ...{ kind: 'request', from: EDGE, to: OWNER, sessionId: '', principal: null, authInfo: undefined },
        ...{ method: 'POST', url: 'http://edge.example/mcp', headers: {} },
      },
      body,
    );
  const echo = (options: Parameters<typeof peerOwner>[1] = {}) =>
    peerOwner(({ exchange }) => exchange.respond(200, {}, String(exchange.parsedBody)), options);
  const goesOn = async (link: RawLink) => {
    const { head, content } = seal('hello');
    link.say([FRAME.request, 99, head], [FRAME.content, 99, content], [FRAME.end, 99]);
    expect((await link.answer(99)).body).toBe('hello');
  };

  test('that has given a content up keeps the link on which more of it is on its way', async () => {
    const { port } = await echo({ budget: new BodyBudget(1_000) });
    const link = await rawLink(port);
    const { head, content } = seal('x'.repeat(9_000));
    link.say([FRAME.request, 1, head]);
    link.say([FRAME.content, 1, content.subarray(0, 100)]);
    link.say([FRAME.content, 1, content.subarray(100)], [FRAME.end, 1]);
    expect((await link.answer(1)).status).toBe(503);
    await goesOn(link);
  });

  test('holds nothing for a request that its sender has left at once', async () => {
    const budget = new BodyBudget(10_000);
    const { port, incoming } = await echo({ budget });
    const link = await rawLink(port);
    const { head } = seal('x'.repeat(9_000));
    link.say([FRAME.request, 1, head], [FRAME.reset, 1], [FRAME.reset, 1], [FRAME.credit, 1], [FRAME.end, 1]);
    await goesOn(link);
    expect(incoming).toHaveLength(1);
    expect(budget.share(() => {}).take(10_000)).toBe(true);
  });

  test('hears nothing in frames of nothing, of no request and of no kind', async () => {
    const { port } = await echo();
    const link = await rawLink(port);
    const all = Object.values(FRAME).filter((kind) => kind !== FRAME.request);
    link.say(...all.map((kind) => [kind, 5, 'x'] as const));
    const unknown = Buffer.alloc(9);
    unknown[0] = 250;
    link.socket.send(unknown);
    const { head, content } = seal('hello');
    const credits = [0, 2 ** 32 - 1].map((count) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(count);
      return [FRAME.credit, 1, bytes] as const;
    });
    link.say(
      [FRAME.request, 1, head],
      ...credits,
      [FRAME.credit, 1, 'no number'],
      [FRAME.content, 1, content],
      [FRAME.end, 1],
      [FRAME.end, 1],
    );
    expect((await link.answer(1)).body).toBe('hello');
    await goesOn(link);
  });

  test('cuts off who has more to say of a content after its end', async () => {
    const { port, forwarded } = await echo();
    const link = await rawLink(port);
    const { head, content } = seal('hello');
    link.say([FRAME.request, 1, head], [FRAME.content, 1, content], [FRAME.end, 1], [FRAME.content, 1, content]);
    await withTimeout(link.closed, { what: 'the link to be cut' });
    expect(forwarded).toEqual([]);
  });

  test('takes a message in pieces, and does not take 16 385 of them', async () => {
    const { port } = await echo();
    const link = await rawLink(port);
    const fragments = (of: RawLink, count: number) => {
      for (let n = 0; n < count; n++) of.socket.send(Buffer.alloc(n < 9 ? 1 : 0), { fin: n === count - 1 });
    };
    fragments(link, 16_384); // a frame of no kind
    await goesOn(link);
    fragments(link, 16_385);
    await withTimeout(link.closed, { what: 'the link to be cut' });
  });

  test('answers the pings of somebody who does not read as long as little waits for him', async () => {
    const { port, incoming } = await echo();
    const link = await rawLink(port);
    let pongs = 0;
    link.socket.on('pong', () => pongs++);
    link.socket.ping();
    await until(() => pongs === 1);
    pauseReading(link.socket);
    const most = 250_000; // of 127 bytes: 32 MB, of which the kernel takes some
    for (let n = 0; n < most; n++) link.socket.ping(Buffer.alloc(125));
    const { head, content } = seal('hello');
    link.say([FRAME.request, 1, head], [FRAME.content, 1, content], [FRAME.end, 1]);
    await until(() => incoming.length === 1, { within: 15_000, what: 'all pings to be heard' });
    readOn(link.socket);
    await link.answer(1);
    expect(pongs).toBeLessThan(most / 2);
  }, 20_000);
});

test('what is said in one turn is more than one message where it is more than a peer takes', async () => {
  const many = 3_000;
  const replies: { respond(status: number, headers: Record<string, string>): void }[] = [];
  const { url } = await listener(({ reply }) => {
    replies.push(reply);
    if (replies.length < many) return;
    for (const waiting of replies) waiting.respond(200, { A: 'x'.repeat(500) });
  });
  const by = network({ acceptTimeout: 10_000 });
  const seal = () => ({ head: 'x'.repeat(500), content: Buffer.alloc(0), proof: '' });
  const all = await Promise.all(Array.from({ length: many }, () => send(by, url, { seal })));
  expect(all.filter(({ answer }) => answer?.status === 200)).toHaveLength(many);
});

describe('a link that ends', () => {
  test('with 1 000 requests: none is done twice, and what was not delivered is answered', async () => {
    const done = new Map<string, number>();
    let came = 0;
    let isCut = false;
    const { url } = await listener((incoming) => {
      came++;
      const [, number, size = '0'] = incoming.head.split(' ');
      if (!isCut && Number(number) % 2 === 1) return; // not wanted yet
      incoming.read({ size: Number(size) }, (content) => {
        if (typeof content === 'string') return;
        const name = Buffer.from(content).toString();
        done.set(name, (done.get(name) ?? 0) + 1);
        if (isCut || name === 'call 0') incoming.reply.respond(200, {}, name);
      });
    });
    const proxy = await cuttingProxy(`${url}/`);
    const by = network();
    const call = (number: number) => {
      const content = Buffer.from(`call ${number}`);
      return send(by, proxy.url, { seal: () => ({ head: `head ${number} ${content.length}`, content, proof: '' }) });
    };
    expect((await call(0)).body).toBe('call 0'); // so the link was there before
    await untilForgotten();
    const calls = Array.from({ length: 1_000 }, (_, index) => call(index + 1));
    await until(() => came === 1_001 && done.size === 501, { what: 'what is wanted to be delivered' });
    isCut = true;
    proxy.cut();
    const all = await Promise.all(calls);
    expect(all.filter(({ failure }) => failure?.delivered === true)).toHaveLength(500);
    expect(all.filter(({ body }) => body !== '')).toHaveLength(500);
    expect([...done.values()].filter((times) => times !== 1)).toEqual([]);
    expect(done.size).toBe(1_001);
  });

  test('in the middle of an answer: it is not asked again', async () => {
    let requests = 0;
    const peer = await impostor((link, { kind, id }) => {
      if (kind !== FRAME.request) return;
      requests++;
      link.say([FRAME.answer, id, ANSWER]);
      if (requests === 1) link.say([FRAME.data, id, 'ok'], [FRAME.end, id]);
      else link.socket.close();
    });
    const by = network();
    await send(by, peer.listener.url);
    await untilForgotten();
    expect((await send(by, peer.listener.url)).failure).toMatchObject({ delivered: true, reason: 'broken' });
    expect(requests).toBe(2);
  });

  test('and is being closed takes no request any more: it has another one', async () => {
    const peer = await impostor((link, { kind, id }) => {
      if (kind !== FRAME.request) return;
      link.say([FRAME.answer, id, ANSWER], [FRAME.data, id, 'ok'], [FRAME.end, id]);
      if (id > 1 || peer.links.length > 1) return;
      link.socket.close();
      pauseReading(link.socket); // so it stays half closed
    });
    const by = network();
    expect((await send(by, peer.listener.url)).body).toBe('ok');
    // The second one may cross with the close, and the third one can not.
    for (let n = 0; n < 2; n++) expect((await send(by, peer.listener.url)).body).toBe('ok');
    expect(peer.links).toHaveLength(2);
  });

  test('as soon as it is free does not end before it is there', async () => {
    const { url } = await listener(({ reply }) => reply.respond(200, {}, 'ok'));
    const by = network();
    const sent = send(by, url);
    by.close();
    expect((await sent).body).toBe('ok');
    expect((await send(by, url)).body).toBe('ok');
  });
});

test('a listener closes with 100 links', async () => {
  const made = await network().listen({ host: '127.0.0.1', port: 0 }, ({ reply }) => reply.respond(200, {}, 'ok'));
  const all = Array.from({ length: 100 }, () => network());
  await Promise.all(all.map((by) => send(by, made.url)));
  const closed = withTimeout(made.close(), { within: 3_000, what: 'the listener to be closed, before its bound' });
  expect(await closed).toBeUndefined();
});

test('10 000 requests leave nothing', async () => {
  const { url } = await listener(({ reply }) => reply.respond(200, {}, 'x'.repeat(1_000)));
  const by = network();
  const some = async (count: number) => {
    for (let n = 0; n < count; n += 100) await Promise.all(Array.from({ length: 100 }, () => send(by, url)));
  };
  await some(2_000);
  const before = { ...resources(), heap: await heap() };
  await some(10_000);
  const after = { ...resources(), heap: await heap() };
  // What other tests of this process have left may end meanwhile.
  expect(after.timers).toBeLessThanOrEqual(before.timers);
  expect(after.sockets).toBeLessThanOrEqual(before.sockets);
  expect(after.heap - before.heap).toBeLessThan(2 * 2 ** 20);
}, 20_000);

test('50 streams of a client that does not read: each of them holds its window, and no more', async () => {
  const much = Buffer.alloc(8 * 2 ** 20); // more than the kernel takes
  const owner = await peerOwner(({ exchange }) => {
    exchange.open({ 'Content-Type': 'text/event-stream' });
    exchange.write(much);
  });
  const { port, exchanges } = await edge(owner);
  const stream = () =>
    new Promise<IncomingMessage>((resolve, reject) => {
      get({ port, host: '127.0.0.1', path: '/mcp', agent: false }, resolve).on('error', reject);
    });
  const streams = await withTimeout(Promise.all(Array.from({ length: 50 }, stream)), { within: 10_000 });
  onTestFinished(() => {
    for (const one of streams) one.destroy();
  });
  expect(owner.forwarded).toHaveLength(50);
  for (const { exchange } of owner.forwarded) expect(exchange.buffered).toBeGreaterThan(0);
  for (const exchange of exchanges) expect(exchange.buffered).toBeLessThan(256 * 1024);
});
