/** Every host, by the table of cases that both adapters are tried by, and by what only a server of its own shows. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CORS_ORIGIN, HOST_CASES, type HostCase, type HostSend, runCase } from '../http/hostCases.ts';
import { connectClient } from '../support/client.ts';
import { until, withTimeout } from '../support/until.ts';
import { HOSTS, type Host, type HostEndpoint } from './hostList.ts';
import { HostProcess } from './hostProcess.ts';
import { openSession, sessionOf } from './hostSession.ts';
import { http2Send } from './http2Send.ts';

/** What a host prints when something of ours went wrong or went unhandled, by the marks of Node's own warnings. */
const COMPLAINT = /mcp-session-supervisor|unhandled|uncaught|\(node:\d+\)/i;

/** The case that an embedder without a logger is told of, and how: the first time, as Node prints its warnings. */
const OVERSIZE = HOST_CASES.filter(({ name }) => name === 'an initialize beyond 64 KiB');
const TOLD =
  /^\(node:\d+\) \[request\.refused\] McpSessionSupervisorWarning: Refused with 413: .*\(see the option maxInitializeSize\)$/m;

const bounded =
  (send: HostSend): HostSend =>
  (url, init) =>
    withTimeout(send(url, init), { what: 'the head of an answer' });

const sendTo = ({ protocol }: Host): HostSend => bounded(protocol === 'h2c' ? http2Send : fetch);

/** Whether a case says something about an endpoint of a supervisor that answers with streams. */
function concerns({ only }: HostCase, { bodies, brief }: HostEndpoint): boolean {
  if (brief === true) return false;
  return only === undefined || (only === 'unread' && bodies === 'supervisor');
}

/** An exception that holds no more has to go from the list. */
function expectAnswer({ except = [] }: HostEndpoint, { name }: HostCase, wrong: readonly string[]): void {
  if (except.includes(name)) expect(wrong).not.toEqual([]);
  else expect(wrong).toEqual([]);
}

