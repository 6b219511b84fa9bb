/** Requests of 2026-07-28 by the thousands, beside a session. */
import { McpServer } from '@modelcontextprotocol/server';
import { expect, test } from 'vitest';
import { modernBody, modernHeaders, serveBoth } from '../modern/modernServer.ts';
import { until } from '../support/until.ts';
import { initialize, post } from '../support/wire.ts';

test('10 000 discovers leave nothing, open no session and make none leave', async () => {
  const { url, supervisor } = await serveBoth({
    maxSessions: 1,
    maxModernRequests: 64,
    server: () => new McpServer({ name: 'plain', version: '1' }), // what a server has is not what is counted here
  });
  const { headers: headersOfSession } = await initialize(url);
  const body = modernBody('server/discover');
  const headers = {
    ...modernHeaders(body),
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  const text = JSON.stringify(body);
  let left = 10_000;
  const statuses = new Set<number>();
  const one = async () => {
    while (left-- > 0) {
      const response = await supervisor.fetch(new Request(url, { method: 'POST', headers, body: text }));
      statuses.add(response.status);
      await response.text();
    }
  };
  await Promise.all(Array.from({ length: 32 }, one));
  expect([...statuses]).toEqual([200]);
  await until(() => supervisor.stats().servers.closing === 0);
  expect(supervisor.stats()).toMatchObject({
    opened: 1,
    calls: 0,
    streams: 0,
    ended: {},
    refused: {},
    servers: { starting: 0, closing: 0 },
  });
  expect((await post(url, { jsonrpc: '2.0', id: 1, method: 'ping' }, headersOfSession)).status).toBe(200);
}, 120_000);
