/** Any node answers for any session: it is found by its id, by its record, and by what its last owner says. */
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { openStream, sessionHeaders } from '../support/wire.ts';
import { asked, call, connectThrough, type Node, Nodes, open, outcomeOf } from './nodes.ts';

test('a session is answered by every node, and lives where it began', async () => {
  const nodes = new Nodes();
  const [a, b] = [await nodes.start({ name: 'a' }), await nodes.start({ name: 'b' })];
  const id = await open(a);
  expect(id).toMatch(/^a\..+\..{11}$/);
  expect([outcomeOf(await call(a, id)), outcomeOf(await call(b, id))]).toEqual(['hello', 'hello']);
  expect([a.supervisor.session(id)?.id, b.supervisor.session(id)]).toEqual([id, undefined]);
});

test('an SDK client whose requests go to any node sees one server: calls, progress, elicitation, its GET stream', async () => {
  const nodes = new Nodes();
  const all: Node[] = [];
  for (const name of ['a', 'b', 'c']) all.push(await nodes.start({ name }));
  const steps: number[] = [];
  const { client, call: tool } = await connectThrough(all, {
    capabilities: { elicitation: {} },
    prepare: (one) =>
      one.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { answer: 'yes' } })),
  });
  for (let n = 0; n < 6; n++) expect(await tool('echo', { text: `${n}` })).toBe(`${n}`);
  await client.callTool({ name: 'progress', arguments: { steps: 3 } }, undefined, {
    onprogress: ({ progress }) => void steps.push(progress),
  });
  expect(steps).toEqual([1, 2, 3]);
  for (let n = 0; n < 3; n++) expect(await tool('elicit', { message: 'well?' })).toContain('accept');
  expect(all.reduce((sum, { supervisor }) => sum + [...supervisor.sessions()].length, 0)).toBe(1);
});

test('a GET stream through another node hears what the session is told', async () => {
  const nodes = new Nodes();
  const [a, b] = [await nodes.start({ name: 'a' }), await nodes.start({ name: 'b' })];
  const id = await open(a);
  const stream = await openStream(b.url, { headers: sessionHeaders(id) });
  await until(() => a.supervisor.stats().streams === 1);
  await (a.supervisor.server(id) as McpServer).server.sendLoggingMessage({ level: 'error', data: 'over there' });
  expect(JSON.stringify(await stream.next())).toContain('over there');
  stream.destroy();
  await until(() => a.supervisor.stats().streams === 0);
});

describe('ids', () => {
  test('that no node of this cluster has made are 404, and cost no look-up', async () => {
    const nodes = new Nodes();
    const reads: string[] = [];
    const load = nodes.store.load.bind(nodes.store);
    nodes.store.load = (id) => {
      reads.push(id);
      return load(id);
    };
    const a = await nodes.start({ name: 'a' });
    const other = await nodes.start({ name: 'z', given: { secrets: ['the secret of another cluster'] } });
    const theirs = await open(other);
    const ours = await open(a);
    const forged = [
      theirs,
      'made-up',
      'a.made.up12345678',
      `b${ours.slice(1)}`,
      `${ours.slice(0, -1)}${ours.at(-1) === 'A' ? 'B' : 'A'}`,
    ];
    for (const id of forged) {
      expect((await call(a, id)).status, id).toBe(404);
      expect((await asked.delete(a, id)).status).toBe(404);
      expect((await asked.get(a, id)).status).toBe(404);
    }
    expect(reads).toEqual([]);
  });

  test('of before a rotation are good as long as their secret is there', async () => {
    const [old, next] = ['the secret of last year', 'the secret of this year'];
    const nodes = new Nodes();
    const a = await nodes.start({ name: 'a', given: { secrets: [old] } });
    const b = await nodes.start({ name: 'b', given: { secrets: [old, next] } });
    const c = await nodes.start({ name: 'c', given: { secrets: [next, old] } });
    const d = await nodes.start({ name: 'd', given: { secrets: [next] } });
    const [ofA, ofC] = [await open(a), await open(c)];
    expect(outcomeOf(await call(b, ofA))).toBe('hello');
    expect(outcomeOf(await call(b, ofC))).toBe('hello');
    expect(outcomeOf(await call(a, ofC))).toBe(404);
    expect(outcomeOf(await call(d, ofA))).toBe(404);
    expect(outcomeOf(await call(d, ofC))).toBe('hello');
  });
});

