/** Peers that are gone, stand still or die: what was not delivered is given back, what may have been is never sent again. */
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Envelopes } from '../../../src/cluster/envelopes.ts';
import { forward } from '../../../src/cluster/forward.ts';
import { FRAME } from '../../../src/cluster/link/frames.ts';
import { cuttingProxy } from '../../support/proxy.ts';
import { until, withTimeout } from '../../support/until.ts';
import { openStream, post } from '../../support/wire.ts';
import { FakeExchange } from '../../transport/fakeExchange.ts';
import { edge, peerOwner } from './nodes.ts';
import { impostor, nameOf, type RawLink } from './rawLink.ts';

const CALL = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: {} };

const LOST = {
  jsonrpc: '2.0',
  id: 7,
  error: { code: -32000, message: 'Service Unavailable: the node that has the session was lost before it answered' },
};

/** For so long a peer is taken to be there after its last word, and some more. */
const untilForgotten = () => {
  const since = performance.now();
  return until(() => performance.now() - since > 80, { what: 'the peer not to be trusted any more' });
};

/** Somebody at the address of a peer who speaks HTTP, or nothing. */
async function stranger(heard: (socket: Socket, text: string) => void) {
  const sockets: Socket[] = [];
  let received = '';
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      heard(socket, received);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return { listener: { url: `http://127.0.0.1:${port}`, close: async () => {} }, sockets, received: () => received };
}

const said = ({ links }: { readonly links: readonly RawLink[] }) => links.flatMap(({ frames }) => frames.map(nameOf));

/** What an answer begins with that somebody makes up. */
const FORGED = JSON.stringify({ status: 200, headers: {}, length: 2, peer: 'AAAAAAAAAAAAAAAAAAAAAA' });

describe('nothing was delivered, so it may be sent again:', () => {
  test.each([
    ['nobody listens', 'http://127.0.0.1:1', 'connect'],
    ['the URL is none', 'nowhere', 'connect'],
    ['the URL is of another kind', 'ftp://127.0.0.1/', 'connect'],
    ['the name is not known', 'http://nobody.invalid:1', 'connect'],
  ])('%s', async (_, url, reason) => {
    const owner = await peerOwner(() => {});
    const { url: public_, results } = await edge(owner, { url });
    expect((await post(public_, CALL)).json()).toEqual({ outcome: 'unreached' });
    expect(await results[0]).toMatchObject({ outcome: 'unreached', reason });
  });

  test('what can not be sealed', async () => {
    const owner = await peerOwner(() => {});
    const envelopes = { seal: () => JSON.parse('{') } as unknown as Envelopes;
    const { url, results } = await edge(owner, { envelopes, links: { maxRequestsPerPeer: 1 } });
    for (let n = 0; n < 2; n++) expect((await post(url, CALL)).json()).toEqual({ outcome: 'unreached' });
    expect(await results[1]).toMatchObject({ reason: 'connect', error: { name: 'SyntaxError' } });
  });

  test('the peer has another secret', async () => {
    const owner = await peerOwner(() => {});
    const { url, results } = await edge(owner, { secrets: ['another secret, which is long enough'] });
    await post(url, CALL);
    expect(await results[0]).toMatchObject({ outcome: 'unreached', reason: 'stranger (403)' });
    expect(owner.forwarded).toEqual([]);
  });

  test('somebody else answers at its address: what he says is nothing to the client, and he was told nothing', async () => {
    const somebody = await stranger((socket, text) => {
      if (text.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}');
    });
    const { url, results } = await edge(somebody);
    expect((await post(url, CALL)).json()).toEqual({ outcome: 'unreached' });
    expect(await results[0]).toMatchObject({
      reason: 'connect',
      error: { message: 'Unexpected server response: 200' },
    });
    expect(somebody.received()).not.toContain('mcp');
    await until(() => somebody.sockets[0]?.destroyed, { what: 'the connection to be ended' });
  });

  test('somebody else answers on a link: he was told a head, which says nothing', async () => {
    const somebody = await impostor((link, { kind, id }) => {
      if (kind === FRAME.request) link.say([FRAME.answer, id, FORGED], [FRAME.data, id, '{}'], [FRAME.end, id]);
    });
    const { url, results } = await edge(somebody);
    expect((await post(url, CALL)).json()).toEqual({ outcome: 'unreached' });
    expect(await results[0]).toMatchObject({ reason: 'stranger (200)' });
    expect(said(somebody)).not.toContain('content');
    await until(() => said(somebody).includes('reset'), { what: 'him to be told that nothing is wanted of him' });
  });

  test('somebody else takes the content as well, and can not open it', async () => {
    const somebody = await impostor((link, { kind, id }) => {
      if (kind === FRAME.request) link.say([FRAME.wanted, id]);
      if (kind === FRAME.end) link.say([FRAME.answer, id, FORGED], [FRAME.end, id]);
    });
    const { url, results } = await edge(somebody);
    await post(url, { ...CALL, params: { hidden: 'a-word-to-hide' } });
    expect(await results[0]).toMatchObject({ outcome: 'unreached', reason: 'stranger (200)' });
    const all = Buffer.concat(somebody.links.flatMap(({ frames }) => frames.map(({ bytes }) => bytes)));
    expect(all.length).toBeGreaterThan(300);
    expect(all.toString('latin1')).not.toContain('a-word-to-hide');
  });

  test('somebody answers with what is no answer', async () => {
    const somebody = await impostor((link, { kind, id }) => {
      if (kind === FRAME.request) link.say([FRAME.answer, id, '{']);
    });
    const { url, results } = await edge(somebody);
    await post(url, CALL);
    expect(await results[0]).toMatchObject({ outcome: 'unreached', reason: 'broken' });
  });

  test.each([
    ['takes the connection', () => stranger(() => {})],
    ['takes the link', () => impostor(() => {})],
  ])('the peer stands still: it %s, and says nothing within acceptTimeout', async (_, begin) => {
    const still = await begin();
    const { url, results } = await edge(still, { links: { acceptTimeout: 150 } });
    await post(url, CALL);
    expect(await results[0]).toMatchObject({ outcome: 'unreached', reason: 'timeout' });
    if ('links' in still) expect(said(still)).not.toContain('content');
    // What is sent next does not wait behind it.
    await post(url, CALL);
    await until(() => ('links' in still ? still.links : still.sockets).length === 2);
  });

  test('the peer dies before it takes it', async () => {
    const dying = await impostor((link) => link.socket.terminate());
    const { url, results } = await edge(dying);
    await post(url, CALL);
    expect(await results[0]).toMatchObject({ outcome: 'unreached', reason: 'connect' });
  });

  test('a GET, which does nothing, may be sent again even when it was', async () => {
    const dying = await takes((link) => link.socket.terminate());
    const { url, results } = await edge(dying);
    expect((await openStream(url)).status).toBe(599);
    expect(await results[0]).toMatchObject({ outcome: 'unreached', reason: 'broken' });
  });
});

