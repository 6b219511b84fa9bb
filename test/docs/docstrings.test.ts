/** The API reference: every function of an entry point shows how it is called, by an example that compiles. */
import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { COMPILING, compile } from './compile.ts';

const SRC = new URL('../../src/', import.meta.url);
const read = (path: string) => readFile(new URL(path, SRC), 'utf8');

/** A docstring, and the function that it stands before. */
const DOCUMENTED = /\/\*\*((?:(?!\*\/).)*)\*\/\nexport (?:async )?function (\w+)/gs;
/** The code of an example, behind the stars of its docstring. */
const EXAMPLE = /^ \* @example\n \* ```ts\n(.*?)^ \* ```$/gms;

const sources = (await readdir(SRC, { recursive: true })).filter((name) => name.endsWith('.ts'));
const examples = new Map<string, string>();
for (const source of sources) {
  for (const [, docstring = '', name = ''] of (await read(source)).matchAll(DOCUMENTED)) {
    const codes = [...docstring.matchAll(EXAMPLE)].map(([, code = '']) => code.replaceAll(/^ \* ?/gm, ''));
    if (codes.length > 0) examples.set(name, codes.join('\n'));
  }
}

/** The entry points that package.json names. */
async function entryPoints(): Promise<string[]> {
  const { exports } = JSON.parse(await read('../package.json')) as { exports: Record<string, { default?: string }> };
  const built = Object.values(exports).map(({ default: path }) => path);
  return built
    .filter((path) => path !== undefined)
    .map((path) => path.replace('./dist/', './').replace(/\.js$/, '.ts'));
}

test('every function that users import has one', { timeout: COMPILING }, async () => {
  const missing: string[] = [];
  for (const entry of await entryPoints()) {
    const module = (await import(new URL(entry, SRC).pathname)) as Record<string, unknown>;
    const functions = Object.entries(module).filter(([, it]) => typeof it === 'function' && !isClass(it));
    missing.push(...functions.map(([name]) => name).filter((name) => !examples.has(name)));
  }
  expect(missing).toEqual([]);
});

test('they compile as strictly as our own code', { timeout: COMPILING }, async () => {
  expect(examples.size).toBeGreaterThan(25);
  expect(await compile(Object.fromEntries(examples), { always: true })).toBe('');
});

test('they would not, with a mistake in them', { timeout: COMPILING }, async () => {
  const told = await compile({ wrong: 'await supervisor.drain({ timeout: "5s" });' }, { always: true });
  expect(told).toMatch(/wrong\.ts\(2,26\): error TS2322/);
});

function isClass(value: object): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value));
}
