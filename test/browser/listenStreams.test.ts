/** Listen streams of 2026-07-28 on the inspector's page. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildModernServer, modernBody, modernHeaders } from '../modern/modernServer.ts';
import { openStream } from '../support/wire.ts';
import { launch, rowsOf, shoot, show } from './page.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

test('have a table while there are any: what each wants and is sent, and that it ends', async () => {
  const { page, supervisor, url, faults } = await show(browser, {
    serve: { modern: 'serve', server: (context) => buildModernServer(context) },
  });
  const table = page.getByRole('region', { name: 'Listen streams' });
  await page.getByText('No session yet.').waitFor();
  expect(await table.count()).toBe(0);

  const listen = async (notifications: object, id: string) => {
    const body = modernBody('subscriptions/listen', { notifications }, id);
    const stream = await openStream(url, { body, headers: modernHeaders(body) });
    await stream.message();
    return stream;
  };
  const first = await listen({ toolsListChanged: true }, 'a');
  await table.getByText('listen streams, of no session: 1').waitFor();
  const row = table.locator('tbody tr[data-state="open"]');
  expect((await row.locator('td').allTextContents()).slice(0, 5)).toEqual([
    'open',
    'nobody',
    'wire 1.0.0',
    'tools',
    '1',
  ]);
  supervisor.notify.toolsChanged();
  await row.locator('td', { hasText: /^2$/ }).waitFor();

  const second = await listen({ resourcesListChanged: true, resourceSubscriptions: ['note:///a'] }, 'b');
  await table.getByText('listen streams, of no session: 2').waitFor();
  await row.getByText('resources, 1 by URI').waitFor();
  await shoot(page, 'listenStreams');
  first.destroy(); // its client leaves
  await table.getByText('listen streams, of no session: 1').waitFor();
  expect(await row.count()).toBe(1);

  const drained = supervisor.drain(); // ends the other one
  expect(await second.message()).toMatchObject({ id: 'b', result: { resultType: 'complete' } });
  await drained;
  await table.waitFor({ state: 'detached' });
  expect(await rowsOf(page).count()).toBe(0);
  expect(faults).toEqual([]);
});
