/** The inspector's page, as a person in front of it meets it. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createMemorySessionStore } from 'mcp-session-supervisor';
import { createInspection } from 'mcp-session-supervisor/inspector';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MANY, openMany } from '../inspector/inspect.ts';
import { Gates } from '../support/gates.ts';
import { advance, SimulatedClock } from '../support/simulatedClock.ts';
import { buildTestServer } from '../support/testServer.ts';
import { until, withTimeout } from '../support/until.ts';
import { call, initialize } from '../support/wire.ts';
import { inspect, launch, rowsOf, shoot, show } from './page.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

/** The count that stands in a state of the big statechart. */
const inState = (page: Page, state: string) => page.locator(`.overview [data-state="${state}"] .note`);

/** Waits until something on the page has this text. */
async function says(of: ReturnType<Page['locator']>, text: string | RegExp): Promise<void> {
  await of
    .filter({ hasText: typeof text === 'string' ? new RegExp(`^${text}$`) : text })
    .first()
    .waitFor();
}

const badge = (page: Page, n: number) => rowsOf(page).nth(n).locator('.badge');

describe('sessions', () => {
  test('appear, change their state, and end with their reason shown', async () => {
    const { page, url, gates, supervisor, faults } = await show(browser);
    await page.getByText('No session yet.').waitFor();
    const { sessionId } = await initialize(url, { clientInfo: { name: 'somebody', version: '3.2.1' } });
    await says(badge(page, 0), 'idle');
    await says(rowsOf(page).locator('.client'), 'somebody 3.2.1');
    expect(await rowsOf(page).count()).toBe(1);
    await says(inState(page, 'idle'), '1');

    const flashed = page.evaluate(
      () =>
        new Promise((resolve) => {
          const look = (): void => {
            const edge = document.querySelector('.overview [data-edge="idle→active"]');
            if (edge !== null && edge.getAnimations().length > 0) resolve(true);
            else requestAnimationFrame(look);
          };
          look();
        }),
    );
    const called = call(url, sessionId, 'gate', { key: 'one' });
    await says(badge(page, 0), 'active');
    await says(rowsOf(page).locator('.calls'), '1');
    expect(await withTimeout(flashed, { what: 'the transition to flash' })).toBe(true);
    gates.openAll();
    await called;
    await says(badge(page, 0), 'idle');

    await supervisor.terminate(sessionId);
    await rowsOf(page).first().waitFor({ state: 'detached' });
    await says(page.locator('[data-reason="terminated"] td').first(), '1');
    await page.getByText('ended', { exact: true }).click();
    await says(badge(page, 0), 'terminated');
    await rowsOf(page).first().click();
    expect(await page.locator('.view .reason').textContent()).toBe(
      'terminated It was ended by the application, or by hand.',
    );
    await shoot(page, 'ended');
    expect(faults).toEqual([]);
  });

  test('are filtered by state, principal and client', async () => {
    const { page, url, faults } = await show(browser, {
      serve: { principal: ({ headers }) => String(headers['x-user']) },
      inspector: { revealPrincipals: true },
    });
    for (const [user, name] of [
      ['ada', 'red'],
      ['ada', 'blue'],
      ['grace', 'red'],
    ] as const) {
      await initialize(url, { clientInfo: { name, version: '1' }, headers: { 'x-user': user } });
    }
    await rowsOf(page).nth(2).waitFor();
    const principal = page.getByLabel('principal contains');
    const client = page.getByLabel('client contains');
    await principal.fill('ADA');
    await until(async () => (await rowsOf(page).count()) === 2, { what: 'two rows' });
    await client.fill('red');
    await until(async () => (await rowsOf(page).count()) === 1, { what: 'one row' });
    expect(await rowsOf(page).locator('.client').textContent()).toBe('red 1');
    await principal.fill('nobody');
    await page.getByText('None like that.').waitFor();
    await principal.fill('');
    await client.fill('');
    await page.locator('.overview [data-state="active"]').click();
    await page.getByText('None like that.').waitFor();
    await page.locator('.overview [data-state="idle"]').click();
    await until(async () => (await rowsOf(page).count()) === 3, { what: 'three rows' });
    await page.getByRole('button', { name: 'client' }).click();
    expect(await rowsOf(page).locator('.client').allTextContents()).toEqual(['blue 1', 'red 1', 'red 1']);
    await page.getByRole('button', { name: 'client' }).click();
    await until(async () => (await rowsOf(page).locator('.client').first().textContent()) === 'red 1');
    expect(faults).toEqual([]);
  });

  test('are 20 000, and the page stays quick while they come and go', async () => {
    const { page, supervisor, faults } = await show(browser, {
      serve: MANY,
      inspector: { interval: 250 },
      before: ({ supervisor }) => openMany(supervisor, 20_000),
    });
    await page.getByText(/^20.000 shown of 20.000/).waitFor();
    expect(await rowsOf(page).count()).toBeLessThan(60);
    const ids = [...supervisor.sessions()].slice(0, 2_000).map(({ id }) => id);
    const ending = (async () => {
      for (const id of ids) await supervisor.terminate(id);
    })();
    const longest = await page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          let worst = 0;
          let before = performance.now();
          const until = before + 3_000;
          const look = (now: number): void => {
            worst = Math.max(worst, now - before);
            before = now;
            if (now < until) requestAnimationFrame(look);
            else resolve(worst);
          };
          requestAnimationFrame(look);
        }),
    );
    await ending;
    expect(longest).toBeLessThan(2_000); // generous: the machine may be busy
    await page.getByText(/^18.000 shown of 18.000/).waitFor();
    await rowsOf(page).first().focus();
    await page.keyboard.press('End');
    await until(async () => (await page.locator('.row:focus').getAttribute('aria-rowindex')) === '18001');
    await shoot(page, 'many');
    expect(faults).toEqual([]);
  });
});

