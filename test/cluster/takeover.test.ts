/** Sessions of a node that is gone: held until that is certain, taken over by whoever is asked, once. */
import { describe, expect, test } from 'vitest';
import { createMemoryEventStore } from '../../src/index.ts';
import { turns, until } from '../support/until.ts';
import { callBody, openStream, sessionHeaders } from '../support/wire.ts';
import { asked, call, LEASE, type Node, Nodes, open, outcomeOf } from './nodes.ts';

async function three() {
  const nodes = new Nodes();
  const all: Node[] = [];
  for (const name of ['a', 'b', 'c']) all.push(await nodes.start({ name }));
  const [a, b, c] = all as [Node, Node, Node];
  return { nodes, a, b, c };
}

const idle = ({ supervisor }: Node, id: string) => until(() => supervisor.session(id)?.state === 'idle');

describe('the owner is killed', () => {
  test('a request is held until its lease has run out, and then answered by a node that took the session over', async () => {
    const { nodes, a, b } = await three();
    const id = await open(a);
    await idle(a, id);
    await nodes.kill(a);
    const before = nodes.clock.now();
    const outcome = outcomeOf(await nodes.passUntil(call(b, id), [b]));
    expect(outcome).toBe('hello');
    expect(nodes.clock.now() - before).toBeLessThanOrEqual(LEASE + 100);
    expect(b.supervisor.session(id)?.epoch).toBe(2);
    expect(b.supervisor.stats().cluster).toMatchObject({ takenOver: 1, held: 0, forwarded: 0 });
    expect(b.log).toContainEqual(expect.objectContaining({ event: 'session.claimed', sessionId: id }));
  });

  test('two nodes that are asked in the same moment both answer, and one of them has it', async () => {
    const { nodes, a, b, c } = await three();
    const id = await open(a);
    await idle(a, id);
    await nodes.kill(a);
    const calls = Promise.all([call(b, id, 'echo', { text: 'b' }), call(c, id, 'echo', { text: 'c' })]);
    expect((await nodes.passUntil(calls, [b, c])).map(outcomeOf)).toEqual(['b', 'c']);
    const [atB, atC] = [b.supervisor.session(id), c.supervisor.session(id)];
    expect([atB, atC].filter((one) => one !== undefined)).toHaveLength(1);
    expect((atB ?? atC)?.epoch).toBe(2);
  });

  test('100 of its sessions are asked for at once: all are answered, 16 are brought back at a time', async () => {
    const nodes = new Nodes();
    const a = await nodes.start({ name: 'a' });
    const ids: string[] = [];
    while (ids.length < 100) ids.push(...(await Promise.all(Array.from({ length: 50 }, () => open(a)))));
    await until(() => a.supervisor.stats().sessions.idle === 100);
    let [building, most] = [0, 0];
    const b = await nodes.start({
      name: 'b',
      server: async (session) => {
        most = Math.max(most, ++building);
        await turns(2);
        building--;
        const { buildTestServer } = await import('../support/testServer.ts');
        return buildTestServer(session);
      },
    });
    await nodes.kill(a);
    const outcomes = await nodes.passUntil(Promise.all(ids.map((id) => call(b, id))), [b]);
    expect(new Set(outcomes.map(outcomeOf))).toEqual(new Set(['hello']));
    expect(most).toBeLessThanOrEqual(16);
    expect(b.supervisor.stats().cluster?.takenOver).toBe(100);
  });

  test('DELETE anywhere removes the record: 200, then 404 for ever', async () => {
    const { nodes, a, b, c } = await three();
    const id = await open(a);
    await idle(a, id);
    await nodes.kill(a);
    expect((await nodes.passUntil(asked.delete(b, id), [b, c])).status).toBe(200);
    expect((await call(c, id)).status).toBe(404);
    expect((await nodes.store.load(id)).verdict).toBe('gone');
    expect(b.supervisor.stats().ended).toEqual({ deleted: 1 });
  });

  test('terminate anywhere ends the session, once its lease has run out', async () => {
    const { nodes, a, b } = await three();
    const id = await open(a);
    await idle(a, id);
    await nodes.kill(a);
    expect(await nodes.passUntil(b.supervisor.terminate(id), [b])).toBe(true);
    expect((await call(b, id)).status).toBe(404);
  });

  test.each([
    ['503', true],
    ['the end of its stream', false],
  ])(
    'a request that it had is answered %s, once it is certain that no answer comes, and is sent to nobody else',
    async (_, json) => {
      const nodes = new Nodes();
      const options = { enableJsonResponse: json };
      const [a, b] = [await nodes.start({ name: 'a', ...options }), await nodes.start({ name: 'b', ...options })];
      const id = await open(a);
      const calling = call(b, id, 'gate', { key: 'k', stubborn: true });
      await until(() => a.supervisor.stats().calls === 1);
      a.ways.store = a.ways.directory = a.ways.peers = false; // its sockets stay open: it hangs
      const response = await nodes.passUntil(calling, [b]);
      expect(response.status).toBe(json ? 503 : 200);
      if (!json) expect(response.messages()).toEqual([]);
      expect(b.supervisor.session(id)).toBe(undefined);
      a.gates.openAll();
    },
  );

  test('its name is free once its lease has run out, and the next process under it goes on with its sessions', async () => {
    const nodes = new Nodes();
    const a = await nodes.start({ name: 'a' });
    const id = await open(a);
    await idle(a, id);
    await nodes.kill(a);
    const again = await nodes.launch({ name: 'a' });
    await turns(5);
    expect(again.log).toContainEqual(expect.objectContaining({ event: 'cluster.nameTaken', level: 'warn' }));
    expect(outcomeOf(await nodes.passUntil(call(again, id), [again]))).toBe('hello');
    expect(again.log.filter(({ event }) => event === 'cluster.nameTaken')).toHaveLength(1);
  });
});

