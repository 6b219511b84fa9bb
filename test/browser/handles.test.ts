/** Handles on the inspector's page. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANN, browsersOf, gate } from '../supervisor/handleLife.ts';
import { launch, shoot, show } from './page.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

test('have a table where a kind of them is defined: their state, their uses, and why they ended', async () => {
  const { page, supervisor, faults } = await show(browser);
  const table = page.getByRole('region', { name: 'Handles' });
  await page.getByText('No session yet.').waitFor();
  expect(await table.count()).toBe(0);

  const { handles } = browsersOf(supervisor);
  await table.waitFor();
  const id = await handles.create(ANN);
  const badge = table.locator('.badge');
  await badge.getByText('idle', { exact: true }).waitFor();
  const held = gate();
  const running = handles.use(id, ANN, () => held.opened);
  await badge.getByText('active', { exact: true }).waitFor();
  await table.getByText('1 active').waitFor();
  await shoot(page, 'handles');
  held.open();
  await running;
  await handles.end(id, ANN);
  await badge.getByText('deleted', { exact: true }).waitFor();
  expect(await page.content()).not.toContain(id);
  expect(faults).toEqual([]);
});
