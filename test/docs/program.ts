/** The programs of pages, loaded as they are written there. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { expect, onTestFinished } from 'vitest';

const ARTIFACTS = new URL('../../.artifacts/', import.meta.url);

/** How each program listens and ends: as README's does, so that the tests put their own in place of it. */
const LISTENING = `http.createServer(toNodeHandler(supervisor)).listen(3000, '127.0.0.1');
process.once('SIGTERM', () => supervisor.drain().then(() => process.exit()));
`;

/** The text of a page of docs/. */
export const pageOf = (name: string) => readFile(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8');

/** What a block of a page exports, or the names that it keeps to itself. */
export async function load<T>(page: string, has: string, names: readonly string[] = []): Promise<T> {
  const blocks = [...(await pageOf(page)).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);
  const [code = '', ...more] = blocks.filter((block) => block.includes(has));
  expect(more).toEqual([]);
  // A module of its own for each test; whole programs are JavaScript as they stand.
  const folder = new URL(`program-${process.pid}-${Math.random()}/`, ARTIFACTS);
  await mkdir(folder, { recursive: true });
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = new URL(names.length > 0 ? 'program.mjs' : 'program.ts', folder);
  if (names.length > 0) expect(code).toContain(LISTENING);
  const exported = names.length > 0 ? `export { ${names.join(', ')} };\n` : '';
  await writeFile(file, code.replace(LISTENING, exported));
  return (await import(file.pathname)) as T;
}
