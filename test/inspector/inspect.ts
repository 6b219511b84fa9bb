/** A supervisor that is inspected, for the length of a test. */
import { onTestFinished } from 'vitest';
import { type Inspector, type InspectorOptions, serveInspector } from '../../src/inspector/index.ts';
import { type Served, type ServeOptions, type Supervisor, serve } from '../support/serve.ts';
import { TinyServer } from '../support/tinyServer.ts';
import { turns, withTimeout } from '../support/until.ts';
import { callBody, initializeBody } from '../support/wire.ts';

/** Often enough that no test waits for it. */
const INTERVAL = 10;

/** Serves an inspector of a supervisor, and closes it when the test ends. */
export async function inspect(supervisor: Supervisor, options: InspectorOptions = {}): Promise<Inspector> {
  const inspector = await serveInspector(supervisor, { interval: INTERVAL, ...options });
  onTestFinished(() => withTimeout(inspector.close(), { what: 'the inspector to close' }));
  return inspector;
}

export async function serveInspected(
  options: ServeOptions = {},
  inspectorOptions: InspectorOptions = {},
): Promise<Served & { readonly inspector: Inspector }> {
  const served = await serve(options);
  return { ...served, inspector: await inspect(served.supervisor, inspectorOptions) };
}

export const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

/** What a supervisor of very many sessions is given. */
export const MANY: ServeOptions = { server: () => new TinyServer(), maxSessions: Number.POSITIVE_INFINITY };

/** Opens so many sessions without a socket. Resolves to their ids. */
export async function openMany(supervisor: Supervisor, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) {
    ids.push(await openOne(supervisor));
    // Nothing of this waits for the loop, which others need.
    if (n % 50 === 49) await turns(1);
  }
  return ids;
}

/** One call in a session, without a socket. */
export async function useOnce(supervisor: Supervisor, sessionId: string, id = 1): Promise<void> {
  const headers = { ...JSON_HEADERS, 'mcp-session-id': sessionId };
  const body = JSON.stringify(callBody('echo', { text: 'x' }, id));
  await (await supervisor.fetch(new Request('http://localhost/mcp', { method: 'POST', headers, body }))).text();
}

async function openOne(supervisor: Supervisor): Promise<string> {
  const body = JSON.stringify(initializeBody());
  const request = new Request('http://localhost/mcp', { method: 'POST', headers: JSON_HEADERS, body });
  const response = await supervisor.fetch(request);
  await response.text();
  return response.headers.get('mcp-session-id') ?? '';
}
