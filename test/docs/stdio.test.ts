/** docs/stdio.md: the request that it has people send is one that is answered. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { serveProcesses } from '../stdio/simulatedProcesses.ts';

test('the curl line opens a session', async () => {
  const text = await readFile(new URL('../../docs/stdio.md', import.meta.url), 'utf8');
  const [, command = ''] = /```sh\n(curl [^`]*)```/.exec(text) ?? [];
  const headers = [...command.matchAll(/-H '([^:']+): ([^']+)'/g)].map(([, name = '', value = '']) => [name, value]);
  const [, body = ''] = /-d '([^']+)'/.exec(command) ?? [];
  const { url } = await serveProcesses();
  expect(new URL(/http:\S+/.exec(command)?.[0] ?? '').pathname).toBe('/mcp');
  const response = await fetch(url, { method: 'POST', headers: Object.fromEntries(headers), body });
  expect([response.status, response.headers.has('mcp-session-id')]).toEqual([200, true]);
  expect(await response.text()).toContain('"serverInfo"');
});