/** Takes a request, and does something when it has all of it. */
function takes(then: (link: RawLink, id: number) => void) {
  return impostor((link, { kind, id }) => {
    if (kind === FRAME.request) link.say([FRAME.wanted, id]);
    if (kind === FRAME.end) then(link, id);
  });
}

describe('it may have been delivered, so the client is told that it is lost:', () => {
  test.each([
    ['dies', (link: RawLink) => link.socket.terminate(), 'broken'],
    ['wants nothing more of it', (link: RawLink, id: number) => link.say([FRAME.reset, id]), 'broken'],
    ['says nothing more within silenceTimeout', () => {}, 'timeout'],
  ])('the peer takes it and %s', async (_, then, reason) => {
    const peer = await takes(then);
    const { url, results } = await edge(peer, { links: { silenceTimeout: 1_000 } });
    const answer = await post(url, CALL);
    expect([answer.status, answer.headers['retry-after'], answer.json()]).toEqual([503, '5', LOST]);
    expect(await results[0]).toMatchObject({ outcome: 'lost', reason });
    expect(peer.links).toHaveLength(1); // it was not sent again
  });

  test('the owner is lost during the call', async () => {
    const owner = await peerOwner(() => {});
    const proxy = await cuttingProxy(`${owner.listener.url}/`);
    const { url, results } = await edge(owner, { url: proxy.url });
    const answer = post(url, CALL);
    await until(() => owner.forwarded.length === 1);
    proxy.cut();
    expect((await answer).json()).toEqual(LOST);
    expect(await results[0]).toMatchObject({ outcome: 'lost', reason: 'broken' });
    await until(() => owner.forwarded[0]?.exchange.closed, { what: 'the owner to notice' });
  });

  test('the edge gives up', async () => {
    const abort = new AbortController();
    const owner = await peerOwner(() => {});
    const { url, results } = await edge(owner, { signal: abort.signal });
    const answer = post(url, CALL);
    await until(() => owner.forwarded.length === 1);
    abort.abort();
    expect((await answer).json()).toEqual(LOST);
    expect(await results[0]).toEqual({ outcome: 'lost', reason: 'aborted' });
    await until(() => owner.forwarded[0]?.exchange.closed);
  });
});

