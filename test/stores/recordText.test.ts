/** Records as text: what was written comes back, and what can't be read is told apart, each for itself. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SupervisorError } from '../../src/errors.ts';
import { changedLines, linesOf, readRecord, readStanding, recordLines, textOf } from '../../src/stores/recordText.ts';
import {
  checkChange,
  checkRecord,
  deadlineOf,
  RECORD_LIMITS,
  type RecordChange,
  type SessionRecord,
} from '../../src/stores/sessionRecord.ts';
import { sessionRecord } from './sessionRecords.ts';

const write = (record: SessionRecord): string => textOf(recordLines(record));

/** Changes a text as a store does. */
function change(text: string, by: Parameters<typeof changedLines>[2]): string {
  const standing = readStanding(text);
  if ('verdict' in standing) throw new Error(standing.why);
  return textOf(changedLines(linesOf(text), standing, by));
}

/** A text whose first line was changed by hand. */
function withStanding(text: string, by: object): string {
  const [first = '', ...rest] = text.split('\n');
  return [JSON.stringify({ ...JSON.parse(first), ...by }), ...rest].join('\n');
}

const text = fc.string({ unit: 'binary', maxLength: 50 });
const time = fc.integer({ min: -8.64e15, max: 8.64e15 });
const changes: fc.Arbitrary<RecordChange> = fc.record(
  {
    initialized: fc.boolean(),
    logLevel: fc.option(text),
    subscriptions: fc.array(text, { maxLength: 5 }),
    state: fc.dictionary(text, fc.jsonValue()).map((state) => JSON.stringify(state, undefined, state['x'] ? 2 : 0)),
    lastActiveAt: time,
    idleDeadline: fc.option(time),
    history: fc.array(fc.tuple(time, text, fc.nat()), { maxLength: 5 }),
  },
  { requiredKeys: [] },
);