describe.each(HOSTS.map((host) => [host.name, host] as const))('%s', (_name, host) => {
  const send = sendTo(host);
  beforeAll(() => HostProcess.prepare(host), 130_000);

  describe('with streams', () => {
    let running: HostProcess;
    beforeAll(async () => {
      running = await HostProcess.start(host, {});
    }, 30_000);
    afterAll(() => running?.end());
    const open = (path: string) => openSession(send, `${running.origin}${path}`);

    describe.each(host.endpoints.filter(({ bodies }) => bodies !== 'nobody'))('$path', (endpoint) => {
      const { path, shows = [] } = endpoint;

      test.each(HOST_CASES.filter((hostCase) => concerns(hostCase, endpoint)))('$name', async (hostCase) => {
        expectAnswer(endpoint, hostCase, await runCase(hostCase, send, `${running.origin}${path}`));
      });

      test("the SDK's client lives a whole session", async () => {
        const transport = { fetch: send as typeof fetch };
        const connected = await connectClient(`${running.origin}${path}`, { transport });
        const { tools } = await connected.client.listTools();
        expect(tools.map(({ name }) => name)).toContain('echo');
        expect(await connected.call('echo', { text: 'häh? 🚀' })).toBe('häh? 🚀');
        await connected.transport.terminateSession();
        const ended = sessionOf(send, `${running.origin}${path}`, connected.sessionId);
        expect(await ended.postText('{"jsonrpc":"2.0","id":1,"method":"ping"}')).toMatchObject({ status: 404 });
      });

      test('an initialize shows the headers of all who have a say', async () => {
        const { headers } = await open(path);
        expect(headers.get('content-type')).toMatch(/^text\/event-stream/);
        expect(headers.get('mcp-session-id')).toMatch(/^[\x21-\x7e]+$/);
        expect(shows.filter((name) => !headers.has(name))).toEqual([]);
      });

      test('what is sent before the answer comes before the answer', async () => {
        const session = await open(path);
        const stream = await session.hold('early');
        expect(stream.headers.get('content-encoding')).toBe(null);
        expect(await stream.message()).toMatchObject({ method: 'notifications/progress' });
        expect(await session.call('release', { key: session.key('early') })).toBe('released');
        expect(await stream.message()).toMatchObject({
          result: { content: [{ text: `released ${session.key('early')}` }] },
        });
      });

      test('a client that leaves in the midst of a call frees its session', async () => {
        const session = await open(path);
        const watcher = await open(path);
        const state = async () =>
          JSON.parse(await watcher.call('sessions')).find(({ id }: { id: string }) => id === session.id);
        const stream = await session.hold('left');
        await stream.message();
        expect(await state()).toMatchObject({ state: 'active', inFlight: 1 });
        stream.leave();
        await until(async () => (await state()).state === 'idle', { what: 'the session to be idle' });
        expect(await state()).toMatchObject({ inFlight: 0 });
        await session.call('release', { key: session.key('left') });
      });

      test('a handler sees the headers and the URL of its request', async () => {
        const session = await open(path);
        const { headers, url } = JSON.parse(await session.call('seen'));
        expect(headers).toMatchObject({ 'mcp-session-id': session.id });
        expect(new URL(url).pathname).toBe(path);
      });

      test('a body that is compressed is inflated by the host or refused', async () => {
        const session = await open(path);
        const answer = await session.postCompressed('ping');
        if (endpoint.bodies === 'supervisor') expect(answer).toMatchObject({ status: 415, code: -32000 });
        else expect([200, 415, 400]).toContain(answer.status);
      });

      test('a body that is no JSON is refused', async () => {
        const session = await open(path);
        expect((await session.postText('{ not JSON')).status).toBe(400);
      });
    });

    describe.each(host.endpoints.filter(({ bodies }) => bodies === 'nobody'))('$path', ({ path }) => {
      test('a body that was read and not handed over is refused in words that help', async () => {
        const answer = await send(`${running.origin}${path}`, {
          method: 'POST',
          headers: [
            ['Content-Type', 'application/json'],
            ['Accept', 'application/json, text/event-stream'],
          ],
          body: new TextEncoder().encode('{"jsonrpc":"2.0","id":1,"method":"ping"}'),
        });
        const { error } = (await answer.json()) as { error: { code: number; message: string } };
        expect(answer.status).toBe(400);
        expect(error.message).toMatch(/parsedBody|hand/i);
      });
    });

    test('nothing of ours was complained of but an oversize initialize, and that once', async () => {
      const [{ path } = { path: '' }] = host.endpoints.filter(({ bodies, brief }) => bodies !== 'nobody' && !brief);
      for (const hostCase of OVERSIZE) await runCase(hostCase, send, `${running.origin}${path}`);
      await until(() => TOLD.test(running.said), { what: 'the oversize initialize to be told of' });
      expect(running.said.replace(TOLD, '')).not.toMatch(COMPLAINT);
    });

    test('SIGTERM drains it', async () => {
      expect(await running.end()).toBe(0);
    });
  });

  describe('with JSON and CORS', () => {
    let running: HostProcess;
    beforeAll(async () => {
      running = await HostProcess.start(host, { JSON_RESPONSE: 'true', CORS_ORIGIN });
    }, 30_000);
    afterAll(() => running?.end());

    describe.each(host.endpoints.filter(({ bodies }) => bodies !== 'nobody'))('$path', (endpoint) => {
      const { path } = endpoint;
      const cases = HOST_CASES.filter(({ only }) => only === 'json' || only === 'cors');
      test.each(cases)('$name', async (hostCase) => {
        expectAnswer(endpoint, hostCase, await runCase(hostCase, send, `${running.origin}${path}`));
      });

      test("the SDK's client calls a tool", async () => {
        const connected = await connectClient(`${running.origin}${path}`, {
          transport: { fetch: send as typeof fetch },
        });
        expect(await connected.call('echo', { text: 'JSON' })).toBe('JSON');
        await connected.transport.terminateSession();
      });
    });
  });
});
