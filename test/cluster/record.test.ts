/** `record(id)` says how a session is, wherever it lives. */
import { expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { openStream, sessionHeaders } from '../support/wire.ts';
import { call, type Node, Nodes, open } from './nodes.ts';

async function two() {
  const nodes = new Nodes();
  const [a, b] = [await nodes.start({ name: 'a' }), await nodes.start({ name: 'b' })];
  const id = await open(a);
  await until(() => a.supervisor.session(id)?.state === 'idle');
  return { nodes, a, b, id };
}

const told = ({ log }: Node) => log.filter(({ event }) => event === 'session.unknown');

test('of a session at another node: what that one knows of it', async () => {
  const { a, b, id } = await two();
  const idle = await b.supervisor.record(id);
  expect(idle).toEqual(a.supervisor.session(id));
  expect(idle).toMatchObject({ state: 'idle', inFlight: 0, epoch: 1, clientInfo: { name: 'wire' } });
  const calling = call(a, id, 'gate', { key: 'k' });
  const stream = await openStream(b.url, { headers: sessionHeaders(id) });
  await until(() => a.supervisor.stats().calls === 1);
  expect(await b.supervisor.record(id)).toMatchObject({ state: 'active', inFlight: 2 });
  a.gates.open('k');
  await calling;
  stream.destroy();
});

test('of one that nobody has: parked, by its record', async () => {
  const { nodes, a, b, id } = await two();
  await nodes.passUntil(a.supervisor.drain());
  expect(await b.supervisor.record(id)).toMatchObject({ id, state: 'parked', epoch: 1 });
  expect(await a.supervisor.record(id)).toMatchObject({ id, state: 'parked' });
});

test('of one whose node is dead: its record, when the lease of that has run out', async () => {
  const { nodes, a, b, id } = await two();
  await nodes.kill(a);
  expect(await nodes.passUntil(b.supervisor.record(id), [b])).toMatchObject({ id, state: 'parked' });
  expect(told(b)).toEqual([]);
});

test('of one whose node lives and can not be asked: nothing, which is logged', async () => {
  const { nodes, a, b, id } = await two();
  a.ways.peers = false;
  expect(await nodes.passUntil(b.supervisor.record(id))).toBe(undefined);
  expect(told(b)).toMatchObject([{ level: 'warn', sessionId: id }]);
});

test('of none, or one of another cluster: nothing, and nobody is told', async () => {
  const { a, b, id } = await two();
  expect(await b.supervisor.record('made-up')).toBe(undefined);
  await a.supervisor.terminate(id);
  expect(await b.supervisor.record(id)).toBe(undefined);
  expect(told(b)).toEqual([]);
});

test('of one that is handed over while it is asked for: what its new node says, or its record', async () => {
  const { nodes, a, b, id } = await two();
  const c = await nodes.start({ name: 'c' });
  const drained = a.supervisor.drain();
  const seen = await nodes.passUntil(c.supervisor.record(id));
  expect(['idle', 'parked']).toContain(seen?.state);
  await nodes.passUntil(drained);
  await nodes.passUntil(call(b, id));
  expect(await c.supervisor.record(id)).toMatchObject({ epoch: 2, state: expect.stringMatching(/idle|active/) });
});