describe('one session', () => {
  test('is opened by Enter and closed by Esc, with its history and its state lit', async () => {
    const { page, url, gates, faults } = await show(browser);
    const { sessionId } = await initialize(url);
    await rowsOf(page).first().waitFor();
    await initialize(url);
    await rowsOf(page).nth(1).waitFor();
    await rowsOf(page).first().focus();
    await page.keyboard.press('ArrowDown');
    await until(async () => (await page.locator('.row:focus').getAttribute('aria-rowindex')) === '3');
    expect(await page.locator('.row:focus').evaluate((row) => getComputedStyle(row).outlineStyle)).toBe('solid');
    await page.keyboard.press('Enter');
    const events = page.locator('.sequence .step');
    const seen = (): Promise<(string | null)[]> =>
      events.evaluateAll((steps) => steps.map((step) => step.getAttribute('data-event')));
    await until(async () => (await seen()).length === 5, { what: 'five events' });
    expect(await seen()).toEqual(['opened', 'active', 'idle', 'active', 'idle']);
    await page.locator('.view .state.idle.lit').waitFor();

    const called = call(url, sessionId, 'gate', { key: 'one' });
    await page.locator('.view .state.active.lit').waitFor();
    gates.openAll();
    await called;
    await until(async () => (await seen()).length === 8, { what: 'eight steps' });
    await shoot(page, 'session');
    await page.keyboard.press('Escape');
    await page.locator('.view').waitFor({ state: 'detached' });
    expect(await page.locator('.row:focus').getAttribute('aria-rowindex')).toBe('3');
    expect(faults).toEqual([]);
  });

  test('is saved as JSON and as Mermaid', async () => {
    const { page, url } = await show(browser);
    await initialize(url);
    await rowsOf(page).first().click();
    const saved = async (name: string): Promise<string> => {
      const download = page.waitForEvent('download');
      await page.getByRole('button', { name }).click();
      return readFile(await (await download).path(), 'utf8');
    };
    const { session, history } = JSON.parse(await saved('Save as JSON'));
    expect(session).toMatchObject({ state: 'idle', client: { name: 'wire', version: '1.0.0' } });
    expect(history).toHaveLength(5);
    const mermaid = await saved('Save as Mermaid');
    expect(mermaid).toMatch(/^sequenceDiagram\n/);
    expect(mermaid).toMatch(
      /client->>server: initialize · \S+ ms [\d:.]+ \(1 in flight\)\n {2}Note over session: opened/,
    );
    expect(mermaid).toMatch(/server-->>client: response [\d:.]+ \(0 in flight\)\n {2}Note over session: idle/);
  });

  test('is ended by a button after it was confirmed, where that is allowed', async () => {
    const { page, url, supervisor, faults } = await show(browser, { inspector: { allowTerminate: true } });
    const { sessionId } = await initialize(url);
    await rowsOf(page).first().click();
    await page.getByRole('button', { name: 'End this session…' }).click();
    await page.getByRole('dialog').waitFor();
    await shoot(page, 'terminate');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    expect(await page.locator('.view').count()).toBe(1);
    expect(supervisor.session(sessionId)).toBeDefined();
    await page.getByRole('button', { name: 'End this session…' }).click();
    await page.getByRole('button', { name: 'End it' }).click();
    await page.locator('.view .reason').waitFor();
    expect(await page.locator('.view .state.lit').getAttribute('data-state')).toBe('terminated');
    expect(supervisor.session(sessionId)).toBeUndefined();
    expect(faults).toEqual([]);
  });

  test('has no such button where it is not allowed', async () => {
    const { page, url } = await show(browser);
    await initialize(url);
    await rowsOf(page).first().click();
    await page.getByRole('button', { name: 'Save as JSON' }).waitFor();
    expect(await page.getByRole('button', { name: 'End this session…' }).count()).toBe(0);
  });
});

