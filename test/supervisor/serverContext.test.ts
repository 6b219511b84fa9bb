/** What the factory is told of the request that has its server built, whichever way the request came. */
import { expect, test } from 'vitest';
import type { SessionContext } from '../../src/options.ts';
import { serve } from '../support/serve.ts';
import { buildTestServer } from '../support/testServer.ts';
import { initializeBody, post } from '../support/wire.ts';

const ACCEPT = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

test.each([
  ['node', false],
  ['node', true],
  ['web', false],
  ['web', true],
] as const)('headers and URL are those of its request (%s, stateless: %s)', async (adapter, stateless) => {
  const told: Pick<SessionContext, 'headers' | 'url'>[] = [];
  const served = await serve({
    stateless,
    path: '/mcp?tenant=7',
    server: (session) => {
      told.push({ headers: session.headers, url: session.url });
      return buildTestServer(session, served.gates);
    },
  });
  const headers = { 'X-Tenant': 'acme' };
  if (adapter === 'node') await post(served.url, initializeBody(), headers);
  else {
    const body = JSON.stringify(initializeBody());
    const request = new Request(served.url, { method: 'POST', headers: { ...ACCEPT, ...headers }, body });
    await (await served.supervisor.fetch(request)).text();
  }
  expect(told).toHaveLength(1);
  expect({ ...told[0]?.headers }).toMatchObject({ 'x-tenant': 'acme', 'content-type': 'application/json' });
  expect(told[0]?.url).toBeInstanceOf(URL);
  expect(told[0]?.url.href).toBe(served.url);
});
