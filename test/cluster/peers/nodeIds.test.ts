/** Ids that name their node: what was minted is known again, and nothing else is. */
import { describe, expect, test } from 'vitest';
import { NodeIds } from '../../../src/cluster/nodeIds.ts';

const OLD = 'the old secret, which is long enough';
const NEW = 'the new secret, which is long enough';
const ids = new NodeIds('node-1', [NEW]);

test('an id names its node, for every node of the cluster', () => {
  const id = ids.mint('0b9d3c1e-8f1a-4c52-9e6b-2a5d7b8c9d0e');
  expect(id).toMatch(/^node-1\.0b9d3c1e-8f1a-4c52-9e6b-2a5d7b8c9d0e\.[\w-]{11}$/);
  expect(new NodeIds('other', [NEW]).nodeOf(id)).toBe('node-1');
});

test.each(['x', '.', '..', 'a.b.c', '!~"\\{}', '%2e%00', '__proto__', 'x'.repeat(256 - 'node-1'.length - 13)])(
  'the middle may be any visible ASCII: %s',
  (middle) => {
    expect(ids.nodeOf(ids.mint(middle))).toBe('node-1');
  },
);

test.each(['', ' ', 'a b', 'ü', 'a\n', 'x'.repeat(256 - 'node-1'.length - 12)])(
  'what no header could carry, or is too long, is not minted: %j',
  (middle) => {
    expect(() => ids.mint(middle)).toThrow(expect.objectContaining({ code: 'INVALID_SESSION_ID' }));
  },
);

describe('is not of this cluster:', () => {
  const id = ids.mint('middle');
  const tag = id.slice(-11);

  test('an id of which any character was altered', () => {
    for (let at = 0; at < id.length; at++) {
      const altered = id.slice(0, at) + (id[at] === 'A' ? 'B' : 'A') + id.slice(at + 1);
      expect(ids.nodeOf(altered), altered).toBeUndefined();
    }
  });

  test('one that was cut, at either end, or has more', () => {
    for (let cut = 1; cut <= id.length; cut++) {
      expect(ids.nodeOf(id.slice(cut))).toBeUndefined();
      expect(ids.nodeOf(id.slice(0, -cut))).toBeUndefined();
    }
    for (const longer of [`${id}A`, `${id}=`, `${id} `, `A${id}`, `${id}.`]) expect(ids.nodeOf(longer)).toBeUndefined();
  });

  test('the same tag in other characters of base64url', () => {
    const others = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].filter(
      (c) => c !== tag.at(-1),
    );
    const taken = others.filter((last) => ids.nodeOf(id.slice(0, -1) + last) !== undefined);
    expect(taken).toEqual([]);
  });

  test.each([
    ['made by another secret', new NodeIds('node-1', [OLD]).mint('middle')],
    ['with the tag of another node', `node-2.middle.${tag}`],
    ['with the tag of another middle', `node-1.riddle.${tag}`],
    ['with its parts cut elsewhere', `node-1.middle${tag}`],
    ['without a node', `.middle.${tag}`],
    ['without a middle', `node-1..${tag}`],
    ['with a node that can be none', `no/de.middle.${tag}`],
    ['of a time before the cluster', '0b9d3c1e-8f1a-4c52-9e6b-2a5d7b8c9d0e'],
    ['empty', ''],
    ['of dots', '..'],
  ])('one %s', (_, other) => {
    expect(ids.nodeOf(other)).toBeUndefined();
  });

  test('one of a megabyte, which costs nothing', () => {
    expect(ids.nodeOf(`node-1.${'x'.repeat(2 ** 20)}.${tag}`)).toBeUndefined();
  });
});

test('secrets are exchanged one node after the other', () => {
  const [before, during, after] = [[OLD], [NEW, OLD], [NEW]].map((secrets) => new NodeIds('n', secrets));
  const [old, made] = [before?.mint('x') ?? '', during?.mint('x') ?? ''];
  expect(during?.nodeOf(old)).toBe('n');
  expect(after?.nodeOf(old)).toBeUndefined();
  expect(after?.nodeOf(made)).toBe('n'); // the first secret makes ids
  expect(before?.nodeOf(made)).toBeUndefined();
});

test('without a secret there are no ids', () => {
  expect(() => new NodeIds('n', [])).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
});

test('to know an id takes some microseconds', () => {
  const id = ids.mint('0b9d3c1e-8f1a-4c52-9e6b-2a5d7b8c9d0e');
  const rounds = 20_000;
  for (let n = 0; n < rounds; n++) ids.nodeOf(id);
  const before = process.cpuUsage();
  for (let n = 0; n < rounds; n++) ids.nodeOf(id);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / rounds).toBeLessThan(50); // 4 to 5 where nobody else computes
});
