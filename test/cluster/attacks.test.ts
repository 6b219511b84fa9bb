/** What somebody may do to nodes from without, and what that may not do to anybody else. */
import { describe, expect, test } from 'vitest';
import { Lives } from '../../src/cluster/lives.ts';
import { createMemoryDirectory, createMemorySessionStore } from '../../src/index.ts';
import { supervise } from '../support/serve.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { turns, until } from '../support/until.ts';
import { openStream, sessionHeaders } from '../support/wire.ts';
import { call, type Node, Nodes, open, outcomeOf } from './nodes.ts';

const SLOW = { timeout: 30_000 };

test('a client that leaves streams open at the wrong node keeps nobody else from getting through', SLOW, async () => {
  const nodes = new Nodes();
  const [a, b] = [await nodes.start({ name: 'a' }), await nodes.start({ name: 'b' })];
  const other = await open(a);
  const streams: { destroy(): void }[] = [];
  // More than once were let through in all: 16 are what one session may have.
  for (let session = 0; session < 65; session++) {
    const headers = sessionHeaders(await open(a));
    streams.push(...(await Promise.all(Array.from({ length: 16 }, () => openStream(b.url, { headers })))));
  }
  expect(b.supervisor.stats().cluster?.forwarded).toBe(65 * 16);
  expect(outcomeOf(await call(b, other))).toBe('hello');
  for (const stream of streams) stream.destroy();
  await until(() => a.supervisor.stats().streams === 0, { within: 10_000 });
});

describe('a supervisor that is drained as it begins', () => {
  const cluster = (host: string, directory = createMemoryDirectory()) => ({
    directory,
    node: 'a',
    listen: { host, port: 0 },
    secrets: ['a secret that only this test has'],
  });
  const listeners = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length;

  test.each(['127.0.0.1', 'localhost'])('leaves no listener for peers behind, and no life: %s', async (host) => {
    const directory = createMemoryDirectory();
    const before = listeners();
    for (const wait of [0, 1, 2]) {
      const { supervisor } = supervise({ sessionStore: createMemorySessionStore(), cluster: cluster(host, directory) });
      await turns(wait);
      await supervisor.drain();
      await turns(20);
      expect(listeners()).toBe(before);
      expect(await directory.lives()).toEqual([]);
    }
  });
});

describe('an operator is told, once, why requests do not get to a node', () => {
  const told = ({ log }: Node) => log.filter(({ event }) => event === 'cluster.peerUnreachable');

  test('whose URL leads to nobody', async () => {
    const nodes = new Nodes();
    const a = await nodes.start({ name: 'a', given: { url: 'http://127.0.0.1:9' } });
    const b = await nodes.start({ name: 'b' });
    const id = await open(a);
    expect((await nodes.passUntil(call(b, id))).status).toBe(503);
    expect((await nodes.passUntil(call(b, id))).status).toBe(503);
    expect(told(b)).toMatchObject([
      { level: 'warn', node: 'a', message: expect.stringContaining('127.0.0.1:9: nobody') },
    ]);
  });

  test('whose clock is far from ours', async () => {
    const nodes = new Nodes();
    const b = await nodes.start({ name: 'b' });
    nodes.clock.increment(60_000); // b's stands still meanwhile
    const a = await nodes.start({ name: 'a' });
    const id = await open(a);
    expect((await nodes.passUntil(call(b, id))).status).toBe(503);
    expect(told(b)).toMatchObject([{ node: 'a', message: expect.stringContaining('a clock that is 10 s and more') }]);
  });

  test('but not where it comes back at once', async () => {
    const nodes = new Nodes();
    const [a, b] = [await nodes.start({ name: 'a' }), await nodes.start({ name: 'b' })];
    const id = await open(a);
    a.ways.peers = false;
    const answer = call(b, id);
    await until(() => b.supervisor.stats().cluster?.held === 1);
    a.ways.peers = true;
    expect(outcomeOf(await nodes.passUntil(answer))).toBe('hello');
    expect(told(b)).toEqual([]);
  });
});

test('a directory that throws where it is to reject is one that does not answer', async () => {
  const throws = () => {
    throw new Error('away');
  };
  const directory = { join: throws, renew: throws, leave: throws, find: throws, named: throws, lives: throws };
  const lives = new Lives({ ...directory, close: async () => {} }, new SimulatedClock(), () => 0);
  for (const ask of [
    () => lives.named('a'),
    () => lives.find('a#1'),
    () => lives.ask('a#1'),
    () => lives.other(new Set()),
  ]) {
    const asked = ask();
    await expect(asked).rejects.toThrow('away');
  }
});
