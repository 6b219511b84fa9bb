/** Requests of 2026-07-28, served: by a server of their own each, within bounds, until they are answered or given up. */
import { McpServer as V1McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { McpServer, requireScopes } from '@modelcontextprotocol/server';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { toNodeHandler } from '../../src/node.ts';
import { rawSocket } from '../support/rawSocket.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { until } from '../support/until.ts';
import { call, callBody, exchange, initialize, openStream, post } from '../support/wire.ts';
import {
  ask,
  buildModernServer,
  discover,
  modernBody,
  modernHeaders,
  serveBoth,
  textOf,
  toolBody,
} from './modernServer.ts';

describe('a call', () => {
  test('gets a server of its own, which is told whom it serves, and is closed with it', async () => {
    const cleaned: unknown[] = [];
    const contexts: unknown[] = [];
    const { url, supervisor } = await serveBoth({
      principal: ({ headers }) => headers['x-user'] as string | undefined,
      server: (context) => {
        const { id, era, state, epoch, restored, principal, clientInfo, protocolVersion, headers } = context;
        const user = headers['x-user'];
        contexts.push({
          id,
          era,
          state,
          epoch,
          restored,
          principal,
          clientInfo,
          protocolVersion,
          user,
          path: context.url.pathname,
        });
        return { server: buildModernServer(context), cleanup: (...args: unknown[]) => cleaned.push(args) };
      },
    });
    const response = await ask(url, toolBody('echo', { text: 'hello' }, 'call-1'), { 'x-user': 'ada' });
    expect(response.headers['content-type']).toBe('application/json');
    expect(response.json()).toMatchObject({
      id: 'call-1',
      result: { resultType: 'complete', content: [{ text: 'hello' }] },
    });
    expect(contexts).toEqual([
      {
        ...{ id: undefined, era: 'modern', state: undefined, epoch: undefined, restored: false, principal: 'ada' },
        ...{ clientInfo: { name: 'wire', version: '1.0.0' }, protocolVersion: '2026-07-28', user: 'ada', path: '/mcp' },
      },
    ]);
    await until(() => cleaned.length === 1);
    expect(cleaned).toEqual([[undefined, { parked: false }]]);
    expect(supervisor.stats()).toMatchObject({ calls: 0, streams: 0, servers: { starting: 0, closing: 0 }, opened: 0 });
  });

  test('keeps nothing for the next one: a server that counts in its closure counts to 1', async () => {
    const { url, built } = await serveBoth();
    const { sessionId } = await initialize(url);
    const modern: string[] = [];
    const inSession: string[] = [];
    for (let n = 0; n < 3; n++) {
      modern.push(textOf(await ask(url, toolBody('count'))));
      inSession.push(textOf(await call(url, sessionId, 'count')));
    }
    expect({ modern, inSession }).toEqual({ modern: ['1', '1', '1'], inSession: ['1', '2', '3'] });
    expect(built.map(({ era }) => era).sort()).toEqual(['modern', 'modern', 'modern', 'session']);
  });

  test('has its handler see the request that it answers', async () => {
    const authInfo = { token: 't', clientId: 'c', scopes: [] };
    const { url } = await serveBoth({
      behind: (supervisor) => (req, res) => toNodeHandler(supervisor)(Object.assign(req, { auth: authInfo }), res),
    });
    expect(JSON.parse(textOf(await ask(url, toolBody('whoami'))))).toEqual({
      ...{ sessionId: null, clientId: 'c', name: 'whoami', path: '/mcp', isRequest: true, mode: 'string', all: true },
    });
  });

  test('sends what belongs to it before its answer, on one stream', async () => {
    const { url, gates, supervisor } = await serveBoth();
    const body = modernBody(
      'tools/call',
      { name: 'progress', arguments: { key: 'a' }, _meta: { progressToken: 7 } },
      'p',
    );
    const stream = await openStream(url, { body, headers: modernHeaders(body) });
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
    });
    expect(await stream.message()).toMatchObject({ method: 'notifications/progress', params: { progressToken: 7 } });
    expect(supervisor.stats()).toMatchObject({ calls: 1, streams: 1 });
    gates.open('a');
    expect(await stream.message()).toMatchObject({ id: 'p', result: { content: [{ text: 'two steps' }] } });
    expect(await stream.closed).toBe(true);
    await until(() => supervisor.stats().calls === 0);
    expect(supervisor.stats().streams).toBe(0);
  });

  test('with enableJsonResponse has one JSON answer and nothing before it', async () => {
    const { url, gates } = await serveBoth({ enableJsonResponse: true });
    gates.open('a');
    const body = toolBody('progress', { key: 'a' });
    const response = await ask(url, body, { accept: 'application/json' });
    expect(response.headers['content-type']).toBe('application/json');
    expect(response.json()).toMatchObject({ id: 1, result: { content: [{ text: 'two steps' }] } });
    const listen = modernBody('subscriptions/listen', { notifications: { toolsListChanged: true } });
    expect((await ask(url, listen, { accept: 'application/json' })).status).toBe(406);
  });

  test('that takes long is given a stream, which is kept alive', async () => {
    const clock = new SimulatedClock();
    const { url, gates, supervisor } = await serveBoth({ clock, keepAliveInterval: 1_000 });
    const body = toolBody('gate', { key: 'a' }, 9);
    const opening = openStream(url, { body, headers: modernHeaders(body) });
    await gates.entered('a');
    clock.increment(1_000);
    const stream = await opening;
    clock.increment(1_000);
    expect(await stream.comment()).toBe('keep-alive');
    expect(supervisor.stats().streams).toBe(1);
    gates.open('a');
    expect(await stream.message()).toMatchObject({ id: 9, result: {} });
    expect(await stream.closed).toBe(true);
  });

  test('whose reader is slow is ended with its stream', async () => {
    const { port, gates, supervisor } = await serveBoth({ maxStreamBuffer: 4_096 });
    const body = JSON.stringify(toolBody('flood', { key: 'a' }));
    const headers = Object.entries(modernHeaders(toolBody('flood'))).map(([name, value]) => `${name}: ${value}\r\n`);
    const socket = await rawSocket(port);
    socket.socket.pause();
    socket.write(
      `POST /mcp HTTP/1.1\r\nHost: a\r\nAccept: application/json, text/event-stream\r\nContent-Type: application/json\r\n${headers.join('')}Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    await gates.aborted('a');
    expect(gates.counts('a').aborted).toBe(1);
    socket.socket.destroy();
    await until(() => supervisor.stats().calls === 0);
  });

  test('whose token lacks a scope is told which, in the header that says so', async () => {
    const authInfo = { token: 't', clientId: 'c', scopes: [] };
    const { url } = await serveBoth({
      behind: (supervisor) => (req, res) => toNodeHandler(supervisor)(Object.assign(req, { auth: authInfo }), res),
      server: () => {
        const server = new McpServer({ name: 'scoped', version: '1' });
        server.registerTool('secret', { scopeChallenge: requireScopes('read') }, () => ({ content: [] }));
        return server;
      },
    });
    const response = await ask(url, toolBody('secret'));
    expect(response.status).toBe(403);
    expect(response.headers['www-authenticate']).toMatch(/insufficient_scope.*scope="read"/);
  });
});

describe('a client that leaves', () => {
  test('has cancelled its call, and with a session it has not', async () => {
    const { url, gates, supervisor } = await serveBoth();
    const { headers } = await initialize(url);
    const body = toolBody('progress', { key: 'modern' });
    const modern = await openStream(url, { body, headers: modernHeaders(body) });
    const inSession = await openStream(url, { body: callBody('progress', { key: 'session' }), headers });
    await Promise.all([gates.entered('modern'), gates.entered('session')]);
    modern.destroy();
    inSession.destroy();
    await gates.aborted('modern');
    await until(() => [...supervisor.sessions()][0]?.inFlight === 0);
    expect(gates.counts('session')).toEqual({ entered: 1, aborted: 0 });
    gates.open('session');
    await until(() => supervisor.stats().calls === 0);
  });

  test('has cancelled a call that was not answered at all yet', async () => {
    const { url, gates, supervisor } = await serveBoth();
    const request = new AbortController();
    const body = toolBody('gate', { key: 'a' });
    const headers = {
      ...modernHeaders(body),
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    };
    const asking = fetch(url, { method: 'POST', body: JSON.stringify(body), headers, signal: request.signal });
    await gates.entered('a');
    request.abort();
    await expect(asking).rejects.toThrow();
    await gates.aborted('a');
    await until(() => supervisor.stats().calls === 0);
  });
});

describe('bounds', () => {
  test('of each era hold for that era alone', async () => {
    const { url, gates } = await serveBoth({
      principal: ({ headers }) => headers['x-user'] as string | undefined,
      maxSessions: 2,
      maxSessionsPerPrincipal: 1,
      whenFull: 'reject',
      maxModernRequests: 2,
      maxModernRequestsPerPrincipal: 1,
    });
    const gate = (key: string, user: string) => ask(url, toolBody('gate', { key }), { 'x-user': user });
    const open = async (user: string) => (await post(url, { ...INITIALIZE }, { 'x-user': user })).status;
    expect(await open('ada')).toBe(200);
    expect(await open('ada')).toBe(429);
    const first = gate('a', 'ada');
    await gates.entered('a');
    expect((await gate('b', 'ada')).status).toBe(429);
    const second = gate('c', 'bob');
    await gates.entered('c');
    const full = await discover(url, { 'x-user': 'eve' });
    expect({ status: full.status, retry: full.headers['retry-after'] }).toEqual({ status: 503, retry: '5' });
    expect(await open('bob')).toBe(200);
    expect(await open('eve')).toBe(503);
    gates.openAll();
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
    await until(async () => (await discover(url, { 'x-user': 'ada' })).status === 200);
  });

  test('a body that does not come takes its place until it is refused', async () => {
    const clock = new SimulatedClock();
    const { url, port, supervisor } = await serveBoth({ clock, maxModernRequests: 1, requestBodyTimeout: 1_000 });
    const socket = await rawSocket(port);
    socket.write(
      'POST /mcp HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nContent-Type: application/json\r\nMCP-Protocol-Version: 2026-07-28\r\nContent-Length: 9\r\n\r\n{',
    );
    await until(async () => (await discover(url)).status === 503);
    clock.increment(1_000);
    await until(() => supervisor.stats().refused['bodyTimeout'] === 1);
    expect(
      (
        await until(async () => {
          const response = await discover(url);
          return response.status === 200 && response;
        })
      ).status,
    ).toBe(200);
    socket.socket.destroy();
  });
});

describe('a drain', () => {
  test('waits for calls, and refuses new ones', async () => {
    const { url, gates, supervisor } = await serveBoth({ shutdownTimeout: 60_000 });
    const calling = ask(url, toolBody('gate', { key: 'a' }));
    await gates.entered('a');
    let drained = false;
    const draining = supervisor.drain().then(() => (drained = true));
    const refused = await discover(url);
    expect({ status: refused.status, retry: refused.headers['retry-after'] }).toEqual({ status: 503, retry: '5' });
    expect(drained).toBe(false);
    gates.open('a');
    expect(textOf(await calling)).toBe('passed a');
    await until(draining);
  });

  test('whose time is up answers what still runs, and aborts it', async () => {
    const { url, gates, supervisor } = await serveBoth();
    const calling = ask(url, toolBody('gate', { key: 'a' }, 3));
    const body = toolBody('progress', { key: 'b' }, 4);
    const stream = await openStream(url, { body, headers: modernHeaders(body) });
    await Promise.all([gates.entered('a'), gates.entered('b')]);
    await until(supervisor.drain({ timeout: 1 }).then(() => true));
    await Promise.all([gates.aborted('a'), gates.aborted('b')]);
    expect((await calling).json()).toMatchObject({ id: 3, error: { code: -32000 } });
    await stream.message();
    expect(await stream.message()).toMatchObject({ id: 4, error: { code: -32000 } });
  });
});

describe('a factory', () => {
  test('that builds servers of SDK v1: refused so that clients open a session, and told once', async () => {
    const { url, log } = await serveBoth({
      server: ({ serverOptions }) => new V1McpServer({ name: 'old', version: '1' }, { ...serverOptions }),
    });
    for (let n = 0; n < 3; n++) {
      const response = await discover(url);
      expect(response.status).toBe(400);
      expect(response.json().error).toMatchObject({
        code: -32000,
        message: expect.stringMatching(/^Unsupported protocol version/),
      });
    }
    expect((await post(url, INITIALIZE)).status).toBe(200);
    expect(log.filter(({ event }) => event === 'modern.unservable')).toEqual([
      expect.objectContaining({ level: 'warn', message: expect.stringMatching(/\(SDK v2\), of the one copy/) }),
    ]);
  });

  test('that throws: 500, told with its error; and the next is served', async () => {
    let broken = true;
    const { url, log } = await serveBoth({
      server: (context) => {
        if (broken) throw new Error('no luck');
        return buildModernServer(context);
      },
    });
    const response = await ask(url, toolBody('echo', { text: 'a' }, 8));
    expect(response.status).toBe(500);
    expect(response.json()).toMatchObject({ id: 8, error: { code: -32603 } });
    expect(log.find(({ event }) => event === 'server.failed')?.['error']).toMatchObject({ message: 'no luck' });
    broken = false;
    expect((await discover(url)).status).toBe(200);
  });

  test('that hangs: 504 after initializeTimeout, and its server is closed when it is there', async () => {
    const clock = new SimulatedClock();
    let give = (_: McpServer) => {};
    let closed = 0;
    const { url, supervisor } = await serveBoth({ clock, server: () => new Promise((resolve) => (give = resolve)) });
    const asking = discover(url);
    await until(() => supervisor.stats().servers.starting === 1);
    clock.increment(60_000);
    expect((await asking).status).toBe(504);
    const server = new McpServer({ name: 'late', version: '1' });
    const close = server.close.bind(server);
    server.close = () => {
      closed++;
      return close();
    };
    give(server);
    await until(() => closed === 1);
  });

  test('that shares one server: the second call at a time is refused, the first one is unhurt', async () => {
    const shared: McpServer[] = [];
    const { url, gates } = await serveBoth({
      server: (context) => (shared[0] ??= buildModernServer(context, gates)),
    });
    shared[0] = new McpServer({ name: 'shared', version: '1' });
    shared[0].registerTool('gate', { inputSchema: z.object({ key: z.string() }) }, async ({ key }, { mcpReq }) => {
      await gates.pass(key, mcpReq.signal);
      return { content: [{ type: 'text', text: 'mine' }] };
    });
    const first = ask(url, toolBody('gate', { key: 'a' }));
    await gates.entered('a');
    expect((await discover(url)).status).toBe(500);
    gates.open('a');
    expect(textOf(await first)).toBe('mine');
  });

  test('whose server closes itself in the midst of a call: an answer all the same', async () => {
    const { url } = await serveBoth({
      server: () => {
        const server = new McpServer({ name: 'quitter', version: '1' });
        server.registerTool('quit', {}, async () => {
          await server.close();
          return { content: [] };
        });
        return server;
      },
    });
    expect((await ask(url, toolBody('quit', {}, 6))).json()).toMatchObject({ id: 6, error: { code: -32603 } });
  });
});

test('a stateless supervisor serves both, and an initialize under a modern header', async () => {
  const { url, supervisor } = await serveBoth({ stateless: true });
  expect((await discover(url)).status).toBe(200);
  expect((await post(url, callBody('echo', { text: 'a' }))).status).toBe(200);
  expect((await post(url, INITIALIZE, { 'mcp-protocol-version': '2026-07-28' })).status).toBe(200);
  expect((await exchange('GET', url, { 'mcp-protocol-version': '2026-07-28', accept: '*/*' })).status).toBe(405);
  expect([...supervisor.sessions()]).toEqual([]);
});

const INITIALIZE = {
  ...{ jsonrpc: '2.0', id: 0, method: 'initialize' },
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'wire', version: '1' } },
};
