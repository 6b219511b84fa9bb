/** The inspector's page in a real Chromium, beside the server that it shows. */
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type InspectorOptions, serveInspector } from 'mcp-session-supervisor/inspector';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';
import { type Served, type ServeOptions, type Supervisor, serve } from '../support/serve.ts';

const SCREENSHOTS = fileURLToPath(new URL('../../.artifacts/screenshots/', import.meta.url));

/** Loopback only, and nothing that a browser does by itself. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** How long the page may take to show something, in ms. A bound, never an expectation. */
const WITHIN = 20_000;

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: FLAGS });
}

export interface Shown extends Served {
  readonly page: Page;
  /** What the page asked for beyond its own server, and the errors that it met. */
  readonly faults: readonly string[];
  readonly inspector: Awaited<ReturnType<typeof serveInspector>>;
}

export interface ShowOptions {
  readonly serve?: ServeOptions;
  readonly inspector?: InspectorOptions;
  readonly context?: BrowserContextOptions;
  /** Called before the page is opened. */
  readonly before?: (served: Served) => Promise<unknown>;
}

/** Serves a supervisor and its inspector, and opens the page. All of it is closed when the test ends. */
export async function show(browser: Browser, options: ShowOptions = {}): Promise<Shown> {
  const served = await serve(options.serve);
  await options.before?.(served);
  const inspector = await inspect(served.supervisor, options.inspector);
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, ...options.context });
  onTestFinished(() => context.close());
  context.setDefaultTimeout(WITHIN);
  const page = await context.newPage();
  const faults: string[] = [];
  const { host } = new URL(inspector.url);
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith('http') && url.host !== host) faults.push(`asked for ${request.url()}`);
  });
  page.on('console', (message) => {
    // That a server is gone is told by the browser too.
    if (message.type() === 'error' && !message.text().includes('WebSocket')) faults.push(message.text());
  });
  await page.goto(inspector.url);
  await page.getByRole('status').getByText('live', { exact: true }).waitFor();
  return { ...served, page, faults, inspector };
}

/** An inspector that closes when the test ends; twice is harmless. */
export async function inspect(supervisor: Supervisor, options: InspectorOptions = {}) {
  const inspector = await serveInspector(supervisor, { interval: 50, ...options });
  onTestFinished(() => inspector.close());
  return inspector;
}

/** Keeps a picture of the page, to be looked at. */
export async function shoot(page: Page, name: string): Promise<void> {
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: `${SCREENSHOTS}${name}.png` });
}

/** The rows of sessions that the page shows. */
export function rowsOf(page: Page) {
  return page.locator('.all .row');
}
