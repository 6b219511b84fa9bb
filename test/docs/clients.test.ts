/** What docs/clients.md tells of each client is what `npm run test:clients` checks, of the version that it installs. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CLIENTS, type TriedClient } from '../clients/clientList.ts';

const read = (path: string) => readFile(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');

const page = await read('docs/clients.md');
const { dependencies } = JSON.parse(await read('test/clients/packages/package.json')) as {
  dependencies: Record<string, string>;
};

const CUT_OFF = { fails: 'fails', hangs: 'is never settled' };
const REFUSED = { 'goes on': 'goes on in its session', 'begins anew': 'begins a new session' };
const WITHOUT_STORE = { 'stays broken': 'broken until it is restarted', 'begins anew': 'begins a new session' };

function heard({ hears: { before, ...after } }: TriedClient): string {
  if (!before) return 'is never shown';
  return Object.values(after).every(Boolean) ? 'arrives as before' : 'arrives before a restart, seldom after';
}

function rowOf(client: TriedClient): string {
  const name = `${client.name} (\`${client.package}\` ${dependencies[client.package]})`;
  const cells = [
    name,
    CUT_OFF[client.cutOff],
    REFUSED[client.refused],
    heard(client),
    WITHOUT_STORE[client.withoutStore],
  ];
  return `| ${cells.join(' | ')} |`;
}

test('the table has what is checked of each client', () => {
  const [, table = ''] = /^\| --- .*\n((?:\|.*\n)+)/m.exec(page) ?? [];
  expect(table.trimEnd().split('\n')).toEqual(CLIENTS.map(rowOf));
});