describe('sessions that have records', () => {
  const PARK_AFTER = 60_000;

  /** A page on simulated time; a session is brought back when `allow` was called. */
  async function showParking() {
    const clock = new SimulatedClock();
    let allow = () => {};
    const allowed = new Promise<void>((resolve) => {
      allow = resolve;
    });
    const shown = await show(browser, {
      serve: {
        server: async (session) => {
          if (session.restored) await allowed;
          return buildTestServer(session, new Gates());
        },
        sessionStore: createMemorySessionStore(),
        parkAfter: PARK_AFTER,
        clock,
      },
      inspector: { now: () => clock.now(), allowTerminate: true },
    });
    return { ...shown, allow, park: () => advance(clock, PARK_AFTER) };
  }

  const filter = (page: Page, text: string) => page.locator('.filters label', { hasText: text }).click();
  const fact = (page: Page, name: string) => page.locator('.view dl > div', { hasText: name }).locator('dd');
  const lit = (page: Page, state: string) => page.locator(`.view .state.${state}.lit`);

  test('are counted and listed while they are parked, and shown to come back with their epoch', async () => {
    const { page, url, supervisor, faults, allow, park } = await showParking();
    const { sessionId } = await initialize(url);
    await says(inState(page, 'idle'), '1');
    await says(inState(page, 'parked'), '0');
    await rowsOf(page).first().click();
    await lit(page, 'idle').waitFor();
    expect(await fact(page, 'epoch').count()).toBe(0);

    await park();
    await says(inState(page, 'parked'), '1');
    await says(inState(page, 'idle'), '0');
    expect(await rowsOf(page).count()).toBe(0);
    await lit(page, 'parked').waitFor(); // it goes on to be watched
    await filter(page, 'parked');
    await says(badge(page, 0), 'parked');
    await says(rowsOf(page).locator('.age'), /ago$/);
    await says(rowsOf(page).locator('.left'), /min/);
    await says(page.locator('.foot'), /^1 shown of 1, .* parked in all: 1$/);
    await says(fact(page, 'parked'), /ago$/);
    await says(page.locator('.view .reason'), /^parked Its record/);
    await says(page.locator('.timeline figcaption', { hasText: 'parked sessions' }).locator('b'), '1');
    await shoot(page, 'parked');

    const called = call(url, sessionId, 'echo', { text: 'x' });
    await says(inState(page, 'restoring'), '1');
    await lit(page, 'restoring').waitFor();
    await filter(page, 'restoring');
    await says(badge(page, 0), 'restoring');
    await shoot(page, 'restoring');
    allow();
    await called;
    await says(inState(page, 'restoring'), '0');
    await says(inState(page, 'parked'), '0');
    await lit(page, 'idle').waitFor();
    await says(fact(page, 'epoch'), '2');
    await page.locator('.overview [data-state="parked"]').click();
    await page.getByText('None has been parked lately.').waitFor();
    await page.locator('.overview [data-state="idle"]').click();
    await says(badge(page, 0), 'idle');
    const steps = await page.locator('.sequence .step').evaluateAll((all) => all.map((step) => step.textContent));
    expect(steps.filter((text) => /parked|restored/.test(text ?? ''))).toHaveLength(2);

    await park();
    await says(inState(page, 'parked'), '1');
    await page.getByRole('button', { name: 'End this session…' }).click();
    await page.getByRole('button', { name: 'End it' }).click();
    await lit(page, 'terminated').waitFor();
    await says(inState(page, 'parked'), '0');
    expect(await supervisor.record(sessionId)).toBeUndefined();
    expect(faults).toEqual([]);
  });

  test('are nowhere where there is no session store', async () => {
    const { page, url, supervisor } = await show(browser);
    const { sessionId } = await initialize(url);
    await rowsOf(page).first().click();
    await page.locator('.sequence .step').nth(4).waitFor();
    await supervisor.terminate(sessionId);
    await lit(page, 'terminated').waitFor();
    expect(await page.locator('body').textContent()).not.toMatch(/restor|park|epoch/i);
    expect(await page.locator('.overview .state').count()).toBe(4);
    expect(await page.locator('.timeline figure').count()).toBe(3);
  });

  test('fit a narrow window too', async () => {
    const { page, url, faults } = await show(browser, {
      serve: { sessionStore: createMemorySessionStore() },
      context: { viewport: { width: 640, height: 900 } },
    });
    await initialize(url);
    await rowsOf(page).first().click();
    await says(inState(page, 'parked'), '0');
    await shoot(page, 'narrowRecords');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(640);
    expect(faults).toEqual([]);
  });
});

