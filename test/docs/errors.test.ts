/** docs/errors.md has a heading for each code that embedders catch, and for each refusal of a client with its status and code. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { REFUSALS } from '../../src/errors.ts';

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');

const [, caught = '', refused = ''] = (await read('docs/errors.md')).split(/^## .*$/m);

test('every code has a heading, in the order of the code, and a word on what to do', async () => {
  const source = (await read('src/errors.ts')).replaceAll(/\/\*.*?\*\//gs, '');
  const [, union = ''] = /type SupervisorErrorCode =([^;]*);/.exec(source) ?? [];
  const codes = [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code);
  expect([...caught.matchAll(/^### (\w+)\n\n\S.{40,}$/gm)].map(([, code]) => code)).toEqual(codes);
});

test('every refusal has a heading, in the order of the table, with its status and its code', () => {
  const told = [...refused.matchAll(/^### (\w+)\n\n(\d+), (-\d+)\. \S.{20,}$/gm)].map(([, name, status, code]) => [
    name,
    Number(status),
    Number(code),
  ]);
  expect(told).toEqual(Object.entries(REFUSALS).map(([name, { status, code }]) => [name, status, code]));
});
