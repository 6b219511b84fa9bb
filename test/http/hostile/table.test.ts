/** The table of hostile input in SECURITY.md and the tests beside this file are the same list, and say the same. */
import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

interface Row {
  readonly sent: string;
  readonly answered: string;
  readonly left: string;
}

async function rows(): Promise<Row[]> {
  const text = await readFile(new URL('../../../SECURITY.md', import.meta.url), 'utf8');
  const [, section = ''] = text.split('\n## Hostile input\n');
  const lines = section.split('\n').filter((line) => line.startsWith('| '));
  return lines.slice(2).map((line) => {
    const [, sent = '', answered = '', left = ''] = line
      .split(' | ')
      .flatMap((cell, n) => (n === 0 ? ['', cell] : [cell]));
    return { sent: sent.replace(/^\| /, '').replaceAll('`', ''), answered, left: left.replace(/ \|$/, '') };
  });
}

/** The tests at the top of each file, by title: a `describe` or a `test`, with all that is in it. */
async function tests(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const file of await readdir(new URL('.', import.meta.url))) {
    if (!file.endsWith('.test.ts') || file === 'table.test.ts') continue;
    const source = await readFile(new URL(file, import.meta.url), 'utf8');
    for (const block of source.split(/^(?=describe|test)/m).slice(1)) {
      const title = /^(?:describe|test)\((['"])(.*)\1, /.exec(block)?.[2];
      expect(title, `a title at the top of ${file} that can be read: ${block.slice(0, 80)}`).toBeDefined();
      expect(found.has(title ?? ''), `two tests called ${title}`).toBe(false);
      found.set(title ?? '', block);
    }
  }
  return found;
}

test('every row has a test of that name, and every test a row', async () => {
  expect((await rows()).map(({ sent }) => sent).sort()).toEqual([...(await tests()).keys()].sort());
});

test('every status and code that a row names is in its test, and Node is named where it answers', async () => {
  const sources = await tests();
  const wrong: string[] = [];
  for (const { sent, answered } of await rows()) {
    const source = sources.get(sent) ?? '';
    for (const [number] of answered.matchAll(/-32\d{3}\b|(?<![\d-])[1-5]\d\d\b(?! (?:levels|messages|KiB))/g)) {
      if (!source.includes(number)) wrong.push(`${sent}: ${number} is not in its test`);
    }
    const nodes = /expectNodes\(|node:http/.test(source);
    if (nodes !== answered.includes('(Node)'))
      wrong.push(`${sent}: Node ${nodes ? 'answers' : 'does not answer'} there`);
  }
  expect(wrong).toEqual([]);
});

test('every row says what is left behind, and what is not nothing ends', async () => {
  for (const { left } of await rows()) expect(left).toMatch(/^nothing$|, (until|for as long as) /);
});
