/** The site has every page, and the package whatever its pages link to. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

const read = (path: string) => readFile(join(ROOT, path), 'utf8');

const navigation = JSON.parse(await read('site/navigation.json')) as { text: string; pages: Record<string, string> }[];
const linked = navigation.flatMap(({ pages }) => Object.keys(pages));

/** Packing lists some hundred files, and asks nobody. */
const PACKING = 60_000;

describe('the navigation', () => {
  test('has every page of docs/ once, and no other', async () => {
    const names = await readdir(join(ROOT, 'docs'), { recursive: true });
    const pages = names.filter((name) => name.endsWith('.md')).map((name) => name.slice(0, -'.md'.length));
    expect([...linked].sort()).toEqual(pages.filter((page) => page !== 'index').sort());
  });

  test('is where the first page leads', async () => {
    const links = [...(await read('docs/index.md')).matchAll(/^ *link: \/(\S+)$/gm)].map(([, page = '']) => page);
    expect(links.length).toBeGreaterThan(5);
    expect(links.filter((page) => !linked.includes(page))).toEqual([]);
  });
});

test.each(linked)('docs/%s.md has one title', async (page) => {
  const prose = (await read(`docs/${page}.md`)).replaceAll(/^```.*?^```$/gms, '');
  expect(prose).toMatch(/^# \S/);
  expect(prose.match(/^# /gm)).toHaveLength(1);
});

describe('the package', () => {
  test('has whatever its pages link to', { timeout: PACKING }, async () => {
    const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT });
    const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
    const packed = new Set(files.map(({ path }) => path));
    const pages = [...packed].filter((path) => path.endsWith('.md') && !path.startsWith('dist/'));
    expect(pages).toEqual(
      expect.arrayContaining(['README.md', 'CHANGELOG.md', 'docs/start.md', 'docs/migration/sdk.md']),
    );
    const dead: string[] = [];
    for (const page of pages) {
      const prose = (await read(page)).replaceAll(/^```.*?^```$/gms, '');
      for (const [, path = ''] of prose.matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)) {
        if (!packed.has(posix.join(posix.dirname(page), path))) dead.push(`${page}: ${path}`);
      }
    }
    expect(dead).toEqual([]);
  });
});

test('README is short, and says what the site is built by', async () => {
  const readme = await read('README.md');
  expect(readme.split('\n').length).toBeLessThan(100);
  expect(readme).toContain('`npm run docs`');
});
