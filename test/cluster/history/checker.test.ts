/** The checker of histories: it lets good ones pass, and finds in each bad one what is broken, and nothing else. */
import { describe, expect, test } from 'vitest';
import { check, checkStore, told } from './checker.ts';
import type { Answer, History, Operation, StoredKey } from './history.ts';

const SESSION = 'n1.abc.tag';
const BOUND = 15_000;

/** An operation on the one session, between these times, answered with this value in this epoch by this node. */
function op(
  kind: Operation['kind'],
  [begin, end]: readonly [number, number],
  more: Omit<Partial<Operation>, 'answer'> & { readonly answer?: Partial<Answer> } = {},
): Operation {
  const { answer, ...rest } = more;
  const whole = { value: 0, epoch: 1, node: 'n1#1', session: SESSION, mark: 'm1', ...answer };
  const outcome = more.outcome ?? 'ok';
  const isTold = outcome === 'ok' && (kind === 'increment' || kind === 'read');
  return {
    kind,
    via: 'n1',
    session: SESSION,
    mark: 'm1',
    begin,
    end,
    outcome,
    ...rest,
    ...(isTold && { answer: whole }),
  };
}

const increment = (at: readonly [number, number], value: number, answer: Partial<Answer> = {}) =>
  op('increment', at, { answer: { value, ...answer } });
const read = (at: readonly [number, number], value: number, answer: Partial<Answer> = {}) =>
  op('read', at, { answer: { value, ...answer } });
const opened = op('open', [0, 1]);

function brokenIn(operations: readonly Operation[], more: Partial<History> = {}): string[] {
  const history = { operations: [opened, ...operations], outages: [], losses: [], bound: BOUND, ...more };
  return check(history).map(({ broken }) => broken);
}

describe('what is allowed', () => {
  const good: Readonly<Record<string, readonly [operations: readonly Operation[], more?: Partial<History>]>> = {
    'one after the other, over several incarnations': [
      [
        increment([10, 20], 1),
        read([30, 40], 1),
        increment([50, 60], 2, { epoch: 2, node: 'n2#1' }),
        read([70, 80], 2, { epoch: 7, node: 'n1#2' }),
      ],
    ],
    'increments side by side, answered in any order': [
      [increment([10, 50], 2), increment([11, 20], 1), increment([12, 60], 3), read([15, 55], 2)],
    ],
    'what was asked side by side with a takeover, answered by either': [
      [read([10, 100], 0, { epoch: 1 }), read([20, 30], 0, { epoch: 2, node: 'n2#1' })],
    ],
    'an increment whose answer was lost, and that counts': [
      [op('increment', [10, 20], { outcome: 'maybe' }), read([30, 40], 1)],
    ],
    'an increment whose answer was lost, and that does not count': [
      [op('increment', [10, 20], { outcome: 'maybe' }), read([30, 40], 0), increment([50, 60], 1)],
    ],
    'an increment that counts long after its client gave up': [
      [op('increment', [10, 20], { outcome: 'maybe' }), read([30, 40], 0), read([50, 60], 1)],
    ],
    'a DELETE, and nothing but 404, or nobody who knows': [
      [
        increment([10, 20], 1),
        op('delete', [30, 40]),
        op('read', [50, 60], { outcome: 'gone' }),
        op('read', [70, 80], { outcome: 'maybe' }),
        op('read', [90, 95], { outcome: 'failed' }),
        op('delete', [100, 110], { outcome: 'gone' }),
      ],
    ],
    'a call that was answered while its session was deleted': [[op('delete', [30, 40]), read([35, 50], 0)]],
    'a 404 after a DELETE whose answer was lost': [
      [op('delete', [30, 40], { outcome: 'maybe' }), op('read', [50, 60], { outcome: 'gone' })],
    ],
    'a 404 after the store has lost its data': [
      [increment([10, 20], 1), op('read', [110, 120], { outcome: 'gone' })],
      { losses: [100] },
    ],
    'a long wait at a node that was stopped': [
      [op('read', [0, 30_000], { answer: { value: 0 } })],
      { outages: [{ node: 'n1', from: 5, to: 20_005 }] },
    ],
    'an open without an answer': [[op('open', [0, 10], { session: undefined, outcome: 'maybe' })]],
  };

  test.each(Object.entries(good))('%s', (_, [operations, more]) => {
    expect(brokenIn(operations, more)).toEqual([]);
  });
});

