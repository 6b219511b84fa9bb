/** docs/admin.md: its requests are answered as it says, its tables are those of the code. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { serveAdmin } from '../../src/admin/index.ts';
import { REFUSALS } from '../../src/admin/refusals.ts';
import { createMemorySessionStore } from '../../src/index.ts';
import { type Administered, ask, serveAdministered } from '../admin/administered.ts';
import { supervise } from '../support/serve.ts';
import { becomesIdle } from '../support/sessionLife.ts';
import { initialize } from '../support/wire.ts';

const page = await readFile(new URL('../../docs/admin.md', import.meta.url), 'utf8');

/** The cells of the table below this head. */
const rowsOf = (head: string): string[][] => {
  const lines = page.slice(page.indexOf(head)).split('\n').slice(2);
  const end = lines.findIndex((line) => !line.startsWith('|'));
  return lines.slice(0, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
};

interface Example {
  readonly line: string;
  /** What it says is answered; undefined where it says nothing. */
  readonly answer: unknown;
}

/** The `curl` lines, each with the answer that stands below its block. */
const EXAMPLES: readonly Example[] = [
  ...page.matchAll(/^```sh\n((?:curl .*\n)+)```\n(?:\n```json\n([^`]*)```$)?/gm),
].flatMap(([, lines = '', json]) =>
  lines
    .trim()
    .split('\n')
    .map((line) => ({ line, answer: json === undefined ? undefined : (JSON.parse(json) as unknown) })),
);

/** Sends what a line of the page says, with what it stands for in place of each variable. */
function send({ admin }: Administered, line: string, variables: Readonly<Record<string, string>>) {
  const filled = line.replaceAll(/\$([A-Z]+)/g, (_, name: string) => variables[name] ?? `no ${name}`);
  const [, method = 'GET'] = /-X (\w+)/.exec(filled) ?? [];
  const [, name = '', value = ''] = /-H "([^:]+): ([^"]+)"/.exec(filled) ?? [];
  const [, target = ''] = /(http:\/\/[^"\s]+)"?$/.exec(filled) ?? [];
  const { pathname, search } = new URL(target);
  return ask(admin, pathname + search, { method, headers: { [name]: value } });
}

/** The names of all members, however deep; of what a reader may see as any number of things only the first. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shapeOf(member)]));
}

test('every request is answered as it says', async () => {
  expect(EXAMPLES).toHaveLength(7);
  const given = await serveAdministered({ sessionStore: createMemorySessionStore() }, { allowChanges: true });
  for (let n = 0; n < 2; n++) {
    const { sessionId } = await initialize(given.url, { clientInfo: { name: 'a client', version: '1.0.0' } });
    await becomesIdle(given, sessionId);
  }
  const variables: Record<string, string> = { ADMIN: given.admin.url ?? '', TOKEN: given.admin.token };
  for (const { line, answer } of EXAMPLES) {
    // What is listed is what the next ones are about; who has been ended is not there for them any more.
    if (line.includes('$KEY')) variables['KEY'] = await firstKey(given);
    const got = await send(given, line, variables);
    expect([line, got.status]).toEqual([line, line.includes('/drain') ? 202 : 200]);
    const json = got.json() as { next?: string };
    if (json.next !== undefined) variables['NEXT'] = json.next;
    if (answer !== undefined) expect([line, shapeOf(json)]).toMatchObject([line, shapeOf(answer)]);
    if (answer !== undefined && line.includes('-X')) expect(json).toEqual(answer);
  }
});

async function firstKey({ told }: Administered): Promise<string> {
  const { sessions } = (await told('/sessions')).json() as { sessions: { key: string }[] };
  return sessions[0]?.key ?? '';
}

test('the refusals are those of the code', () => {
  const shown = Object.entries(REFUSALS).map(([name, { status }]) => [`\`${name}\``, String(status)]);
  expect(rowsOf('| `name` | status |').map((cells) => cells.slice(0, 2))).toEqual(shown);
});

test('the options are those of the code', async () => {
  const { supervisor, stop } = supervise();
  const error = await serveAdmin(supervisor, { no: 1 } as never).catch((thrown: Error) => thrown);
  const [, names = ''] = /there are (.*)$/.exec((error as Error).message) ?? [];
  expect(rowsOf('| option | default |').map(([name]) => name)).toEqual(names.split(', ').map((name) => `\`${name}\``));
  await stop();
});
