/** Requests of 2026-07-28 whose server does what no server should: each is answered, and holds nothing afterwards. */
import { type CallToolResult, McpServer } from '@modelcontextprotocol/server';
import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { until } from '../support/until.ts';
import { openStream } from '../support/wire.ts';
import { ask, buildModernServer, discover, modernHeaders, serveBoth, toolBody } from './modernServer.ts';

function circular(): CallToolResult {
  const result: CallToolResult = { content: [] };
  result['self'] = result;
  return result;
}

const throwing = (): CallToolResult => ({
  content: [],
  toJSON() {
    throw new Error('no JSON of me');
  },
});

/** A server whose tool `odd` answers so, after a notification where `told` says so. */
function oddServer(answer: () => CallToolResult, told = false): McpServer {
  const server = new McpServer({ name: 'odd', version: '1' });
  server.registerTool('odd', {}, async ({ mcpReq }) => {
    const params = { progressToken: 1, progress: 1 };
    if (told) await mcpReq.notify({ method: 'notifications/progress', params });
    return answer();
  });
  return server;
}

const NO_JSON = { id: 7, error: { code: -32603, message: 'Internal error: the answer is not JSON' } };

describe('an answer that is no JSON', () => {
  test.each([
    ['holds itself', circular],
    ['throws', throwing],
  ])('because it %s: an error in its place, which the log tells of', async (_, answer) => {
    const { url, log, supervisor } = await serveBoth({ server: () => oddServer(answer) });
    const response = await ask(url, toolBody('odd', {}, 7));
    expect(response.status).toBe(200);
    expect(response.json()).toEqual({ jsonrpc: '2.0', ...NO_JSON });
    expect(log.map(({ event }) => event)).toContain('server.failed');
    await until(() => supervisor.stats().calls === 0);
    expect(supervisor.stats().servers).toEqual({ starting: 0, closing: 0 });
  });

  test('on a stream: the same, as its last message', async () => {
    const { url, supervisor } = await serveBoth({ server: () => oddServer(circular, true) });
    const body = toolBody('odd', {}, 7);
    const stream = await openStream(url, { body, headers: modernHeaders(body) });
    expect(await stream.message()).toMatchObject({ method: 'notifications/progress' });
    expect(await stream.message()).toMatchObject(NO_JSON);
    expect(await stream.closed).toBe(true);
    await until(() => supervisor.stats().streams === 0);
  });

  test('with enableJsonResponse: the same, alone', async () => {
    const { url } = await serveBoth({ server: () => oddServer(circular, true), enableJsonResponse: true });
    expect((await ask(url, toolBody('odd', {}, 7))).json()).toMatchObject(NO_JSON);
  });

  test('costs no other request of the same server anything', async () => {
    let server: McpServer | undefined;
    const { url } = await serveBoth({ server: () => (server ??= oddServer(circular)) });
    await ask(url, toolBody('odd', {}, 7));
    await until(() => server?.isConnected() === false);
    expect(Object.hasOwn(server ?? {}, 'connect')).toBe(false);
    expect((await discover(url)).status).toBe(200);
  });
});

describe('a server whose connect', () => {
  test('hangs: 504 after initializeTimeout, and its place is free', async () => {
    const clock = new SimulatedClock();
    let connecting = 0;
    const { url } = await serveBoth({
      clock,
      maxModernRequests: 1,
      keepAliveInterval: Number.POSITIVE_INFINITY,
      server: (context) => {
        const server = buildModernServer(context);
        if (connecting === 0) server.connect = () => new Promise(() => void connecting++);
        return server;
      },
    });
    const asking = ask(url, toolBody('echo', { text: 'a' }));
    await until(() => connecting === 1);
    clock.increment(60_000);
    expect((await asking).status).toBe(504);
    expect((await discover(url)).status).toBe(200);
  });

  test('fails: 500, told with its error; and the next is served', async () => {
    let broken = true;
    const { url, log } = await serveBoth({
      server: (context) => {
        const server = buildModernServer(context);
        if (broken) server.connect = () => Promise.reject(new Error('no line'));
        return server;
      },
    });
    const response = await ask(url, toolBody('echo', { text: 'a' }, 8));
    expect(response.status).toBe(500);
    expect(response.json()).toMatchObject({ id: 8, error: { code: -32603 } });
    expect(log.find(({ event }) => event === 'server.failed')?.['error']).toMatchObject({ message: 'no line' });
    broken = false;
    expect((await discover(url)).status).toBe(200);
  });

  test('is through has all the time that it takes to answer', async () => {
    const clock = new SimulatedClock();
    const { url, gates } = await serveBoth({ clock, keepAliveInterval: Number.POSITIVE_INFINITY });
    const asking = ask(url, toolBody('gate', { key: 'a' }));
    await gates.entered('a');
    clock.increment(60_000);
    gates.open('a');
    expect((await asking).status).toBe(200);
  });
});
