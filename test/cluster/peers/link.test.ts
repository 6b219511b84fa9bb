/** One connection for all that goes to a peer: what is said at once leaves at once, and nobody waits for another's reader. */
import { EventEmitter } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import type { WebSocket } from 'ws';
import { FRAME, readFrames } from '../../../src/cluster/link/frames.ts';
import { Link, type LinkEnd } from '../../../src/cluster/link/link.ts';
import { Outflow } from '../../../src/cluster/link/outflow.ts';
import { linkNetwork } from '../../../src/cluster/linkNetwork.ts';
import type { OutgoingPeerRequest } from '../../../src/cluster/peerNetwork.ts';
import { turns, until, withTimeout } from '../../support/until.ts';
import { openStream, post } from '../../support/wire.ts';
import { edge, peerOwner } from './nodes.ts';
import { impostor, nameOf, rawLink } from './rawLink.ts';

const CALL = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: {} };

/** A socket that takes what it is given when the test says so. */
class FakeSocket extends EventEmitter {
  readonly messages: Buffer[] = [];
  readonly #taken: (() => void)[] = [];
  pings = 0;

  send(message: Buffer, taken: () => void): void {
    this.messages.push(message);
    this.#taken.push(taken);
  }

  take(): void {
    for (const taken of this.#taken.splice(0)) taken();
  }

  ping(): void {
    this.pings++;
  }

  close(): void {
    this.emit('close');
  }

  terminate(): void {}

  get frames(): { kind: number; id: number; size: number }[] {
    const frames: { kind: number; id: number; size: number }[] = [];
    for (const message of this.messages) {
      readFrames(message, (kind, id, { length }) => void frames.push({ kind, id, size: length }));
    }
    return frames;
  }
}

function link(busy = true) {
  const socket = new FakeSocket();
  const ends: LinkEnd[] = [];
  let idle = 0;
  const events = {
    busy,
    frame: () => {},
    idle: () => void idle++,
    ended: (end: LinkEnd) => void ends.push(end),
  };
  const made = new Link(socket as unknown as WebSocket, events, 3_000);
  onTestFinished(() => made.cut());
  return { link: made, socket, ends, idle: () => idle };
}

const flowOf = (id: number, bytes: number) => {
  const flow = new Outflow(FRAME.data, id, Number.MAX_SAFE_INTEGER);
  flow.add(Buffer.alloc(bytes));
  flow.end();
  return flow;
};

test('what is said in one turn leaves in one message', async () => {
  const { link: one, socket } = link();
  for (let id = 1; id <= 50; id++) {
    one.send(FRAME.answer, id, Buffer.from('{}'));
    one.flow(flowOf(id, 10));
  }
  expect(socket.messages).toEqual([]);
  await turns(2);
  expect(socket.messages).toHaveLength(1);
  expect(socket.frames).toHaveLength(150);
});

test('long ones take turns, and a short one does not wait until they have ended', async () => {
  const { link: one, socket } = link();
  one.flow(flowOf(1, 2 ** 20));
  one.flow(flowOf(2, 2 ** 20));
  await turns(2);
  one.flow(flowOf(3, 10));
  for (let n = 0; n < 40; n++) socket.take();
  const ids = socket.frames.map(({ id }) => id);
  expect(ids.slice(0, 4)).toEqual([1, 2, 1, 2]);
  expect(ids.indexOf(3)).toBeLessThan(ids.length / 2);
  for (const id of [1, 2]) {
    const frames = socket.frames.filter((frame) => frame.id === id);
    expect(frames.reduce((sum, { size }) => sum + size, 0)).toBe(2 ** 20);
    expect(frames.at(-1)?.kind).toBe(FRAME.end);
  }
});

test('a connection that takes nothing is given 384 KiB at most', async () => {
  const { link: one, socket } = link();
  for (let id = 1; id <= 100; id++) one.flow(flowOf(id, 2 ** 20));
  await turns(3);
  const given = socket.messages.reduce((sum, { length }) => sum + length, 0);
  expect(given).toBeGreaterThan(256 * 1024);
  expect(given).toBeLessThan(400 * 1024);
});

test('one on which nothing comes is tried, and cut; a word is enough', () => {
  const { link: one, socket, ends } = link();
  for (let n = 0; n < 3; n++) one.look();
  expect(socket.pings).toBeGreaterThan(0);
  socket.emit('pong');
  for (let n = 0; n < 3; n++) one.look();
  expect(ends).toEqual([]);
  one.look();
  expect(ends).toEqual([{ reason: 'timeout' }]);
});

test('one that has nothing to do says so after 30 looks, and is not tried', () => {
  const { link: one, socket, ends, idle } = link(false);
  for (let n = 0; n < 29; n++) one.look();
  expect(idle()).toBe(0);
  one.look();
  expect([idle(), socket.pings, ends]).toEqual([1, 0, []]);
});

test('nothing is said on one that has ended', async () => {
  const { link: one, socket, ends } = link();
  one.cut();
  one.send(FRAME.reset, 1);
  one.flow(flowOf(1, 10));
  one.close();
  await turns(2);
  expect([socket.messages, ends]).toEqual([[], [{ reason: 'broken' }]]);
});

test('all requests to a peer share a link; many at once are one message', async () => {
  const peer = await impostor((raw, { kind, id }) => {
    if (kind === FRAME.request) raw.say([FRAME.answer, id, '{"status":200,"headers":{},"length":0}'], [FRAME.end, id]);
  });
  const network = linkNetwork();
  onTestFinished(() => network.close());
  const send = () =>
    new Promise<void>((resolve, reject) => {
      const outgoing: OutgoingPeerRequest = {
        seal: () => ({ head: 'head', content: Buffer.from('content'), proof: '' }),
        head: () => {},
        data: () => {},
        end: resolve,
        failed: reject,
      };
      network.send(peer.listener.url, outgoing);
    });
  await withTimeout(send());
  const before = peer.links[0]?.frames.length ?? 0;
  let messages = 0;
  peer.links[0]?.socket.on('message', () => messages++);
  await withTimeout(Promise.all(Array.from({ length: 30 }, send)));
  expect([peer.links.length, messages]).toEqual([1, 1]);
  const frames = peer.links[0]?.frames.slice(before) ?? [];
  // It was there a moment ago, so it gets all there is.
  expect(frames.slice(0, 2).map(nameOf)).toEqual(['request', 'request']);
  expect(frames.filter((frame) => nameOf(frame) === 'content')).toHaveLength(30);
});

/** A client that reads when it is told to. */
async function reader(port: number): Promise<IncomingMessage> {
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    get({ port, host: '127.0.0.1', path: '/mcp', agent: false }, resolve).on('error', reject);
  });
  return withTimeout(response, { what: 'the head of a stream' });
}

