/** A node whose lease is not certain any more lets go of all that it has, before anybody else can have it. */
import { describe, expect, test } from 'vitest';
import { createMemoryEventStore } from '../../src/index.ts';
import type { LogEntry } from '../../src/options.ts';
import { turns, until } from '../support/until.ts';
import { initializeBody, post } from '../support/wire.ts';
import { call, LEASE, type Node, Nodes, open, outcomeOf } from './nodes.ts';

const CERTAIN = 0.8 * LEASE;
const told = (node: Node, event: string): LogEntry[] => node.log.filter((entry) => entry.event === event);
const idle = ({ supervisor }: Node, id: string) => until(() => supervisor.session(id)?.state === 'idle');

async function two() {
  const nodes = new Nodes();
  const [a, b] = [await nodes.start({ name: 'a' }), await nodes.start({ name: 'b' })];
  return { nodes, a, b };
}

test('a lease is renewed for as long as the node lives', async () => {
  const { nodes, a } = await two();
  const id = await open(a);
  const life = told(a, 'cluster.joined')[0]?.['life'];
  await nodes.pass(4 * LEASE);
  expect(await nodes.directory.named('a')).toMatchObject({ id: life });
  expect(outcomeOf(await call(a, id))).toBe('hello');
  expect(a.supervisor.stats().cluster).toMatchObject({ state: 'member', fenced: 0 });
});

test('a process that stood still writes nothing when it wakes, though its time to park comes before its lease is looked at', async () => {
  const nodes = new Nodes();
  const [a, b] = [await nodes.start({ name: 'a', parkAfter: 1_000 }), await nodes.start({ name: 'b' })];
  const id = await open(a);
  await idle(a, id);
  await nodes.pass(2 * LEASE, [b]);
  a.writes.length = 0;
  a.clock.increment(2 * LEASE);
  await turns(10);
  expect(a.writes).toEqual([]);
  expect(a.supervisor.session(id)).toBe(undefined);
  expect(outcomeOf(await nodes.passUntil(call(b, id)))).toBe('hello');
});

describe('the owner can’t reach the directory', () => {
  test('it answers until its lease is uncertain, then for nobody; another takes over when it has run out', async () => {
    const nodes = new Nodes();
    const eventStore = createMemoryEventStore();
    const { storeEvent } = eventStore;
    const events: string[] = [];
    eventStore.storeEvent = (stream, message) => {
      events.push(stream);
      return storeEvent.call(eventStore, stream, message);
    };
    const [a, b] = [await nodes.start({ name: 'a', eventStore }), await nodes.start({ name: 'b' })];
    const id = await open(a);
    a.ways.directory = false;
    await nodes.pass(CERTAIN - 200);
    expect(outcomeOf(await call(a, id))).toBe('hello');
    const calling = call(a, id, 'gate', { key: 'long' });
    await until(() => a.supervisor.stats().calls === 1);
    await turns(5);
    events.length = a.writes.length = 0;
    await nodes.pass(300);
    expect(outcomeOf(await calling)).toMatch(/^error: The server let go of the session/);
    expect([events, a.writes]).toEqual([[], []]);
    expect(a.supervisor.session(id)).toBe(undefined);
    expect(told(a, 'cluster.fenced')).toHaveLength(1);
    expect(a.supervisor.stats().cluster).toMatchObject({ fenced: 1 });
    expect(outcomeOf(await nodes.passUntil(call(b, id)))).toBe('hello');
    expect(b.supervisor.session(id)?.epoch).toBe(2);
  });

  test('when it can again it joins as another life, and forwards to who has the session now', async () => {
    const { nodes, a, b } = await two();
    const id = await open(a);
    await idle(a, id);
    const first = told(a, 'cluster.joined')[0]?.['life'];
    a.ways.directory = false;
    expect(outcomeOf(await nodes.passUntil(call(b, id), [b]))).toBe('hello'); // through a, which has it
    await nodes.pass(LEASE + 200);
    expect(outcomeOf(await nodes.passUntil(call(b, id)))).toBe('hello');
    a.ways.directory = true;
    await nodes.pass(2_000);
    await until(() => a.supervisor.stats().cluster?.state === 'member');
    expect(told(a, 'cluster.joined').at(-1)?.['life']).not.toBe(first);
    expect(outcomeOf(await call(a, id))).toBe('hello');
    expect([a.supervisor.session(id), b.supervisor.session(id)?.epoch]).toEqual([undefined, 2]);
  });
});

describe.each([
  ['shorter than its lease is certain', CERTAIN - 500, 1],
  ['a little longer than its lease', LEASE + 1_000, 2],
  ['ten times as long', 10 * LEASE, 2],
])('a pause of the owner that is %s', (_, pause, epoch) => {
  test('has two owners at no time; what it was asked meanwhile is answered by who has the session', async () => {
    const { nodes, a, b } = await two();
    const id = await open(a);
    await idle(a, id);
    const calling = call(a, id, 'gate', { key: 'paused' });
    await until(() => a.supervisor.stats().calls === 1);
    await nodes.pass(pause, [b]);
    const others = epoch === 2 ? outcomeOf(await nodes.passUntil(call(b, id), [b])) : 'hello';
    expect(others).toBe('hello');
    a.writes.length = 0;
    // It wakes up: the time has passed, no timer has fired yet, and the handler of before answers.
    const { now } = a.clock;
    a.clock.now = () => now.call(a.clock) + pause;
    a.gates.open('paused');
    expect(outcomeOf(await calling)).toMatch(epoch === 2 ? /^error: / : /^passed/);
    a.clock.now = now;
    a.clock.increment(pause);
    if (epoch === 2) expect(a.writes).toEqual([]);
    expect(outcomeOf(await nodes.passUntil(call(a, id)))).toBe('hello');
    expect((a.supervisor.session(id) ?? b.supervisor.session(id))?.epoch).toBe(epoch);
    expect([a, b].filter(({ supervisor }) => supervisor.session(id) !== undefined)).toHaveLength(1);
  });
});