describe('what is found', () => {
  const bad: Readonly<Record<string, readonly [string, readonly Operation[], Partial<History>?]>> = {
    'an acknowledged increment that a later one does not know of': [
      'lostIncrement',
      [increment([10, 20], 1), increment([11, 20], 1)],
    ],
    'an acknowledged increment that nobody read after': [
      'lostIncrement valueFell',
      [increment([10, 20], 1), read([30, 40], 0)],
    ],
    'more than was ever asked for': [
      'phantomIncrement',
      [increment([10, 20], 1), op('increment', [22, 23], { outcome: 'failed' }), read([30, 40], 2)],
    ],
    'an increment that was done twice': ['phantomIncrement', [increment([10, 20], 2)]],
    'a value that falls, without an increment that was acknowledged': [
      'valueFell',
      [op('increment', [10, 20], { outcome: 'maybe' }), read([30, 40], 1), read([50, 60], 0)],
    ],
    'an increment that gives what was already seen': [
      'valueFell',
      [op('increment', [10, 20], { outcome: 'maybe' }), read([30, 40], 1), increment([50, 60], 1)],
    ],
    'two nodes in one epoch': ['twoNodesInOneEpoch', [read([10, 20], 0), read([11, 21], 0, { node: 'n2#1' })]],
    'one node, started again, in the epoch that it had': [
      'twoNodesInOneEpoch',
      [read([10, 20], 0), read([30, 40], 0, { node: 'n1#2' })],
    ],
    'an epoch that falls': ['epochFell', [read([10, 20], 0, { epoch: 3, node: 'n3#1' }), read([30, 40], 0)]],
    'an answer after a DELETE': ['answeredAfterDelete', [op('delete', [10, 20]), read([30, 40], 0)]],
    'a DELETE that is acknowledged twice': ['answeredAfterDelete', [op('delete', [10, 20]), op('delete', [30, 40])]],
    'a 404 that nobody asked for': ['forgotten', [op('read', [10, 20], { outcome: 'gone' })]],
    'a 404 before the DELETE': ['forgotten', [op('read', [10, 20], { outcome: 'gone' }), op('delete', [30, 40])]],
    'a 404 before the store lost its data': [
      'forgotten',
      [op('read', [10, 20], { outcome: 'gone' })],
      { losses: [100] },
    ],
    'a 404 for a session that was opened after that': [
      'forgotten',
      [op('read', [10, 20], { outcome: 'gone' })],
      { losses: [-5] },
    ],
    'a request that nobody answers': ['notAnswered', [op('read', [10, 40_000], { outcome: 'timeout' })]],
    'a request that is answered late, at a node that runs': [
      'notAnswered',
      [read([10, 20_000], 0)],
      { outages: [{ node: 'n2', from: 10, to: 20_000 }] },
    ],
    'another session’s mark': ['foreignMark', [read([10, 20], 0, { mark: 'm2' })]],
    'another session’s answer': ['foreignMark', [read([10, 20], 0, { session: 'n2.x.y' })]],
    'a session that can’t be had when all is over': [
      'unavailable',
      [op('read', [10, 20], { outcome: 'maybe', isFinal: true })],
    ],
  };

  test.each(Object.entries(bad))('%s', (_, [broken, operations, more]) => {
    expect(new Set(brokenIn(operations, more))).toEqual(new Set(broken.split(' ')));
  });

  test('it tells what shows it', () => {
    const operations = [opened, op('delete', [10, 20]), read([30, 40], 0)];
    const [violation] = check({ operations, outages: [], losses: [], bound: BOUND });
    expect(violation && told(violation)).toBe(
      [
        'answeredAfterDelete: the session had been deleted, and that acknowledged (session n1.abc.tag)',
        '  10–20 delete via n1: ok ""',
        '  30–40 read via n1: ok {"value":0,"epoch":1,"node":"n1#1","session":"n1.abc.tag","mark":"m1"}',
      ].join('\n'),
    );
  });
});

describe('what is in the store at the end', () => {
  const LIFE = 'n1#life';
  const kept: StoredKey = {
    key: 'mcp:{a}:session',
    session: SESSION,
    isTombstone: false,
    ttl: 60_000,
    owner: LIFE,
    hasDeadline: true,
  };
  const brokenBy = (key: Partial<StoredKey>, operations: readonly Operation[] = [opened], mayBe = 0) => {
    const history = { operations, outages: [], losses: [], bound: BOUND };
    return checkStore(history, [{ ...kept, ...key }], { lives: [LIFE], mayBe }).map(({ broken }) => broken);
  };

  test('sessions with an owner that lives, or a deadline; tombstones; keys of no session', () => {
    expect(brokenBy({})).toEqual([]);
    expect(brokenBy({ hasDeadline: false })).toEqual([]);
    expect(brokenBy({ owner: undefined })).toEqual([]);
    expect(brokenBy({ session: undefined, owner: undefined, hasDeadline: false })).toEqual([]);
    expect(brokenBy({ isTombstone: true, owner: undefined }, [opened, op('delete', [10, 20])])).toEqual([]);
    expect(brokenBy({ session: 'of an open without an answer' }, [opened], 1)).toEqual([]);
  });

  test('what is there for ever, or for nobody, or for whom nobody knows', () => {
    expect(brokenBy({ ttl: undefined })).toEqual(['keptForEver']);
    expect(brokenBy({ owner: 'n2#gone', hasDeadline: false })).toEqual(['strayKey']);
    expect(brokenBy({}, [opened, op('delete', [10, 20])])).toEqual(['strayKey']);
    expect(brokenBy({ session: 'stranger' })).toEqual(['strayKey']);
  });
});
