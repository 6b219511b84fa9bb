/** The process of a session on the page: the command with a command behind it, as an operator has it. */
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { start } from '../cli/command.ts';
import { call, initialize } from '../support/wire.ts';
import { launch, rowsOf, shoot } from './page.ts';

/** The one that has its page. */
const COMMAND = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const SERVER = fileURLToPath(new URL('../cli/fixtures/stdioServer.js', import.meta.url));

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

test('its state, its number, and how it ended with what it said last', async () => {
  const flags = ['--port', '0', '--inspect', '--restart', 'transient', '--max-restarts', '1'];
  const running = start(process.execPath, [COMMAND, ...flags, '--env', 'TOKEN=s3cret', '--', process.execPath, SERVER]);
  const url = await running.url();
  const { sessionId } = await initialize(url);
  const { pid } = (await call(url, sessionId, 'env')).messages()[0]?.result ?? {};
  const page = await browser.newPage();
  page.setDefaultTimeout(10_000);
  await page.goto((await running.line(/ inspector /)).replace(/^ +inspector +/, ''));
  await rowsOf(page).first().click();
  const child = page.locator('.view .child');
  await child.locator('.badge', { hasText: 'ready' }).waitFor();
  await child.getByText(`pid ${pid}`).waitFor();
  expect(await child.locator('pre').count()).toBe(0);

  await call(url, sessionId, 'die', { code: 7 }, 2);
  await child.getByText('the 2nd of its session').waitFor();
  await child.getByText('The last one that ended exited with code 7.').waitFor();
  expect(await child.locator('pre').textContent()).toBe('last words');
  await shoot(page, 'child');

  await call(url, sessionId, 'die', { code: 8 }, 3);
  await child.locator('.badge', { hasText: 'gone' }).waitFor();
  await child.getByText('It exited with code 8, and had been started again too often.').waitFor();
  expect(await page.content()).not.toContain('s3cret');
});
