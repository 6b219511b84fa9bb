/** The manifest of what the protocol asks for is whole: no line of it is lost, and each says where it comes from. */
import { describe, expect, test } from 'vitest';
import type { Keyword } from './requirements/requirement.ts';
import { REQUIREMENTS } from './requirements.ts';

const PAGE = /^https:\/\/modelcontextprotocol\.io\/specification\/2025-11-25\/basic\/([a-z_]+)(?:#[a-z-]+)?$/;

const pageOf = (link: string): string => PAGE.exec(link)?.[1] ?? `no page: ${link}`;

/**
 * How often each page says each word, counted there; of the page on security, in its sections on session hijacking and,
 * where servers are meant, on local servers. A list under one word (lifecycle: Operation, Error Handling) is a line each.
 */
const COUNTED: Readonly<Record<string, Partial<Record<Keyword, number>>>> = {
  transports: { MUST: 25, 'MUST NOT': 6, SHOULD: 20, 'SHOULD NOT': 2 },
  lifecycle: { MUST: 9 + 1, SHOULD: 9 + 2, 'SHOULD NOT': 2 },
  security_best_practices: { MUST: 2, 'MUST NOT': 1, SHOULD: 3 },
};

test.each(Object.entries(COUNTED))('%s: every MUST and SHOULD is there', (page, counted) => {
  const lines = REQUIREMENTS.filter(({ link, keyword }) => pageOf(link) === page && keyword !== 'MAY');
  const found: Partial<Record<Keyword, number>> = {};
  for (const { keyword } of lines) found[keyword] = (found[keyword] ?? 0) + 1;
  expect(found).toEqual(counted);
});

test('there are no other pages', () => {
  const pages = new Set(REQUIREMENTS.map(({ link }) => pageOf(link)));
  expect([...pages].sort()).toEqual(Object.keys(COUNTED).sort());
});

describe('a line', () => {
  test.each(REQUIREMENTS)('$id', ({ id, link, rule, tests, notOurs }) => {
    expect(id).toMatch(new RegExp(`^${pageOf(link)}/[a-z0-9-]+$`));
    expect(rule).toMatch(/^[A-Z].*\.$/);
    if (notOurs === undefined) expect(tests).not.toEqual([]);
    else expect(notOurs).toMatch(/^[A-Z].{20,}\.$/);
  });

  test('is one of a kind', () => {
    const ids = REQUIREMENTS.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('is ours, unless it is about stdio or custom transports', () => {
    const others = REQUIREMENTS.filter(({ notOurs }) => notOurs !== undefined).map(({ id }) => id);
    expect(others).toEqual([
      'transports/stdio',
      'transports/stdio-newlines',
      'transports/stdio-stderr',
      'transports/stdio-stdout',
      'transports/stdio-stdin',
      'transports/custom-preserve',
      'transports/custom-documented',
      'lifecycle/stdio-shutdown',
    ]);
  });
});