describe('what was written', () => {
  test('comes back, whatever it holds, and so does what was changed', () => {
    const initialize = fc.dictionary(text, fc.jsonValue()) as fc.Arbitrary<Record<string, unknown>>;
    fc.assert(
      fc.property(initialize, fc.option(text), changes, changes, (params, principal, first, second) => {
        const record = sessionRecord('id', { initialize: params, principal, ...first });
        checkRecord(record);
        checkChange(second);
        const before = write(record);
        // Lines may be cut anew where they were not by us.
        expect(plain(readRecord(before))).toEqual(plain(record));
        expect(plain(readRecord(change(before, second)))).toEqual(plain({ ...record, ...second }));
      }),
    );
  });

  test('keeps its `__proto__`s and lone surrogates', () => {
    const initialize = JSON.parse('{"__proto__":{"a":1},"clientInfo":{"name":"\\ud800 ä€🚀\\u0000\\n"}}');
    const state = '{"__proto__":"\\ud800"}';
    const record = readRecord(change(write(sessionRecord('id', { initialize, state })), { initialized: false }));
    expect(JSON.stringify(record)).toBe(JSON.stringify(sessionRecord('id', { initialize, state, initialized: false })));
  });

  test('is changed in the lines that a change concerns, and the others stay as they are', () => {
    const before = write(sessionRecord('id', { state: '{"a":1}', history: [[1, 'opened', 1]] })).split('\n');
    const lines = (by: RecordChange) =>
      change(before.join('\n'), by)
        .split('\n')
        .map((line, at) => line === before[at]);
    expect(before).toHaveLength(4);
    expect(lines({})).toEqual([true, true, true, true]);
    expect(lines({ logLevel: 'debug' })).toEqual([false, true, true, true]);
    expect(lines({ subscriptions: ['a:b'] })).toEqual([true, true, false, true]);
    expect(lines({ state: '{\n  "a": 2\r\n}' })).toEqual([true, true, true, false]);
  });

  test('is changed in those lines only where somebody else wrote it, too', () => {
    const spaced = write(sessionRecord('id')).replaceAll(/^\{/gm, '{ ');
    expect(change(spaced, { state: '{"a":1}' })).toBe(spaced.replace(/[^\n]*$/, '{"a":1}'));
    expect(change(spaced, { logLevel: 'info' }).split('\n').slice(1)).toEqual(spaced.split('\n').slice(1));
  });

  test('has its state in one line, with a space for each break', () => {
    const { state } = recordLines(sessionRecord('id', { state: '{\r\n\n"a":\n1}' }));
    expect(state).toBe('{ "a": 1}');
  });
});

function plain(record: object): unknown {
  const { state, ...rest } = record as SessionRecord;
  return { ...JSON.parse(JSON.stringify(rest)), state: JSON.parse(state) };
}

test('a text of fewer lines lacks the last ones', () => {
  expect(linesOf('a')).toEqual({ standing: 'a', handshake: '', notes: '', state: '' });
  expect(linesOf('a\nb\nc\nd\ne')).toEqual({ standing: 'a', handshake: 'b', notes: 'c', state: 'd' });
});

describe('what can’t be read', () => {
  const good = write(sessionRecord('id', { state: '{"key":"value"}' }));
  const halves = Array.from({ length: good.length }, (_, length) => good.slice(0, length));

  const withLine = (at: number, line: string) => good.split('\n').with(at, line).join('\n');

  test('half a record is one never, wherever it was cut', () => {
    const verdicts = new Set(halves.map((half) => JSON.stringify(readRecord(half))));
    expect([...verdicts]).toEqual(['{"verdict":"unreadable","why":"notJson"}']);
    expect(readRecord(good)).toMatchObject({ id: 'id' });
  });

  test.each<[string, string, string]>([
    ['nothing', '', 'notJson'],
    ['no JSON', 'format 1', 'notJson'],
    ['another kind of JSON', '[1]\n{}\n{}\n{}', 'notJson'],
    ['a handshake that is no JSON', withLine(1, '{'), 'notJson'],
    ['notes that are no JSON', withLine(2, '{'), 'notJson'],
    ...['7', 'null', '"text"', '[]'].map(
      (line) => [`a handshake that is ${line}`, withLine(1, line), 'notJson'] as [string, string, string],
    ),
    ['a state that is no JSON', `${good.split('\n').slice(0, 3).join('\n')}\n{"a"}`, 'notJson'],
    ['a later format', withStanding(good, { format: 2 }), 'newerFormat'],
    ['a later format, whatever else it is', '{"format":17}', 'newerFormat'],
    ['a format that never was', withStanding(good, { format: 0 }), 'malformed'],
    ['a format that is none', withStanding(good, { format: '2' }), 'malformed'],
    ['no epoch', withStanding(good, { epoch: 'one' }), 'malformed'],
    ['a member of another type', withStanding(good, { createdAt: 'today' }), 'malformed'],
    ['a missing member', withStanding(good, { principal: undefined }), 'malformed'],
    [
      'too many subscriptions',
      good.replace('"subscriptions":[]', `"subscriptions":[${'"a",'.repeat(1_000)}"a"]`),
      'malformed',
    ],
    ['too many bytes', good.replace('value', 'v'.repeat(RECORD_LIMITS.bytes)), 'tooLarge'],
    ['too many bytes, of fewer characters', good.replace('value', '€'.repeat(RECORD_LIMITS.bytes / 3)), 'tooLarge'],
  ])('%s', (_, damaged, why) => {
    expect(readRecord(damaged)).toEqual({ verdict: 'unreadable', why });
  });

  test('how a session stands is not read of a format or an epoch that is none', () => {
    for (const wrong of [{ format: 0 }, { epoch: 'one' }, { format: undefined }]) {
      expect(readStanding(withStanding(good, wrong))).toEqual({ verdict: 'unreadable', why: 'malformed' });
    }
    expect(readStanding(good)).toMatchObject({ id: 'id', epoch: 1 });
    // Nor where it is not in the first line, or stands before too much.
    expect(readStanding(`\n${good.split('\n')[0]}`)).toEqual({ verdict: 'unreadable', why: 'notJson' });
    expect(readStanding(good + 'x'.repeat(RECORD_LIMITS.bytes))).toEqual({ verdict: 'unreadable', why: 'tooLarge' });
  });

  test('members that are not known are not handed out, and stay through a change', () => {
    const later = withStanding(good, { tomorrow: [1] }).replace('{"initialize":', '{"more":true,"initialize":');
    expect(readRecord(later)).toEqual(readRecord(good));
    const changed = change(later, { logLevel: 'info', subscriptions: ['a:b'] });
    expect(changed).toContain('"tomorrow":[1]');
    expect(changed).toContain('"more":true');
  });
});

describe('what is refused', () => {
  const refusal = (run: () => unknown) => {
    try {
      run();
    } catch (error) {
      return error instanceof SupervisorError ? `${error.code}: ${error.message}` : error;
    }
    return undefined;
  };

  test.each(Object.keys(sessionRecord('id')))('a record without its %s', (name) => {
    const { [name as keyof SessionRecord]: _, ...rest } = sessionRecord('id');
    expect(refusal(() => checkRecord(rest as SessionRecord))).toBe(
      `INVALID_RECORD: A session can't be stored: its ${name} is not what it has to be`,
    );
  });

  test.each<Partial<Record<keyof SessionRecord, unknown>>>([
    { format: 2 },
    { id: '' },
    { id: 'a'.repeat(257) },
    { id: 'a b' },
    { id: 'é' },
    { id: 7 },
    { epoch: 0 },
    { epoch: 1.5 },
    { principal: 7 },
    { createdAt: 1.5 },
    { initialize: [] },
    { initialize: 'text' },
    { capabilities: null },
    { protocolVersion: null },
    { initialized: 1 },
    { subscriptions: Array(1_001).fill('a:b') },
    { subscriptions: [1] },
    { state: '[]' },
    { state: '{1' },
    { state: '1}' },
    { state: {} },
    { idleDeadline: Infinity },
    { lastActiveAt: 8.64e15 + 1 },
    { lifetimeDeadline: Number.NaN },
    { parkedAt: undefined },
    { history: [[1, 'opened']] },
    { history: [[1, 'opened', 1, 1]] },
    { history: [['1', 'opened', 1]] },
    { history: [[1, 2, 1]] },
    { history: [[1, 'opened', 1.5]] },
    { history: [{ length: 3, 0: 1, 1: 'opened', 2: 1 }] },
    { history: Array(257).fill([1, 'opened', 1]) },
  ])('%j', (wrong) => {
    const name = Object.keys(wrong)[0];
    const told = `INVALID_RECORD: A session can't be stored: its ${name} is not what it has to be`;
    expect(refusal(() => checkRecord({ ...sessionRecord('id'), ...wrong } as SessionRecord))).toBe(told);
  });

  test('what a record does not have: a token is never stored', () => {
    const record = { ...sessionRecord('id'), authInfo: { token: 'secret' } };
    expect(refusal(() => checkRecord(record))).toMatch(/^INVALID_RECORD: .* it has a member authInfo$/);
    expect(refusal(() => checkChange({ token: 'secret' } as RecordChange))).toMatch(/token can't be changed$/);
    for (const name of ['epoch', 'principal', 'parkedAt', 'id', 'initialize', '__proto__']) {
      expect(refusal(() => checkChange(JSON.parse(`{"${name}":1}`)))).toMatch(`${name} can't be changed`);
    }
    expect(refusal(() => checkChange({ logLevel: undefined } as unknown as RecordChange))).toMatch(
      /its logLevel is not/,
    );
  });

  test('more bytes than a record may have', () => {
    const largest = RECORD_LIMITS.bytes - Buffer.byteLength(write(sessionRecord('id'))) - '"a":""'.length;
    const sized = (length: number) => write(sessionRecord('id', { state: `{"a":"${'x'.repeat(length)}"}` }));
    expect(readRecord(sized(largest))).toMatchObject({ id: 'id' });
    expect(refusal(() => sized(largest + 1))).toMatch(
      /^INVALID_RECORD: .* its record has 1048577 bytes, and may have 1048576$/,
    );
  });
});

test('a session ends at the earlier of its deadlines', () => {
  expect(deadlineOf({ idleDeadline: 2, lifetimeDeadline: 1 })).toBe(1);
  expect(deadlineOf({ idleDeadline: 2, lifetimeDeadline: null })).toBe(2);
  expect(deadlineOf({ idleDeadline: null, lifetimeDeadline: null })).toBe(Infinity);
});
