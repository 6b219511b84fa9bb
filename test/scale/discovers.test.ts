/** Requests of 2026-07-28 by the thousands, beside a session. */
import { McpServer } from '@modelcontextprotocol/server';
import { expect, test } from 'vitest';
import { modernBody, modernHeaders, serveBoth } from '../modern/modernServer.ts';
import { heap, resources } from '../support/left.ts';
import { until } from '../support/until.ts';
import { initialize, post } from '../support/wire.ts';

test('10 000 discovers leave nothing, open no session and make none leave', async () => {
  const closed = { servers: 0, cleanups: 0 };
  const { url, supervisor, events, log } = await serveBoth({
    maxSessions: 1,
    maxModernRequests: 64,
    server: ({ era }) => {
      const server = new McpServer({ name: 'plain', version: '1' }); // what a server has is not what is counted here
      if (era === 'session') return server;
      server.server.onclose = () => void closed.servers++;
      return { server, cleanup: () => void closed.cleanups++ };
    },
  });
  const { sessionId, headers: headersOfSession } = await initialize(url);
  const session = supervisor.session(sessionId);
  const body = modernBody('server/discover');
  const headers = {
    ...modernHeaders(body),
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  const text = JSON.stringify(body);
  const statuses = new Set<number>();
  const discover = async (count: number) => {
    let left = count;
    const one = async () => {
      while (left-- > 0) {
        const response = await supervisor.fetch(new Request(url, { method: 'POST', headers, body: text }));
        statuses.add(response.status);
        await response.text();
      }
    };
    await Promise.all(Array.from({ length: 32 }, one));
    await until(() => supervisor.stats().servers.closing === 0);
  };
  const before = { stats: supervisor.stats(), resources: resources(), events: events.length, log: log.length };
  const heaps: number[] = [];
  for (let part = 0; part < 5; part++) {
    await discover(2_000);
    heaps.push(await heap());
  }
  expect([...statuses]).toEqual([200]);
  expect(closed).toEqual({ servers: 10_000, cleanups: 10_000 });
  const { modern, ...stats } = supervisor.stats();
  expect({ ...stats, modern: before.stats.modern }).toEqual(before.stats);
  expect(modern).toEqual({ admitted: (before.stats.modern?.admitted ?? 0) + 10_000, open: 0, listening: 0 });
  expect(before.stats).toMatchObject({ opened: 1, calls: 0, streams: 0, ended: {}, refused: {} });
  expect([...supervisor.listenStreams()]).toEqual([]);
  // None opened, none left, none made room for another; and nothing of it was told.
  expect([...supervisor.sessions()].map(({ id, history }) => ({ id, history }))).toEqual([
    { id: sessionId, history: session?.history },
  ]);
  expect({ events: events.length, log: log.length }).toEqual({ events: before.events, log: before.log });
  const { timers, sockets } = before.resources;
  await until(() => resources().timers <= timers && resources().sockets <= sockets, {
    what: 'no timer and no socket to be left',
  });
  // 50 bytes of each of the last 6 000 would be seen.
  const [, second = 0, third = 0, fourth = 0, last = 0] = heaps;
  expect(Math.min(fourth, last) - Math.min(second, third)).toBeLessThan(200_000);
  expect((await post(url, { jsonrpc: '2.0', id: 1, method: 'ping' }, headersOfSession)).status).toBe(200);
}, 120_000);