describe('the page', () => {
  test('says that the server is gone, and connects again when it is back', async () => {
    const { page, url, supervisor, inspector } = await show(browser);
    await initialize(url);
    await rowsOf(page).first().click();
    await page.locator('.sequence .step').first().waitFor();
    await inspector.close();
    await page
      .getByRole('status')
      .getByText(/The server is gone/)
      .waitFor();
    await shoot(page, 'gone');
    await initialize(url);
    await inspect(supervisor, { port: inspector.port, token: inspector.token });
    await page.getByRole('status').getByText('live', { exact: true }).waitFor();
    await rowsOf(page).nth(1).waitFor();
    expect(await rowsOf(page).count()).toBe(2);
    // It gives other names to sessions than the one before.
    await page.getByText('The server knows no such session any more.').waitFor();
  });

  test('still watches the same session when the line broke and the server did not', async () => {
    const names = createInspection();
    const { page, url, supervisor, inspector } = await show(browser, { inspector: { inspection: names } });
    const { sessionId } = await initialize(url);
    await rowsOf(page).first().click();
    await page.locator('.sequence .step').nth(4).waitFor();
    await inspector.close();
    await page
      .getByRole('status')
      .getByText(/The server is gone/)
      .waitFor();
    await inspect(supervisor, { port: inspector.port, token: inspector.token, inspection: names });
    await page.getByRole('status').getByText('live', { exact: true }).waitFor();
    await call(url, sessionId, 'echo', { text: 'x' });
    await page.locator('.sequence .step').nth(7).waitFor();
    expect(await page.locator('.sequence .step').count()).toBe(8);
  });

  test('is as small as its page says', async () => {
    const folder = new URL('../../dist/inspector/page/', import.meta.url);
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    const sizes = await Promise.all(
      files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size),
    );
    const [, told] = /it adds (\d+) kB/.exec(await readFile('docs/inspecting.md', 'utf8')) ?? [];
    expect(sizes.reduce((sum, size) => sum + size, 0) / 1_000).toBeCloseTo(Number(told), -1);
  });

  test('fits a narrow window', async () => {
    const { page, url, faults } = await show(browser, { context: { viewport: { width: 640, height: 900 } } });
    await initialize(url);
    await rowsOf(page).first().click();
    await page.locator('.sequence .step').first().waitFor();
    await shoot(page, 'narrow');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(640);
    expect(faults).toEqual([]);
  });

  test('is dark for whoever prefers it', async () => {
    const { page, url } = await show(browser, { context: { colorScheme: 'dark' } });
    await initialize(url);
    await rowsOf(page).first().waitFor();
    const background = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(await background()).toBe('rgb(16, 20, 26)');
    await shoot(page, 'dark');
    await page.emulateMedia({ colorScheme: 'light' });
    expect(await background()).toBe('rgb(244, 245, 247)');
  });
});
