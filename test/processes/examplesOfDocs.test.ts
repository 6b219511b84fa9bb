/** The examples of docs/testing.md that are tests: they pass, as they are written there. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, describe } from 'vitest';

const FOLDER = fileURLToPath(new URL('../../.artifacts/examples/', import.meta.url));

for (const page of ['docs/testing.md']) {
  const text = await readFile(new URL(`../../${page}`, import.meta.url), 'utf8');
  const examples = [...text.matchAll(/^```ts\n(.*?)^```$/gms)]
    .map(([, code = '']) => code)
    .filter((code) => code.includes("from 'vitest'"));
  if (examples.length === 0) throw new Error(`${page} has no example that is a test`);
  const folder = `${FOLDER}${process.pid}-${page.replaceAll(/\W/g, '-')}`;
  await mkdir(folder, { recursive: true });
  describe(page, async () => {
    for (const [index, code] of examples.entries()) {
      const file = `${folder}/${index}.ts`;
      await writeFile(file, code);
      await import(file); // declares its tests
    }
    afterAll(() => rm(folder, { recursive: true }));
  });
}
