/** What docs/hosts.md shows is what `npm run hosts` runs: every block stands in one of the servers, word for word. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { HOSTS } from '../hosts/hostList.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SERVERS = 'test/hosts/servers';
const ROUTE = 'next/app/mcp/route.js';

const page = await readFile(join(ROOT, 'docs/hosts.md'), 'utf8');
const blocks = [...page.matchAll(/^```\w+\n(.*?)^```$/gms)].map(([, code = '']) => code);
const names = (await readdir(join(ROOT, SERVERS))).filter((name) => /\.[jt]s$/.test(name));
const files = await Promise.all([...names, ROUTE].map((name) => readFile(join(ROOT, SERVERS, name), 'utf8')));

test('every block stands in a server that is tried', () => {
  expect(blocks.length).toBeGreaterThan(8);
  const strange = blocks.filter((block) => !files.some((file) => file.includes(block)));
  expect(strange).toEqual([]);
});

test('every server that the page links to is one that is tried', () => {
  const linked = [...page.matchAll(/\]\(\.\.\/test\/hosts\/servers\/([^\s)]+)\)/g)].map(([, path = '']) => path);
  const started = HOSTS.flatMap(({ args }) => args).map((arg) => arg.replace('.artifacts/nest.js', 'nest.ts'));
  expect(linked.length).toBeGreaterThan(8);
  expect(linked.filter((path) => path !== ROUTE && !started.includes(path))).toEqual([]);
});

test('every host of the table is tried', () => {
  const tried = HOSTS.map(({ name }) => name).join();
  const [table = ''] = /^\| host .*?\n\n/ms.exec(page) ?? [];
  const told = [...table.matchAll(/\[([\w:/. ]+)\]\(#/g)].map(([, name = '']) => name);
  expect(told).toHaveLength(10);
  expect(told.filter((name) => !tried.includes(name))).toEqual([]);
});

test('README names every host of the table', async () => {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const [list = ''] = /^- On every host.*$/m.exec(readme) ?? [];
  for (const name of ['node:http', 'Express', 'Fastify', 'Koa', 'NestJS', 'Hono', 'Next.js', 'Bun', 'Deno']) {
    expect(list).toContain(name);
  }
});
