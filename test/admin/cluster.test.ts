/** The admin of a node: ready while it is in its cluster, and a session of any node is ended from here. */
import { expect, onTestFinished, test } from 'vitest';
import { LEASE, type Node, Nodes, open } from '../cluster/nodes.ts';
import { until, withTimeout } from '../support/until.ts';
import { administer, ask } from './administered.ts';

const administered = async (node: Node) => {
  const admin = await administer(node.supervisor, { allowChanges: true, logger: () => {} });
  const statuses = async () => {
    const answers = await Promise.all(['/livez', '/readyz', '/startupz'].map((path) => ask(admin, path)));
    return answers.map(({ status }) => status);
  };
  return { admin, statuses };
};

test('a node is not ready, nor has it started, until it has joined; nor is it ready when its lease is not certain', async () => {
  const nodes = new Nodes();
  let isThere = false;
  const { directory } = nodes;
  const join: typeof directory.join = async (...given) => {
    if (!isThere) throw new Error('no directory');
    return directory.join(...given);
  };
  const node = await nodes.launch({ name: 'a', given: { directory: { ...directory, join } } });
  const { admin, statuses } = await administered(node);
  expect(await statuses()).toEqual([200, 503, 503]);
  const why = await ask(admin, '/readyz', { token: admin.token });
  expect(why.json()).toEqual({ ready: false, reasons: ['notJoined'] });
  isThere = true;
  const joining = until(() => node.supervisor.stats().cluster?.state === 'member', { what: 'the node to join' });
  await nodes.passUntil(joining);
  expect(await statuses()).toEqual([200, 200, 200]);

  node.ways.directory = false;
  await nodes.pass(LEASE);
  expect(await statuses()).toEqual([200, 503, 200]);
  node.ways.directory = true;
  await nodes.passUntil(until(() => node.supervisor.stats().cluster?.state === 'member'));
  expect(await statuses()).toEqual([200, 200, 200]);
});

test('a session of another node is ended by its id, and shown by its record', async () => {
  const nodes = new Nodes();
  const [a, b] = [await nodes.start({ name: 'a' }), await nodes.start({ name: 'b' })];
  const { admin } = await administered(b);
  const id = await open(a);
  onTestFinished(() => withTimeout(admin.close()));
  expect((await ask(admin, `/sessions/${id}`, { token: admin.token })).status).toBe(200);
  // It lives elsewhere, so it is not this node's to park.
  const parking = await ask(admin, `/sessions/${id}/park`, { method: 'POST', token: admin.token });
  expect(parking.status).toBe(404);
  const ended = ask(admin, `/sessions/${id}`, { method: 'DELETE', token: admin.token });
  expect((await nodes.passUntil(ended)).status).toBe(200);
  expect(a.supervisor.session(id)).toBe(undefined);
});
