/** What an operator looks for on the page: what ran, what was turned away, how it went before the visit, and a drain. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { call, initialize, openStream, post } from '../support/wire.ts';
import { launch, rowsOf, shoot, show } from './page.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

/** Waits until a count on the page is this. */
const counted = (page: Page, name: string, value: string) =>
  page
    .locator(`.counters [data-count="${name}"] b`)
    .filter({ hasText: new RegExp(`^${value}$`) })
    .waitFor();

test('a black box tells what ran before the visit and for how long, and takes no name for markup', async () => {
  let id = '';
  const name = '<img src=x onerror="document.title=`owned`">';
  const { page, url, gates, supervisor, faults } = await show(browser, {
    before: async (served) => {
      const { sessionId } = await initialize(served.url);
      id = sessionId;
      await call(served.url, id, 'echo', { text: 'a secret' }, 1);
    },
  });
  // What ran before there was an inspector, nobody has noted.
  await call(url, id, 'fail', {}, 2);
  await call(url, id, name, {}, 3);
  const calling = call(url, id, 'gate', { key: 'a secret' }, 4);
  await gates.entered('a secret');
  await rowsOf(page).first().click();
  const operations = page.locator('.sequence .step.operation');
  await operations.nth(2).waitFor();
  const texts = await operations.locator('title').allTextContents();
  expect(texts).toEqual([
    expect.stringMatching(/^tools\/call fail · [\d.]+ ms, toolError$/),
    expect.stringContaining(`tools/call ${name} · `),
    'tools/call gate · runs',
  ]);
  expect(await page.locator('.sequence .message.failed').count()).toBe(2);
  await shoot(page, 'operations');
  gates.openAll();
  await calling;
  await supervisor.terminate(id);
  await page.locator('.view .reason').waitFor();
  expect(await operations.last().locator('title').textContent()).toMatch(/^tools\/call gate · [\d.]+ m?s$/);
  expect(await page.content()).not.toContain('a secret');
  expect(await page.title()).not.toBe('owned');
  expect(faults).toEqual([]);
});

test('calls and streams are told apart, and refusals and evictions counted', async () => {
  const { page, url, gates, supervisor, faults } = await show(browser, {
    serve: { maxSessions: 2, enableJsonResponse: true },
  });
  const listening = await initialize(url);
  await openStream(url, { headers: listening.headers });
  const calling = await initialize(url);
  const answer = call(url, calling.sessionId, 'gate', { key: 'a' }, 1);
  await gates.entered('a');
  await Promise.all([counted(page, 'calls', '1'), counted(page, 'streams', '1')]);
  const cells = () =>
    Promise.all(['calls', 'streams'].map((name) => rowsOf(page).locator(`.${name}`).allTextContents()));
  await until(async () => JSON.stringify(await cells()) === '[["1","0"],["0","1"]]', { what: 'calls and streams' });
  await initialize(url).catch(() => {});
  await page.locator('.counters [data-refusal="full"]').filter({ hasText: 'full 1' }).waitFor();
  await counted(page, 'refused', '1');
  gates.openAll();
  await answer;
  await until(() => supervisor.session(calling.sessionId)?.state === 'idle');
  await initialize(url);
  await counted(page, 'evicted', '1');
  await shoot(page, 'counters');
  expect(faults).toEqual([]);
});

test('the plots begin before the visit, also after the page was loaded again', async () => {
  const { page, url, faults } = await show(browser);
  await initialize(url);
  const from = performance.now();
  await until(() => performance.now() - from > 2_500); // real time has to pass: the plots are about time
  const told = page.waitForEvent('websocket').then(
    (socket) =>
      new Promise<number>((resolve) => {
        socket.on('framereceived', ({ payload }) => {
          const frame = JSON.parse(String(payload));
          if (frame.type === 'snapshot' && frame.first) resolve(frame.trend.length);
        });
      }),
  );
  await page.reload();
  expect(await told).toBeGreaterThanOrEqual(3);
  await page.locator('.timeline').getByText('in flight').waitFor();
  const legends = await page.locator('.timeline figcaption').allTextContents();
  expect(legends[1]).toMatch(/refused/);
  expect(legends[2]).toMatch(/calls.*streams/);
  expect(faults).toEqual([]);
});

test('a drain is seen from its delay to its end, after which the page says that it has stopped', async () => {
  const { page, url, gates, supervisor, inspector, faults } = await show(browser);
  const { sessionId } = await initialize(url);
  const answer = call(url, sessionId, 'gate', { key: 'a' }, 1);
  await gates.entered('a');
  const banner = page.locator('.drain');
  expect(await banner.count()).toBe(0);
  const drained = supervisor.drain({ delay: 60_000, timeout: 30_000 });
  await banner.getByText(/serves everything that comes. The drain begins in 5\d s/).waitFor();
  await shoot(page, 'leaving');
  void supervisor.drain();
  await banner.getByText(/Left: sessions 1, calls 1, streams 1. Calls have 2\d s more/).waitFor();
  await post(url, { jsonrpc: '2.0', id: 9, method: 'ping' }, { 'mcp-session-id': sessionId });
  await page.locator('.counters [data-refusal="draining"]').waitFor();
  await shoot(page, 'draining');
  gates.openAll();
  await answer;
  await drained;
  await banner.getByText(/was drained, and nothing is left/).waitFor();
  await inspector.close();
  await page
    .getByRole('status')
    .getByText(/^stopped/)
    .waitFor();
  await shoot(page, 'stopped');
  expect(await page.getByText(/The server is gone/).count()).toBe(0);
  expect(faults).toEqual([]);
});

test('a server that went in the middle of a drain is said to be gone', async () => {
  const { page, url, gates, supervisor, inspector } = await show(browser);
  const { sessionId } = await initialize(url);
  const answer = call(url, sessionId, 'gate', { key: 'a' }, 1);
  await gates.entered('a');
  void supervisor.drain({ timeout: 30_000 });
  await page.locator('.drain[data-phase="draining"]').waitFor();
  await inspector.close();
  await page
    .getByRole('status')
    .getByText(/The server is gone before its drain was over/)
    .waitFor();
  gates.openAll();
  expect((await answer).status).toBe(200);
});