test('a call that takes longer than silenceTimeout is answered: its owner is there', async () => {
  const owner = await peerOwner(() => {});
  const { url, results } = await edge(owner, { links: { silenceTimeout: 2_000 } });
  const began = performance.now();
  const answer = post(url, CALL, {}, { within: 10_000 });
  await until(() => owner.forwarded.length === 1);
  await until(() => performance.now() - began > 4_300, { within: 8_000 });
  owner.forwarded[0]?.exchange.respond(200, {}, 'late');
  expect((await answer).text).toBe('late');
  expect(await results[0]).toEqual({ outcome: 'answered' });
});

describe('a link on which nothing was', () => {
  /** Answers; later, when it is told to, it cuts each connection as soon as something comes. */
  async function behindCutter() {
    const owner = await peerOwner(({ exchange }) => exchange.respond(200, {}, 'answer'));
    let cutting = false;
    let connections = 0;
    const { port } = new URL(owner.listener.url);

    const server = createServer((client) => {
      connections++;
      const upstream = connect(Number(port), '127.0.0.1');
      const fresh = !cutting;
      client.on('data', (chunk) => {
        if (cutting && fresh) client.resetAndDestroy();
        else upstream.write(chunk);
      });
      upstream.pipe(client);
      for (const socket of [client, upstream]) {
        socket.on('error', () => {});
        socket.on('close', () => {
          client.destroy();
          upstream.destroy();
        });
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    onTestFinished(() => void server.close());
    const { port: bound } = server.address() as { port: number };
    const here = await edge(owner, { url: `http://127.0.0.1:${bound}` });
    const cut = () => {
      cutting = true;
    };
    return { owner, ...here, cut, connections: () => connections };
  }

  test('is used again', async () => {
    const { url, connections } = await behindCutter();
    for (let n = 0; n < 20; n++) expect((await post(url, CALL)).text).toBe('answer');
    expect(connections()).toBe(1);
  });

  test('and is gone before it took anything: another one is tried', async () => {
    const { url, owner, cut, connections, results } = await behindCutter();
    await post(url, CALL);
    await untilForgotten();
    cut();
    expect((await post(url, CALL)).text).toBe('answer');
    expect(await results[1]).toEqual({ outcome: 'answered' });
    expect([owner.forwarded.length, connections()]).toEqual([2, 2]);
  });

  test('and is gone when it was sent all: nothing is tried again', async () => {
    const { url, cut, connections, results } = await behindCutter();
    // A word of the peer is needed that is fresh when the next request is sent.
    await until(async () => {
      const { status } = await post(url, CALL);
      return status === 200 && results.length >= 5;
    });
    cut();
    const { status } = await post(url, CALL);
    const { outcome } = (await results.at(-1)) ?? {};
    // On a machine that stood still meanwhile the peer was asked first, and another connection tried.
    expect([status, outcome, connections()]).toEqual(status === 503 ? [503, 'lost', 1] : [200, 'answered', 2]);
  });
});

test('requests at one peer are bounded; beyond that it is busy, until one has ended', async () => {
  const owner = await peerOwner(({ exchange }) => {
    exchange.open({ 'Content-Type': 'text/event-stream' });
    exchange.flush();
  });
  const { url, results } = await edge(owner, { links: { maxRequestsPerPeer: 2 } });
  const [first] = [await openStream(url), await openStream(url)];
  expect((await post(url, CALL)).json()).toEqual({ outcome: 'busy' });
  expect(await results[2]).toEqual({ outcome: 'busy', reason: 'full' });
  first.destroy();
  await withTimeout(results[0] ?? Promise.reject());
  expect((await openStream(url)).status).toBe(200);
  expect(owner.forwarded).toHaveLength(3);
});

test('what a client has left before it was sent, is not sent', async () => {
  const owner = await peerOwner(() => {});
  const { parts } = await edge(owner);
  const exchange = new FakeExchange();
  exchange.destroy();
  expect(await forward(parts, exchange, { sessionId: 's', principal: undefined, body: '{}' }).result).toEqual({
    outcome: 'answered',
  });
  expect(owner.incoming).toEqual([]);
});
