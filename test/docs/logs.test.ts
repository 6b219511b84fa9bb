/** docs/logs.md has a heading for each event of the log, with its levels; and each event of the table is one of the code. */
import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { LOG_EVENTS } from '../../src/options/logEvents.ts';

const ROOT = new URL('../../', import.meta.url);
const TABLE = 'options/logEvents.ts';

const page = await readFile(new URL('docs/logs.md', ROOT), 'utf8');
const names = (await readdir(new URL('src/', ROOT), { recursive: true })).filter((name) => name.endsWith('.ts'));
const sources = await Promise.all(
  names.filter((name) => name !== TABLE).map((name) => readFile(new URL(`src/${name}`, ROOT), 'utf8')),
);

/** Events that the command tells as the supervisor's events bring them, and those whose names a type makes. */
const written = (name: string) => sources.some((source) => source.includes(`'${name}'`));

test('every event has a heading, in the order of the table, with its levels and what it is', () => {
  const told = [...page.matchAll(/^### (\S+)\n\nLevel: ([^.]+)\. (\S.{20,})$/gm)].map(([, name, levels = '']) => [
    name,
    levels.split(', ').map((level) => level.slice(1, -1)),
  ]);
  expect(told).toEqual(Object.entries(LOG_EVENTS));
  expect(page.match(/^### .*$/gm)).toHaveLength(Object.keys(LOG_EVENTS).length);
});

test('every event of the table is one that the code logs', () => {
  expect(Object.keys(LOG_EVENTS).filter((name) => !written(name))).toEqual([]);
});

test('what the code logs has the levels of the table', () => {
  const seen: [event: string, level: string][] = [];
  for (const source of sources) {
    for (const [, level = '', event = ''] of source.matchAll(/level: '(\w+)',\s*event: '([\w.]+)'/g))
      seen.push([event, level]);
    for (const [, level = '', event = ''] of source.matchAll(
      /#(?:log|tell|logSession)\(\s*'(\w+)',(?: \w+,)?\s*'([\w.]+)'/g,
    )) {
      seen.push([event, level]);
    }
    for (const [, event = ''] of source.matchAll(/#warn\(\s*'([\w.]+)'/g)) seen.push([event, 'warn']);
    for (const [, event = ''] of source.matchAll(/failed\('([\w.]+)', '/g)) seen.push([event, 'error']);
  }
  expect(seen.length).toBeGreaterThan(60);
  const strange = seen.filter(
    ([event, level]) => !(LOG_EVENTS as Record<string, readonly string[]>)[event]?.includes(level),
  );
  expect(strange).toEqual([]);
});