test('another principal’s session is the same 404 at every node, and no factory runs', async () => {
  const nodes = new Nodes();
  const principal = ({ headers }: { headers: Record<string, unknown> }) => headers['x-user'] as string | undefined;
  const [a, b] = [await nodes.start({ name: 'a', principal }), await nodes.start({ name: 'b', principal })];
  const id = await open(a);
  expect((await call(b, id, 'echo', { text: 'x' }, { 'x-user': 'eve' })).status).toBe(404);
  expect((await call(a, id, 'echo', { text: 'x' }, { 'x-user': 'eve' })).status).toBe(404);
  expect(outcomeOf(await call(b, id))).toBe('hello');
});

test('caps and counts are each node’s own', async () => {
  const nodes = new Nodes();
  const options = { maxSessions: 1, whenFull: 'reject' } as const;
  const [a, b] = [await nodes.start({ name: 'a', ...options }), await nodes.start({ name: 'b', ...options })];
  await open(a);
  await open(b);
  await expect(open(a)).rejects.toThrow('503');
  expect(a.supervisor.stats().sessions).toMatchObject({ idle: 1 });
  expect(a.supervisor.stats().cluster).toMatchObject({
    node: 'a',
    state: 'member',
    forwarded: 0,
    forwards: {},
    leaseRemaining: expect.any(Number),
    held: 0,
    takenOver: 0,
    fenced: 0,
  });
});

test('a request that is with another node is counted there, and told to who observes', async () => {
  const nodes = new Nodes();
  const [a, b] = [await nodes.start({ name: 'a' }), await nodes.start({ name: 'b' })];
  const events: unknown[] = [];
  b.supervisor.observe({ event: (event) => events.push(event) });
  expect(outcomeOf(await call(b, await open(a)))).toBe('hello');
  expect(events).toContainEqual({ type: 'request.forwarded', outcome: 'answered', duration: expect.any(Number) });
  expect(b.supervisor.stats().cluster).toMatchObject({ forwards: { answered: 1 }, forwarded: 0 });
  expect(b.supervisor.stats().cluster?.leaseRemaining).toBeGreaterThan(0);
});

describe('a session that ends elsewhere', () => {
  test('by DELETE at any node is gone at all of them', async () => {
    const nodes = new Nodes();
    const [a, b] = [await nodes.start({ name: 'a' }), await nodes.start({ name: 'b' })];
    const id = await open(a);
    expect((await asked.delete(b, id)).status).toBe(200);
    for (const node of [a, b]) {
      expect((await call(node, id)).status).toBe(404);
      expect((await asked.delete(node, id)).status).toBe(404);
    }
    expect(a.supervisor.stats().ended).toEqual({ deleted: 1 });
  });

  test('by terminate at any node', async () => {
    const nodes = new Nodes();
    const [a, b] = [await nodes.start({ name: 'a' }), await nodes.start({ name: 'b' })];
    const id = await open(a);
    expect(await b.supervisor.terminate(id, 'evicted')).toBe(true);
    expect(a.supervisor.stats().ended).toEqual({ evicted: 1 });
    expect(await b.supervisor.terminate(id)).toBe(false);
    expect(await b.supervisor.terminate('made-up')).toBe(false);
    expect((await call(b, id)).status).toBe(404);
  });

  test('is not ended by the deadline in its record, as long as its owner lives', async () => {
    const nodes = new Nodes();
    const [a, b] = [await nodes.start({ name: 'a' }), await nodes.start({ name: 'b' })];
    const id = await open(a);
    await until(() => a.supervisor.session(id)?.state === 'idle');
    const loaded = await nodes.store.load(id);
    const epoch = loaded.verdict === 'found' ? loaded.record.epoch : 0;
    await nodes.store.update(id, epoch, { idleDeadline: nodes.clock.now() + 1 });
    await nodes.pass(2_500); // both look for what has expired each second
    expect(outcomeOf(await call(b, id))).toBe('hello');
    expect(b.supervisor.stats().ended).toEqual({});
  });
});

test('a parked session is brought back at the node of its id, whoever is asked for it', async () => {
  const nodes = new Nodes();
  const [a, b] = [
    await nodes.start({ name: 'a', parkAfter: 1_000 }),
    await nodes.start({ name: 'b', parkAfter: 1_000 }),
  ];
  const id = await open(a);
  await until(() => a.supervisor.session(id)?.state === 'idle');
  await nodes.pass(1_100);
  await until(() => a.supervisor.session(id) === undefined);
  expect(outcomeOf(await call(b, id))).toBe('hello');
  expect(a.supervisor.session(id)?.epoch).toBe(2);
});
