/** What clients and principals call themselves, as the page is told: visible, short, and nobody else's name. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Pseudonyms } from '../../src/door/pseudonym.ts';
import type { SessionInfo } from '../../src/index.ts';
import { Rows } from '../../src/inspector/rows.ts';

const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/u;

const rows = new Rows(new Pseudonyms(), { revealIds: true, revealPrincipals: true, idleTimeout: () => null });

function infoOf(name: string, version = '1', principal = 'ada'): SessionInfo {
  return {
    id: 'an-id',
    state: 'idle',
    inFlight: 0,
    calls: 0,
    openStreams: 0,
    createdAt: 0,
    lastActiveAt: 0,
    principal,
    clientInfo: { name, version },
    protocolVersion: version,
    epoch: 1,
    history: [],
  };
}

const rowOf = (...said: Parameters<typeof infoOf>) => rows.row('a-key', infoOf(...said));

test.each([
  ['plain', 'plain'],
  ['Ünïcode 名前 🙂', 'Ünïcode 名前 🙂'],
  ['abc\u202ecba\u2066', 'abc\\u{202e}cba\\u{2066}'],
  ['a\u001b[2J\u0085\n', 'a\\u{1b}[2J\\u{85}\\u{a}'],
  ['x'.repeat(100), 'x'.repeat(100)],
  ['x'.repeat(101), `${'x'.repeat(99)}…`],
  [`${'x'.repeat(98)}🙂🙂`, `${'x'.repeat(98)}…`],
])('%j is shown as %j', (name, shown) => {
  expect(rowOf(name).client?.name).toBe(shown);
});

test('no text of a row holds what is not seen, nor is longer than it may be', () => {
  const text = fc.string({ unit: 'binary', maxLength: 250, size: 'max' });
  fc.assert(
    fc.property(text, text, text, (name, version, principal) => {
      const row = rowOf(name, version, principal);
      for (const shown of [row.client?.name, row.client?.version, row.protocolVersion, row.principal]) {
        expect(shown).not.toMatch(HIDDEN);
        expect(shown?.length).toBeLessThanOrEqual(shown === row.principal ? 200 : 100);
      }
    }),
    { numRuns: 50 },
  );
});

test.each([
  { state: 'idle', idleDeadline: 1_500 },
  { state: 'parked', idleDeadline: 1_500 },
  { state: 'active', idleDeadline: null },
  { state: 'restoring', idleDeadline: null },
] as const)('one that is $state ends for being idle at $idleDeadline', ({ state, idleDeadline }) => {
  const options = { revealIds: false, revealPrincipals: true, idleTimeout: () => 500 };
  const row = new Rows(new Pseudonyms(), options).row('a-key', {
    ...infoOf('x'),
    state,
    lastActiveAt: 1_000,
    epoch: 7,
  });
  expect(row).toMatchObject({ state, idleDeadline, epoch: 7 });
  expect(row).not.toHaveProperty('id');
});

test('a parked session is told as it was when it was parked, by no more than it would be told otherwise', () => {
  const parked = rows.parkedRow('a-key', { ...infoOf('a\u0085'), state: 'parked' }, 9);
  expect(parked).toEqual({ ...rowOf('a\u0085'), state: 'parked', parkedAt: 9 });
});