test('nobody waits for the slow reader of another', async () => {
  const owner = await peerOwner(({ exchange }) => {
    if (exchange.method !== 'GET') return exchange.respond(200, {}, 'answer');
    exchange.open({ 'Content-Type': 'text/event-stream' });
    exchange.write(Buffer.alloc(16 * 2 ** 20));
  });
  const { port, url } = await edge(owner);
  const slow = await reader(port);
  expect(slow.statusCode).toBe(200);
  for (let n = 0; n < 20; n++) expect((await post(url, CALL)).text).toBe('answer');
  const exchange = owner.forwarded[0]?.exchange;
  expect(exchange?.buffered).toBeGreaterThan(8 * 2 ** 20); // it is still there
  slow.destroy();
  await until(() => exchange?.closed, { what: 'the owner to notice' });
});

test('who sends more than was wanted is not read any further', async () => {
  const greedy = await impostor((raw, { kind, id }) => {
    if (kind !== FRAME.request) return;
    raw.say([FRAME.answer, id, '{"status":200,"headers":{}}']);
  });
  const network = linkNetwork();
  onTestFinished(() => network.close());
  let taken = 0;
  const failed = new Promise((resolve) => {
    const exchange = network.send(greedy.listener.url, {
      seal: () => ({ head: 'head', content: Buffer.alloc(0), proof: '' }),
      head: () => {
        exchange.pause();
        for (let n = 0; n < 10; n++) greedy.links[0]?.say([FRAME.data, 1, Buffer.alloc(65_536)]);
      },
      data: ({ length }) => {
        taken += length;
      },
      end: () => {},
      failed: resolve,
    });
  });
  expect(await withTimeout(failed)).toEqual({ delivered: true, reason: 'broken' });
  expect(taken).toBe(0);
  await until(() => greedy.links[0]?.frames.some((frame) => nameOf(frame) === 'reset'));
});

test('16 384 requests are on a link at most', async () => {
  const { port, incoming } = await peerOwner(() => {});
  const raw = await rawLink(port);
  raw.say(...Array.from({ length: 16_385 }, (_, id) => [FRAME.request, id, 'x'] as const));
  await withTimeout(raw.closed, { what: 'the link to be cut' });
  expect(incoming).toEqual([]);
});

test('an answer that nobody wants any more is not sent', async () => {
  const owner = await peerOwner(({ exchange }) => {
    exchange.open({ 'Content-Type': 'text/event-stream' });
    exchange.flush();
  });
  const { url } = await edge(owner);
  const stream = await openStream(url);
  stream.destroy();
  const { exchange } = await until(() => owner.forwarded[0]);
  await until(() => exchange.closed);
  exchange.write('nobody');
  exchange.end();
  exchange.respond(200, {}, 'nobody');
  expect(exchange.buffered).toBe(0);
});