test('a renewal that finds the life gone fences at once, and its sessions go on in the next life', async () => {
  const { nodes, a } = await two();
  const id = await open(a);
  await idle(a, id);
  await nodes.directory.leave(String(told(a, 'cluster.joined')[0]?.['life'])); // what a directory does that has lost it
  await nodes.pass(0.3 * LEASE + 100);
  expect(told(a, 'cluster.fenced')).toHaveLength(1);
  await until(() => a.supervisor.stats().cluster?.state === 'member');
  expect(outcomeOf(await call(a, id))).toBe('hello');
  expect(a.supervisor.session(id)?.epoch).toBe(2);
});

test('two processes under one name: the second opens and finds nothing until the first has left', async () => {
  const { nodes, a } = await two();
  const second = await nodes.launch({ name: 'a' });
  await turns(5);
  const id = await open(a);
  const refused = await nodes.passUntil(Promise.all([post(second.url, initializeBody()), call(second, id)]));
  expect(refused.map(({ status }) => status)).toEqual([503, 503]);
  expect(second.supervisor.stats().refused).toEqual({ notJoined: 2 });
  expect(told(second, 'cluster.nameTaken')).toHaveLength(1);
  const third = await nodes.launch({ name: 'a' });
  await third.stop();
  expect(told(third, 'cluster.left')).toMatchObject([{ message: 'Node a ends, and was never in its cluster' }]);
  await a.stop();
  expect(told(a, 'cluster.left')).toMatchObject([{ message: 'Node a has left its cluster' }]);
  expect(outcomeOf(await nodes.passUntil(call(second, id), [second]))).toBe('hello');
});

test.each([
  ['by its timer', true],
  ['after a pause, before any timer', false],
])('fenced in the midst of an initialize: no id goes out, and no record stays: %s', async (_, timed) => {
  const { nodes, a } = await two();
  let created = () => {};
  const creating = new Promise<void>((resolve) => {
    created = resolve;
  });
  let go = () => {};
  const create = nodes.store.create.bind(nodes.store);
  let stored = '';
  nodes.store.create = async (record, limits) => {
    stored = record.id;
    created();
    await new Promise<void>((resolve) => {
      go = resolve;
    });
    return create(record, limits);
  };
  const opening = post(a.url, initializeBody());
  await creating;
  a.ways.directory = false;
  const { now } = a.clock;
  if (timed) await nodes.pass(CERTAIN + 100);
  else a.clock.now = () => now.call(a.clock) + CERTAIN + 100;
  go();
  const response = await opening;
  expect(response.status).toBe(503);
  expect(response.headers).not.toHaveProperty('mcp-session-id');
  await until(async () => (await nodes.store.load(stored)).verdict === 'gone');
});

test('fenced while it claims a session: that goes on in the next life, as one of that', async () => {
  const { nodes, a, b } = await two();
  const id = await open(a);
  await idle(a, id);
  await nodes.kill(a);
  let go = () => {};
  const claim = nodes.store.claim.bind(nodes.store);
  nodes.store.claim = async (...given) => {
    nodes.store.claim = claim;
    await new Promise<void>((resolve) => {
      go = resolve;
    });
    return claim(...given);
  };
  const calling = call(b, id);
  await nodes.pass(LEASE + 200, [b]);
  await nodes.directory.leave(String(told(b, 'cluster.joined')[0]?.['life']));
  await nodes.pass(0.3 * LEASE + 200, [b]);
  await until(() => told(b, 'cluster.joined').length === 2);
  go();
  expect(outcomeOf(await nodes.passUntil(calling, [b]))).toBe('hello');
  const loaded = await nodes.store.load(id);
  expect(loaded.verdict === 'found' && loaded.record.owner).toBe(told(b, 'cluster.joined')[1]?.['life']);
  expect(b.supervisor.session(id)?.epoch).toBe(3);
});

test('the store is away: what is owned is answered, what is not gets 503 and no 404, and all is there afterwards', async () => {
  const { nodes, a, b } = await two();
  const id = await open(a);
  await idle(a, id);
  const parked = await open(b);
  for (const { ways } of [a, b]) ways.store = ways.directory = false;
  expect(outcomeOf(await call(a, id))).toBe('hello');
  const outcomes = await nodes.passUntil(Promise.all([post(a.url, initializeBody())]));
  expect(outcomes.map(({ status }) => status)).toEqual([503]);
  for (const { ways } of [a, b]) ways.store = ways.directory = true;
  for (const session of [id, parked]) expect(outcomeOf(await nodes.passUntil(call(b, session)))).toBe('hello');
});