test('an owner that lives and can’t be reached from one node: held for restoreTimeout, 503, and never claimed', async () => {
  const { nodes, a, b, c } = await three();
  const id = await open(a);
  b.ways.peers = false;
  const response = await nodes.passUntil(call(b, id));
  expect([response.status, response.headers['retry-after']]).toEqual([503, '5']);
  expect(b.supervisor.stats().refused).toEqual({ sessionElsewhere: 1 });
  expect(outcomeOf(await call(c, id))).toBe('hello');
  expect(a.supervisor.session(id)?.epoch).toBe(1);
  b.ways.peers = true;
  expect(outcomeOf(await nodes.passUntil(call(b, id)))).toBe('hello');
});

test('a session that was taken over is found at its new owner, by nodes whose hint leads to the old name', async () => {
  const { nodes, a, b, c } = await three();
  const id = await open(a);
  await idle(a, id);
  await nodes.kill(a);
  expect(outcomeOf(await nodes.passUntil(call(b, id), [b, c]))).toBe('hello');
  const again = await nodes.start({ name: 'a' });
  for (const node of [again, c, c, b]) expect(outcomeOf(await call(node, id)), node.name).toBe('hello');
  expect(b.supervisor.session(id)?.epoch).toBe(2);
  expect([again.supervisor.session(id), c.supervisor.session(id)]).toEqual([undefined, undefined]);
});

test('a claim whose answer was lost is no loss: the session goes on at the node that made it', async () => {
  const { nodes, a, b } = await three();
  const id = await open(a);
  await idle(a, id);
  await nodes.kill(a);
  const claim = nodes.store.claim.bind(nodes.store);
  let lost = 1;
  nodes.store.claim = async (...given) => {
    const claimed = await claim(...given);
    return lost-- > 0 ? new Promise(() => {}) : claimed;
  };
  const first = await nodes.passUntil(call(b, id), [b]);
  expect(first.status).toBe(503);
  expect(outcomeOf(await nodes.passUntil(call(b, id), [b]))).toBe('hello');
  expect(b.supervisor.session(id)?.epoch).toBe(3);
});

test('nobody knows who owns a session: held, then 503, never 404; and then it is there again', async () => {
  const { nodes, a, b } = await three();
  const id = await open(a);
  await idle(a, id);
  await nodes.kill(a);
  b.ways.directory = false;
  const b2 = await nodes.passUntil(call(b, id), [b], 12_000);
  expect(b2.status).toBe(503);
  b.ways.directory = true;
  expect(outcomeOf(await nodes.passUntil(call(b, id), [b]))).toBe('hello');
});

test('a call that the dead node was in gets an error when its stream is resumed at another node', async () => {
  const nodes = new Nodes();
  const eventStore = createMemoryEventStore();
  const [a, b] = [await nodes.start({ name: 'a', eventStore }), await nodes.start({ name: 'b', eventStore })];
  const id = await open(a);
  const stream = await openStream(a.url, {
    headers: sessionHeaders(id),
    body: callBody('gate', { key: 'k', stubborn: true }, 'cut'),
  });
  const { id: eventId } = await stream.next();
  await nodes.kill(a);
  expect(await stream.closed).toBe(false);
  const resumed = openStream(b.url, {
    headers: { ...sessionHeaders(id), 'last-event-id': String(eventId) },
    within: 30_000,
  });
  const message = await (await nodes.passUntil(resumed, [b])).message();
  expect(message).toMatchObject({ id: 'cut', error: { code: expect.any(Number) } });
  expect(outcomeOf(await call(b, id))).toBe('hello');
  a.gates.openAll();
});

test('a record that is overdue is left to the node that took its session over', async () => {
  const { nodes, a, b, c } = await three();
  const id = await open(a);
  await idle(a, id);
  await nodes.kill(a);
  expect(outcomeOf(await nodes.passUntil(call(b, id), [b, c]))).toBe('hello');
  await idle(b, id);
  await nodes.pass(1_500, [b, c]); // c has forgotten who lived, and asks for the record
  await nodes.store.update(id, 2, { idleDeadline: c.clock.now() });
  expect(outcomeOf(await call(c, id))).toBe('hello');
  expect([b.supervisor.session(id)?.epoch, c.supervisor.stats().ended]).toEqual([2, {}]);
});

test('a directory that does not say whether the owner lives: nothing is claimed', async () => {
  const { nodes, a, b } = await three();
  const id = await open(a);
  await idle(a, id);
  const find = nodes.directory.find.bind(nodes.directory);
  nodes.directory.find = () => Promise.reject(new Error('away'));
  b.ways.peers = false;
  const response = await nodes.passUntil(call(b, id));
  expect([response.status, b.supervisor.stats().refused]).toEqual([503, { storeUnavailable: 1 }]);
  expect(a.supervisor.session(id)?.epoch).toBe(1);
  nodes.directory.find = find;
  b.ways.peers = true;
  expect(outcomeOf(await nodes.passUntil(call(b, id)))).toBe('hello');
  expect(b.supervisor.session(id)).toBe(undefined);
});
