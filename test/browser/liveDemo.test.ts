/** A server with some life on it, as README shows it. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { call, initialize } from '../support/wire.ts';
import { launch, rowsOf, shoot, show } from './page.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const CLIENTS = [
  { name: 'claude-desktop', version: '1.4.2' },
  { name: 'vscode', version: '1.108.0' },
  { name: 'cursor', version: '2.6.1' },
  { name: 'mcp-inspector', version: '0.21.0' },
];
const PEOPLE = ['ada', 'grace', 'edsger', 'barbara', 'tony', 'leslie'];

test('many sessions come, call, idle and end, and the page shows it all', async () => {
  const { page, faults, url, supervisor, gates } = await show(browser, {
    serve: {
      sessionIdleTimeout: 25_000,
      principal: ({ headers }) => String(headers['x-user']),
    },
    inspector: { revealPrincipals: true, interval: 250 },
  });
  const ids: { id: string; headers: Record<string, string> }[] = [];
  const open = async (n: number): Promise<void> => {
    const { sessionId, headers } = await initialize(url, {
      clientInfo: CLIENTS[n % CLIENTS.length] ?? { name: '', version: '' },
      headers: { 'x-user': PEOPLE[n % PEOPLE.length] ?? '' },
    });
    ids.push({ id: sessionId, headers });
  };
  const calls: Promise<unknown>[] = [];
  const from = performance.now();
  let n = 0;
  // Real time has to pass: the plots are about time.
  while (performance.now() - from < 14_000) {
    await open(n);
    n++;
    const busy = ids.at(-3);
    if (busy !== undefined && n % 4 !== 0) {
      const args = n % 3 === 0 ? { key: 'late' } : { ms: 40 * (n % 9) };
      calls.push(call(url, busy.id, n % 3 === 0 ? 'gate' : 'sleep', args, n, busy.headers).catch(() => {}));
    }
    if (n % 7 === 0) await supervisor.terminate(ids[n - 4]?.id ?? '');
    if (n % 11 === 0) await fetch(url, { method: 'DELETE', headers: ids[n - 6]?.headers ?? {} });
    const pause = 60 + 240 * Math.abs(Math.sin(n / 9));
    const next = performance.now() + pause;
    await until(() => performance.now() >= next);
  }
  await until(async () => (await rowsOf(page).count()) > 10);
  const watched = ids.at(-2);
  for (let i = 0; i < 4 && watched !== undefined; i++) {
    await call(url, watched.id, 'echo', { text: 'x' }, 1_000 + i, watched.headers);
  }
  if (watched !== undefined)
    calls.push(call(url, watched.id, 'gate', { key: 'late' }, 2_000, watched.headers).catch(() => {}));
  await rowsOf(page).nth(1).locator('.badge.active').click();
  await page.locator('.sequence .step').nth(8).waitFor();
  await shoot(page, 'demo');
  await page.emulateMedia({ colorScheme: 'dark' });
  await shoot(page, 'demoDark');
  gates.openAll();
  await Promise.all(calls);
  expect(faults).toEqual([]);
});
