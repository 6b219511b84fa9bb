/** What the pages say is so: their examples compile, their tables are those of the code, their links lead somewhere. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { END_REASONS } from '../src/machines/reasons.ts';
import { OPTION_NAMES, type ResolvedOptions, resolveOptions } from '../src/options.ts';
import { COMPILING, compile } from './docs/compile.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = ['.', 'docs', 'bench', '.github'].filter((folder) => existsSync(join(ROOT, folder)));
const PAGES = (
  await Promise.all(
    FOLDERS.map(async (folder) =>
      (
        await readdir(join(ROOT, folder), { recursive: folder !== '.' && folder !== 'bench' })
      )
        .filter((name) => name.endsWith('.md'))
        .map((name) => join(folder, name)),
    ),
  )
).flat();

const read = (page: string): Promise<string> => readFile(join(ROOT, page), 'utf8');

describe('the examples', () => {
  test('of README and of every page compile as strictly as our own code', { timeout: COMPILING }, async () => {
    const blocks = await blocksOf(PAGES);
    expect(Object.keys(blocks).filter((name) => name.startsWith('README'))).not.toEqual([]);
    expect(await compile(blocks)).toBe('');
  });

  test('would not, with a mistake in them', { timeout: COMPILING }, async () => {
    const told = await compile({
      fragment: 'await supervisor.terminate(7);',
      program: "import { createSessionSupervisor } from 'mcp-session-supervisor';\ncreateSessionSupervisor({});",
      forgetful: "import http from 'node:http';\nhttp.createServer(toNodeHandler(supervisor));",
    });
    expect(told).toMatch(/fragment\.ts\(2,28\): error TS2345/);
    expect(told).toMatch(/program\.ts\(2,25\): error TS2741: Property .server./);
    expect(told).toMatch(/forgetful\.ts\(2,19\): error TS2304/);
  });
});

/** The `ts` blocks of pages, by page and line. */
async function blocksOf(pages: readonly string[]): Promise<Record<string, string>> {
  const blocks: Record<string, string> = {};
  for (const page of pages) {
    const text = await read(page);
    for (const { 1: code = '', index } of text.matchAll(/^```ts\n(.*?)^```$/gms)) {
      const line = text.slice(0, index).split('\n').length;
      blocks[`${page.replaceAll(/[/.]/g, '-')}-${line}`] = code;
    }
  }
  return blocks;
}

describe('the options of docs/options.md', () => {
  const DEFAULTS = resolveOptions({ server: () => ({ connect: async () => {}, close: async () => {} }) });

  /** Defaults that are no plain values, in words. */
  const WORDS: Partial<Record<keyof ResolvedOptions, string>> = {
    server: 'required',
    principal: 'from `authInfo`',
    eventStore: 'none',
    sessionStore: 'none',
    cluster: 'none',
    retryInterval: '5 000, spread ±20 % by session',
    sessionIdGenerator: '`crypto.randomUUID`',
    allowedHosts: 'not checked',
    allowedOrigins: 'not checked',
    cors: 'off',
    clock: "Node's timers",
    inspect: 'none',
    logger: 'warnings of the process',
  };

  let rows: Map<string, string>;
  beforeAll(async () => {
    const [section = ''] = (await read('docs/options.md')).split(/^## /m);
    rows = new Map([...section.matchAll(/^\| `(\w+)` \| (.*?) \|/gm)].map(([, name = '', cell = '']) => [name, cell]));
  });

  test('are all of them, each once, in the order of the code', () => {
    expect([...rows.keys()]).toEqual([...OPTION_NAMES]);
  });

  test.each(OPTION_NAMES)('%s: its default is what it says', (name) => {
    const value = DEFAULTS[name];
    const inWords = WORDS[name];
    expect(rows.get(name)).toBe(inWords ?? written(value));
    // What is told in words is nothing that could be told as it is.
    if (inWords !== undefined) expect(['undefined', 'function', 'object']).toContain(typeof value);
  });
});

function written(value: unknown): string {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value).replace(/\B(?=(\d{3})+$)/g, ' ');
  return typeof value === 'string' ? `\`'${value}'\`` : `\`${String(value)}\``;
}

test('docs/sessions.md names every reason for which a session ends', async () => {
  const page = await read('docs/sessions.md');
  const [, list = ''] = /\*\*terminated\*\*: for ever, with one reason: (.*?)\. Its id/.exec(page) ?? [];
  expect([...list.matchAll(/`(\w+)`/g)].map(([, reason]) => reason).sort()).toEqual([...END_REASONS].sort());
});

/** Relative links, and those within a page, as `[page, link]`. */
async function links(): Promise<[string, string][]> {
  const found: [string, string][] = [];
  for (const page of PAGES) {
    const text = (await read(page)).replaceAll(/^```.*?^```$/gms, '');
    for (const { 1: link = '' } of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (!/^[a-z]+:/.test(link)) found.push([page, link]);
    }
  }
  return found;
}

test.each(await links())('%s: the link to %s leads somewhere', async (page, link) => {
  const [path = '', heading] = link.split('#');
  const target = path === '' ? page : join(dirname(page), path);
  expect(existsSync(join(ROOT, target)), target).toBe(true);
  if (heading === undefined) return;
  const headings = [...(await read(target)).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => slug(text));
  expect(headings).toContain(heading);
});

/** The fragment that a heading gets on GitHub. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}
