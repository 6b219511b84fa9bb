/** A drain hands its sessions over at once: no client sees more of it than a request that takes longer. */
import { expect, test } from 'vitest';
import { supervisorOf } from '../../src/supervisor/sessionSupervisor.ts';
import { rawSocket } from '../support/rawSocket.ts';
import { until } from '../support/until.ts';
import { initializeBody, openStream, post, sessionHeaders } from '../support/wire.ts';
import { asked, call, connectThrough, type Node, Nodes, open, outcomeOf } from './nodes.ts';

async function two() {
  const nodes = new Nodes();
  const [a, b] = [await nodes.start({ name: 'a' }), await nodes.start({ name: 'b' })];
  return { nodes, a, b };
}

const idle = ({ supervisor }: Node, id: string) => until(() => supervisor.session(id)?.state === 'idle');

test('what is asked of the node that drains is answered by another one, which has the session from then on', async () => {
  const { nodes, a, b } = await two();
  const [id, busy] = [await open(a), await open(a)];
  await idle(a, id);
  const calling = call(a, busy, 'gate', { key: 'k' });
  await until(() => a.supervisor.stats().calls === 1);
  const drained = a.supervisor.drain();
  expect(outcomeOf(await nodes.passUntil(call(a, id)))).toBe('hello');
  expect(b.supervisor.session(id)?.epoch).toBe(2);
  expect((await post(a.url, initializeBody())).status).toBe(503);
  // While a call is answered its session stays; what it is asked besides waits, wherever.
  const waiting = [call(a, busy), call(b, busy)];
  await nodes.pass(500);
  expect(b.supervisor.session(busy)).toBe(undefined);
  a.gates.open('k');
  expect(outcomeOf(await calling)).toBe('passed k');
  expect((await nodes.passUntil(Promise.all(waiting))).map(outcomeOf)).toEqual(['hello', 'hello']);
  await nodes.passUntil(drained);
  expect(b.supervisor.session(busy)?.epoch).toBe(2);
  expect(a.supervisor.stats().cluster?.state).toBe('left');
  expect(await nodes.directory.named('a')).toBe(undefined);
  const loaded = await nodes.store.load(id);
  expect(loaded.verdict === 'found' && loaded.record.owner).toMatch(/^b#/);
});

test('what another node answers is not sent away at the end of a drain: it may be done there', async () => {
  const { nodes, a, b } = await two();
  const id = await open(b);
  await idle(b, id);
  // A body that does not come keeps the drain until the last answers had their time.
  const slow = await rawSocket(a.port);
  slow.begin('POST', { ...sessionHeaders(id), 'content-length': '100' });
  slow.write('{');
  await until(() => supervisorOf(a.supervisor).exchanges.size === 1);
  const drained = a.supervisor.drain();
  const calling = call(a, id, 'gate', { key: 'k' });
  await nodes.passUntil(until(() => b.supervisor.stats().calls === 1));
  await nodes.passUntil(drained);
  b.gates.open('k');
  expect(outcomeOf(await nodes.passUntil(calling))).toBe('passed k');
});

test('the next process under the same name joins at once', async () => {
  const { nodes, a } = await two();
  const id = await open(a);
  await idle(a, id);
  await nodes.passUntil(a.supervisor.drain());
  const again = await nodes.start({ name: 'a' });
  expect(outcomeOf(await call(again, id))).toBe('hello');
});

test('a rolling restart, one node after the other, shows an SDK client no error', async () => {
  const nodes = new Nodes();
  let all: Node[] = [];
  for (const name of ['a', 'b', 'c']) all.push(await nodes.start({ name }));
  const reachable = [...all];
  const { call: tool } = await connectThrough(reachable);
  let [goes, calls] = [true, 0];
  const load = (async () => {
    while (goes) {
      calls++;
      expect(await tool('echo', { text: `${calls}` })).toBe(`${calls}`);
    }
  })();
  for (const node of all) {
    const before = calls;
    await nodes.passUntil(until(() => calls > before + 3));
    await nodes.passUntil(node.supervisor.drain());
    reachable.splice(reachable.indexOf(node), 1, await nodes.start({ name: node.name }));
  }
  all = reachable;
  goes = false;
  await nodes.passUntil(load);
  expect(calls).toBeGreaterThan(9);
});

test('a GET stream through a node that drains ends, and comes back through another', async () => {
  const { nodes, a, b } = await two();
  const id = await open(a);
  await idle(a, id);
  const stream = await openStream(b.url, { headers: sessionHeaders(id) });
  const before = b.clock.now();
  await nodes.passUntil(b.supervisor.drain());
  expect(b.clock.now() - before).toBeLessThan(1_000);
  expect(await stream.closed).toBe(true);
  expect(a.supervisor.session(id)?.epoch).toBe(1);
});

test('a GET stream is not begun at a node that drains: it is refused at once, so that another one is tried', async () => {
  const { nodes, a, b } = await two();
  const [here, elsewhere] = [await open(a), await open(b)];
  for (const [node, id] of [
    [a, here],
    [b, elsewhere],
  ] as const) {
    await idle(node, id);
  }
  const drained = a.supervisor.drain();
  const before = a.clock.now();
  for (const id of [here, elsewhere]) expect((await nodes.passUntil(asked.get(a, id))).status).toBe(503);
  expect(a.clock.now() - before).toBeLessThan(1_000);
  await nodes.passUntil(drained);
});

test('DELETE and terminate of a session that is being handed over', async () => {
  const { nodes, a, b } = await two();
  const ids = [await open(a), await open(a)] as const;
  for (const id of ids) await idle(a, id);
  const drained = a.supervisor.drain();
  expect((await nodes.passUntil(asked.delete(a, ids[0]))).status).toBe(200);
  expect(await nodes.passUntil(b.supervisor.terminate(ids[1]))).toBe(true);
  await nodes.passUntil(drained);
  for (const id of ids) expect((await call(b, id)).status).toBe(404);
});

test('the last node that drains leaves its sessions to the next start', async () => {
  const nodes = new Nodes();
  const a = await nodes.start({ name: 'a' });
  const [id, other] = [await open(a), await open(a)];
  for (const one of [id, other]) await idle(a, one);
  const drained = a.supervisor.drain();
  expect((await nodes.passUntil(asked.delete(a, other))).status).toBe(200);
  expect((await nodes.passUntil(call(a, id))).status).toBe(503);
  await nodes.passUntil(drained);
  const b = await nodes.start({ name: 'b' });
  expect(outcomeOf(await call(b, id))).toBe('hello');
  expect((await call(b, other)).status).toBe(404);
});

test('a directory that hangs keeps no drain for more than a second', async () => {
  const { nodes, a } = await two();
  a.ways.directory = false;
  const before = a.clock.now();
  await nodes.passUntil(a.supervisor.drain());
  expect(a.clock.now() - before).toBeLessThan(1_500);
});
